"""What a reaper does about the containers of a runner that died, with a Docker that only takes notes."""

from __future__ import annotations

import io
import json
from pathlib import Path

from nomos_testing.deployers.shared.reaper import read_estate

_NOTES = """#!/bin/sh
echo "$*" >> notes
case "$1 $2" in
  "ps --all") test -e removed || echo c1 c2 ;;
  "network ls") test -e removed || echo n1 ;;
  "rm --force") echo >> removed ;;
esac
"""


def test_containers_and_networks_with_the_label_go(tmp_path: Path) -> None:
    program = tmp_path / "docker"
    program.write_text(_NOTES.replace("notes", str(tmp_path / "notes")).replace("removed", str(tmp_path / "removed")))
    program.chmod(0o755)
    journal = tmp_path / "journal.jsonl"
    stack = {"docker": [str(program)], "label": "run=x", "environ": {"PATH": "/usr/bin:/bin"}}
    messages = [stack, {"journal": str(journal), "opened": 0.0}]
    estate = read_estate(io.StringIO("".join(json.dumps(message) + "\n" for message in messages)))
    assert not estate.settled
    estate.clean_up()
    notes = (tmp_path / "notes").read_text().splitlines()
    assert "ps --all --quiet --no-trunc --filter label=run=x" in notes
    assert "rm --force --volumes c1 c2" in notes
    assert "network rm n1" in notes
    (line,) = journal.read_text().splitlines()
    assert json.loads(line)["detail"].endswith("the reaper killed 0 process groups and removed 2 containers")


def test_no_docker_is_no_reason_to_leave_files(tmp_path: Path) -> None:
    left = tmp_path / "workspace"
    left.mkdir()
    stack = {"docker": ["no-such-docker"], "label": "run=x", "environ": {}}
    estate = read_estate(io.StringIO(json.dumps(stack) + "\n" + json.dumps({"path": str(left)}) + "\n"))
    estate.clean_up()
    assert not left.exists()
