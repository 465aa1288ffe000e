"""The manual says what is so: its table of variables is made from the settings, and what it names exists."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path

import pytest

from nomos_testing.settings import VariableHelp, documented_variables
from support.repository.repository_copy import REPOSITORY, STACK

MANUAL = REPOSITORY / "docs/operations.md"
PAGES = [REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
_TABLE = re.compile(r"(?<=compares -->\n)(.*?)(?=<!-- end of variables -->)", re.DOTALL)


def variables_table() -> str:
    header = "| Variable | Default | Effect |\n|---|---|---|\n"
    return header + "".join(map(_row, documented_variables()))


def _row(variable: VariableHelp) -> str:
    names = "<br>".join(f"`{name}`" for name in variable.names)
    default = "unset" if variable.default in {"unset", "False"} else f"`{variable.default}`"
    return f"| {names} | {default} | {variable.effect.replace('|', chr(92) + '|')} |\n"


def test_the_table_of_variables_is_that_of_the_settings() -> None:
    """``NOMOS_UPDATE_DOCS=1`` writes the table instead of comparing it."""
    manual = MANUAL.read_text()
    if os.environ.get("NOMOS_UPDATE_DOCS"):
        MANUAL.write_text(manual := _TABLE.sub(lambda _: variables_table(), manual))
    found = _TABLE.search(manual)
    assert found is not None
    assert found[1] == variables_table()


def named(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_what_a_page_links_to_exists(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text())
    local = [target for target in targets if "://" not in target]
    assert [target for target in local if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_what_a_page_tells_to_run_exists(page: Path) -> None:
    programs = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["scripts"]
    code = "\n".join(re.findall(r"```bash\n(.*?)```", page.read_text(), re.DOTALL))
    scripts = set(re.findall(r"(?<![\w/.])scripts/[\w.-]+", code))
    assert [name for name in sorted(scripts) if not os.access(REPOSITORY / name, os.X_OK)] == []
    called = set(re.findall(r"\.venv/bin/([\w-]+)", code)) - {"python"}
    assert called <= set(programs)
    examples = set(re.findall(r"examples/[\w.-]+", code))
    assert [name for name in sorted(examples) if not (REPOSITORY / name).exists()] == []


def test_the_first_screen_of_the_readme_has_the_two_commands() -> None:
    first_screen = "\n".join((REPOSITORY / "README.md").read_text().splitlines()[:25])
    assert "scripts/run-examples.sh -t 60 -v 1 -e 1 local" in first_screen
    assert "scripts/run-tests.sh" in first_screen


def test_the_manual_quotes_messages_that_the_scripts_print() -> None:
    scripts = (*(REPOSITORY / "scripts").rglob("*.sh"), *(REPOSITORY / STACK).rglob("*.sh"))
    printed = "".join(script.read_text() for script in scripts)
    quoted = re.findall(r"^\| `(?:ERROR|prepare-venv\.sh): ([\w' ]+)", MANUAL.read_text(), re.MULTILINE)
    assert len(quoted) >= 6
    for text in quoted:
        assert text.strip() in printed, f"the manual quotes {text!r}"
