"""The reference of the Python API builds without a warning, and describes every public name."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import nomos_testing
from support.repository.repository_copy import REPOSITORY

pytestmark = pytest.mark.slow

SCRIPT = REPOSITORY / "scripts/build-api-docs.py"


def build(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), "--to", str(directory / "html"), *arguments]
    environment = {"PYTHONPATH": str(directory), "PATH": ""}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_it_builds_and_describes_what_users_import(tmp_path: Path) -> None:
    done = build(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    start = (tmp_path / "html/nomos_testing.html").read_text()
    described = set(re.findall(r' id="([\w.]+)"', start))
    assert set(nomos_testing.__all__) <= described
    assert {"RunContext.block_feed", "RunContext.spawn", "Cluster.nodes", "NodeClient.consensus_info"} <= described
    events = (tmp_path / "html/nomos_testing/journal/events.html").read_text()
    assert 'id="BlockSeen.height"' in events
    pages = {page.relative_to(tmp_path / "html") for page in (tmp_path / "html").rglob("*.html")}
    assert pages - {Path("index.html")} == reachable(tmp_path / "html", Path("nomos_testing.html"))


def reachable(root: Path, start: Path) -> set[Path]:
    """Follow the links from the page that a reader opens first."""
    found, todo = {start}, [start]
    while todo:
        page = todo.pop()
        for link in re.findall(r'href="([^":]+\.html)[^"]*"', (root / page).read_text()):
            target = (root / page.parent / link).resolve().relative_to(root.resolve())
            if target not in found:
                found.add(target)
                todo.append(target)
    return found


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('"""Documented."""\n\ndef dig(depth: "Nowhere") -> None:\n    """Dig."""\n', "Nowhere"),
        ('"""Documented."""\n\n\ndef dig() -> None:\n    return\n', "nomos_testing_probe: dig"),
    ],
    ids=["an annotation that leads nowhere", "a function without a docstring"],
)
def test_a_problem_is_an_error(tmp_path: Path, text: str, complaint: str) -> None:
    (tmp_path / "nomos_testing_probe.py").write_text(text)
    done = build(tmp_path, "--modules", "nomos_testing_probe")
    assert done.returncode == 1
    assert complaint in done.stderr
