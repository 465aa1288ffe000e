"""The manual of the pytest plugin: its example works, and it names every option, mark and fixture."""

from __future__ import annotations

import re

import pytest

import nomos_testing.pytest_plugin as plugin
from support.repository.repository_copy import REPOSITORY

pytest_plugins = ["pytester"]

MANUAL = (REPOSITORY / "docs/pytest.md").read_text(encoding="utf-8")
SETTINGS = "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n"
EXAMPLE = MANUAL.split("```python\n", 1)[1].split("```", 1)[0]


@pytest.mark.slow
@pytest.mark.network
def test_the_example_works(pytester: pytest.Pytester) -> None:
    pytester.makeini(SETTINGS)
    pytester.makepyfile(test_example=EXAMPLE)
    everything = pytester.runpytest_inprocess("--collect-only", "--strict-markers")
    everything.assert_outcomes()
    everything.stdout.fnmatch_lines(["*4 tests collected*"])
    # The shared network is up in a second; the scenarios of the example take half a minute.
    pytester.runpytest_subprocess("-k", "nodes_answer", timeout=120).assert_outcomes(passed=2, deselected=2)


def test_every_option_mark_and_fixture_is_described(pytester: pytest.Pytester) -> None:
    pytester.makeini(SETTINGS)
    shown = pytester.runpytest_inprocess("--help").stdout.str()
    options = set(re.findall(r"^  (--nomos-[a-z-]+)", shown, re.MULTILINE))
    assert options
    assert set(re.findall(r"^\| `(--nomos-[a-z-]+)", MANUAL, re.MULTILINE)) == options
    marks = set(re.findall(r"^@pytest.mark.(nomos_\w+)", pytester.runpytest_inprocess("--markers").stdout.str(), re.M))
    assert marks
    assert set(re.findall(r"^\| `@pytest.mark.(nomos_\w+)", MANUAL, re.MULTILINE)) == marks
    fixtures = {name for name, value in vars(plugin).items() if type(value).__name__ == "FixtureFunctionDefinition"}
    assert fixtures
    assert set(re.findall(r"^\| `(\w+)` \| (?:test|module|session) \|", MANUAL, re.MULTILINE)) == fixtures
