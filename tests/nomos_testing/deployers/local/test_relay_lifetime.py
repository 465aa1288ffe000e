"""However the runner goes, its relay goes too, and what the relay wrote down stays."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from support.processes.fake_node_processes import TESTS, eventually

pytestmark = pytest.mark.network

RUNNER = """
import asyncio, sys
from pathlib import Path
from nomos_testing.deployers.shared.reaper_client import Reaper
from nomos_testing.journal.journal import Journal
from support.processes.relay_lab import relay_lab

async def main():
    directory = Path(sys.argv[1])
    journal = Journal(directory / "journal.jsonl")
    reaper = Reaper(journal.path, journal.opened)
    async with relay_lab(directory, "a", "b") as lab:
        reaper.watch_group(lab.pid)
        print(lab.pid, reaper.pid, flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


@contextmanager
def running(directory: Path) -> Iterator[tuple[subprocess.Popen[str], int, int]]:
    """A runner with a relay: its process, the relay's pid and the reaper's."""
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    argv = [sys.executable, "-c", RUNNER, str(directory)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            relay, reaper = map(int, process.stdout.readline().split())
            yield process, relay, reaper
        finally:
            process.kill()


def is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.mark.parametrize("frozen", [False, True], ids=["running", "frozen"])
def test_the_relay_ends_with_a_killed_runner(tmp_path: Path, frozen: bool) -> None:
    with running(tmp_path) as (process, relay, reaper):
        if frozen:
            os.kill(relay, signal.SIGSTOP)
        process.kill()
        process.wait()
        with eventually("the end of the relay and the reaper") as attempts:
            for _ in attempts:
                if is_gone(relay) and is_gone(reaper):
                    break
    events = [json.loads(line)["event"] for line in (tmp_path / "relay.log").read_text().splitlines()]
    assert events[0] == "opened"
