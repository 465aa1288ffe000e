"""docs/faults.md: its example builds, and its tables name all that there is."""

from __future__ import annotations

import re
from typing import Any

from nomos_testing.expectations.conditions import CONDITIONS
from nomos_testing.faults.vocabulary import FAULT_WORDS
from support.repository.repository_copy import REPOSITORY

MANUAL = (REPOSITORY / "docs/faults.md").read_text()


def section(title: str) -> str:
    return MANUAL.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_every_fault_is_told_with_its_heal() -> None:
    rows = re.findall(r"^\| (`.+?`) \| .* \| .+ \|$", section("Kinds of faults"), re.MULTILINE)
    assert re.findall(r"`(\w+)`", " ".join(rows)) == list(FAULT_WORDS)


def test_every_condition_is_told() -> None:
    told = set(re.findall(r"`(\w+)`", section("What to expect of the network")))
    assert set(CONDITIONS) <= told


def test_the_python_example_builds_the_plan_it_says() -> None:
    (example,) = re.findall(r"```python\n(.*?)```", MANUAL, re.DOTALL)
    names: dict[str, Any] = {}
    exec(example, names)
    planned = [planned.fault.kind for planned in names["scenario"].faults]
    assert planned[:2] == ["partition", "latency"]
    assert set(planned[2:]) == {"pause"}
