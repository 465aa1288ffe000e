"""The generated pages of docs/ are what scripts/write-reference.py writes, and say something of every name."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from nomos_testing.journal.events import event_kinds
from nomos_testing.scenario.file.loader import parse_scenario
from support.repository.repository_copy import REPOSITORY

DOCS = REPOSITORY / "docs"
PAGES = ["command-line.md", "diagnosis.md", "journal-events.md", "scenario-file.md"]
ROW = re.compile(r"^\| (`[^|]+`) \|(.*)\| ([^|]*) \|$", re.MULTILINE)
"""A row of a table: the name, what lies between, the meaning."""


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages as the script writes them now."""
    directory = tmp_path_factory.mktemp("pages")
    command = [sys.executable, str(REPOSITORY / "scripts/write-reference.py"), "--to", str(directory)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return directory


def test_the_script_writes_these_pages_and_no_others(written: Path) -> None:
    assert sorted(page.name for page in written.iterdir()) == PAGES


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_fresh(written: Path, name: str) -> None:
    remedy = f"docs/{name} is not what the code says: run .venv/bin/python scripts/write-reference.py"
    assert (DOCS / name).read_text() == (written / name).read_text(), remedy


@pytest.mark.parametrize("name", PAGES)
def test_every_row_of_a_page_has_a_meaning(name: str) -> None:
    rows = ROW.findall((DOCS / name).read_text())
    assert len(rows) > 30
    assert [row[0] for row in rows if not row[2].strip()] == []


@pytest.mark.parametrize("name", PAGES)
def test_every_link_within_a_page_leads_to_a_heading(name: str) -> None:
    text = (DOCS / name).read_text()
    headings = {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    }
    links = set(re.findall(r"\]\(#([^)]+)\)", text))
    assert links
    assert links <= headings


def test_every_program_has_a_section_with_its_exit_codes() -> None:
    programs = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["scripts"]
    sections = re.split(r"^## ", (DOCS / "command-line.md").read_text(), flags=re.MULTILINE)[1:]
    texts = {title: text for title, _, text in (section.partition("\n") for section in sections)}
    assert {title.split()[0] for title in texts} == set(programs)
    groups = {title for title, text in texts.items() if "COMMAND [ARGS]" in text}
    assert groups == {"nomos-cli", "nomos-testing"}
    assert [title for title, text in texts.items() if title not in groups and "Exit codes: 0 " not in text] == []


def test_every_kind_of_event_has_a_section() -> None:
    sections = set(re.findall(r"^## `(\w+)`$", (DOCS / "journal-events.md").read_text(), re.MULTILINE))
    registered = {kind for kind, event in event_kinds().items() if event.__module__.startswith("nomos_testing.")}
    assert registered <= sections
    assert {"run_started", "fault_injected", "blob_dispersed", "transaction_sent", "machine_reading"} <= sections


def test_the_examples_of_the_scenario_file_build() -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", (DOCS / "scenario-file.md").read_text(), re.DOTALL)
    whole, *parts = blocks
    assert parse_scenario(whole, "example.yaml").seed == 7
    assert len(parts) > 15
    for part in parts:
        for key, entries in yaml.safe_load(part).items():
            for entry in entries:
                parse_scenario(yaml.safe_dump(_around(key, entry)), "example.yaml")


def _around(key: str, entry: Mapping[str, object]) -> Mapping[str, object]:
    """A scenario in which the entry makes sense."""
    network = {"topology": {"validators": 3, "executors": 1}, "wallets": 1000, "node_control": True, "run_for": 600}
    some_fault = {"faults": [{"at": 10, "lasting": 5, "pause": {"node": "any"}}]} if key == "expectations" else {}
    return {**network, "network_control": True, **some_fault, key: [entry]}


def test_the_example_of_the_journal_reads_a_journal(tmp_path: Path) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", (DOCS / "journal-events.md").read_text(), re.DOTALL)
    (tmp_path / "example.py").write_text(example)
    line = '{"at":1.5,"time":"2026-01-01T00:00:00+00:00","kind":%s}\n'
    block = '"block_seen","block":"ab","parent":"cd","slot":7,"height":3,"transactions":0,"node":"validator-0"'
    (tmp_path / "journal.jsonl").write_text(line % '"notice","text":"hello"' + line % block)
    names = runpy.run_path(str(tmp_path / "example.py"))
    assert names["slots_with_blocks"](tmp_path) == [7]
