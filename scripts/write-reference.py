#!/usr/bin/env python3
"""Writes the pages of docs/ that are made from the code.

Run it with the project's Python after a change of what these pages describe: ``.venv/bin/python
scripts/write-reference.py``. The tests compare the pages with what it writes.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path

from reference.command_line import command_line_page
from reference.diagnosis import diagnosis_page
from reference.journal_events import journal_events_page
from reference.scenario_file import scenario_file_page

DOCS = Path(__file__).parents[1] / "docs"
PAGES: Mapping[str, Callable[[], str]] = {
    "command-line.md": command_line_page,
    "diagnosis.md": diagnosis_page,
    "journal-events.md": journal_events_page,
    "scenario-file.md": scenario_file_page,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--to", type=Path, default=DOCS, metavar="DIRECTORY", help="default: docs/")
    directory = parser.parse_args().to
    directory.mkdir(parents=True, exist_ok=True)
    for name, write in PAGES.items():
        (directory / name).write_text(write(), encoding="utf-8")


if __name__ == "__main__":
    main()
