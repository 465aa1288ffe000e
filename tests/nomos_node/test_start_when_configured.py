"""A node that is started before its configuration is there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

START = (sys.executable, "-m", "nomos_node.start_when_configured")


def start_when_configured(*arguments: str, directory: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*START, *arguments], cwd=directory, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.slow
def test_it_becomes_the_node_once_the_command_has_succeeded(tmp_path: Path) -> None:
    fetch = "echo fetching; echo 'network: here' > config.yaml"
    done = start_when_configured("nomos-node", "config.yaml", "sh", "-c", fetch, directory=tmp_path)
    assert done.stdout == "fetching\n"
    assert done.returncode == 1
    assert "config.yaml" in done.stderr, "the node has read it and complains"


@pytest.mark.slow
@pytest.mark.parametrize(("command", "status"), [("exit 3", 3), ("kill -9 $$", 137)])
def test_it_ends_as_a_command_that_failed(tmp_path: Path, command: str, status: int) -> None:
    done = start_when_configured("nomos-node", "config.yaml", "sh", "-c", command, directory=tmp_path)
    assert (done.returncode, done.stderr) == (status, "")


def test_it_says_how_it_is_called(tmp_path: Path) -> None:
    done = start_when_configured("nomos-node", "config.yaml", directory=tmp_path)
    assert done.returncode == 1
    assert done.stderr == "usage: python -m nomos_node.start_when_configured PROGRAM CONFIG.yaml COMMAND...\n"
