"""What a reaper does about the containers of a runner that died, with a Docker that only takes notes."""

from __future__ import annotations

import io
import json
from pathlib import Path

from nomos_testing.deployers.compose.teardown import leftovers
from nomos_testing.deployers.shared.reaper import CleanupList, read_cleanup_list

_NOTES = """#!/bin/sh
echo "$*" >> notes
case "$1 $2" in
  "ps --all") test -e removed || echo c1 c2 ;;
  "network ls") test -e removed-network || echo n1 ;;
  "rm --force") echo >> removed ;;
  "network rm") echo >> removed-network ;;
esac
"""


def cleanup_of(docker: Path | str, *others: dict[str, object]) -> CleanupList:
    """Everything a reaper of one stack is told: the commands of the deployer, then ``others``."""
    messages = [
        {"what": kind.what, "list": kind.listing, "remove": kind.removing, "environ": {"PATH": "/usr/bin:/bin"}}
        for kind in leftovers(str(docker), "x")
    ]
    return read_cleanup_list(io.StringIO("".join(json.dumps(message) + "\n" for message in (*messages, *others))))


def test_containers_and_networks_with_the_label_go(tmp_path: Path) -> None:
    program = tmp_path / "docker"
    program.write_text(_NOTES.replace("notes", str(tmp_path / "notes")).replace("removed", str(tmp_path / "removed")))
    program.chmod(0o755)
    journal = tmp_path / "journal.jsonl"
    cleanup = cleanup_of(program, {"journal": str(journal), "opened": 0.0})
    assert not cleanup.done
    cleanup.clean_up()
    notes = (tmp_path / "notes").read_text().splitlines()
    assert "ps --all --quiet --no-trunc --filter label=logos-blockchain-testing.run=x" in notes
    assert "rm --force --volumes c1 c2" in notes
    assert "network rm n1" in notes
    (line,) = journal.read_text().splitlines()
    assert json.loads(line)["detail"].endswith(
        "the reaper killed 0 process groups and removed 2 containers, 1 networks, 0 volumes"
    )


def test_no_docker_is_no_reason_to_leave_files(tmp_path: Path) -> None:
    left = tmp_path / "workspace"
    left.mkdir()
    cleanup_of("no-such-docker", {"path": str(left)}).clean_up()
    assert not left.exists()
