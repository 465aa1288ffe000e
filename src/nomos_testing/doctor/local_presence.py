"""The runs of this machine: runners that live, and what dead ones have left in processes and files.

A runner is found by its journal, which it has open for writing. A node is found by its working directory, which is a
directory of its run, and by its configuration there.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Final

import psutil
import yaml

from nomos_testing.deployers.compose.rendering import COMPOSE_FILE_NAME
from nomos_testing.deployers.compose.workspace import PREFIX
from nomos_testing.deployers.shared.run_owner import OWNER_MARK, OwnerState, RunOwner, state_of
from nomos_testing.doctor.presence import Presence, counted
from nomos_testing.journal.events import RunStarted
from nomos_testing.journal.journal import JOURNAL_NAME, read_journal
from nomos_testing.runtime.control_client import ControlClient, ControlRefused
from nomos_testing.runtime.control_protocol import SOCKET_NAME

_REAPER: Final = ("deployers", "shared", "reaper.py")
"""The end of the path of the reaper's program, in whatever installation."""
_CONFIGURATIONS: Final = frozenset({"validator.yaml", "executor.yaml"})
_STATUS_SECONDS: Final = 2.0
"""A runner that is busy has no time to say until when its network is kept."""


@dataclass(frozen=True, slots=True)
class NodeProcess:
    """A process of a node of this machine."""

    pid: int
    started: float
    """``create_time`` of psutil, so that no later process with the same id is taken for it."""
    directory: Path
    """The node's directory."""

    @property
    def run(self) -> Path:
        """The run directory."""
        return self.directory.parent

    def __str__(self) -> str:
        return f"{self.directory.name} (pid {self.pid})"

    def kill(self) -> None:
        """Kill it, if it is still the same process."""
        with suppress(psutil.Error):
            process = psutil.Process(self.pid)
            if process.create_time() == self.started:
                process.kill()


def runners() -> dict[Path, int]:
    """Return the processes that have the journal of a run open for writing, by run directory."""
    found: dict[Path, int] = {}
    for process in psutil.process_iter():
        for directory in _written_journals(process.pid):
            found[directory] = min(process.pid, found.get(directory, process.pid))
    return found


def node_processes() -> list[NodeProcess]:
    """Return the processes of nodes that work in a run directory of this machine."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            argv, directory = process.cmdline(), Path(process.cwd())
            if not argv or Path(argv[-1]).name not in _CONFIGURATIONS:
                continue
            if (directory.parent / JOURNAL_NAME).is_file() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(NodeProcess(process.pid, process.create_time(), directory))
    return found


def nodes_and_runners() -> tuple[list[NodeProcess], dict[Path, int]]:
    """Return the processes of nodes, and then the runners.

    A run that begins in between has a runner without nodes. In another order it would have nodes without a runner, as
    if it were dead.
    """
    return node_processes(), runners()


async def local_presence() -> list[Presence]:
    """Return the runs of this machine that live, and those of which processes are left."""
    nodes, live = await asyncio.to_thread(nodes_and_runners)
    by_run: defaultdict[Path, list[NodeProcess]] = defaultdict(list)
    for node in nodes:
        by_run[node.run].append(node)
    return [await _presence(directory, live.get(directory), by_run[directory]) for directory in {*live, *by_run}]


def stale_files(runs_directory: Path) -> list[Path]:
    """Return the sockets of runs that are over, and the workspaces of stacks whose runner is dead."""
    sockets = sorted(runs_directory.absolute().glob(f"*/{SOCKET_NAME}"))
    live = runners()  # after the sockets: a run opens its journal before its socket
    return [*(path for path in sockets if path.parent not in live), *sorted(_dead_workspaces())]


async def _presence(directory: Path, pid: int | None, nodes: list[NodeProcess]) -> Presence:
    started, since = _beginning(directory)
    things = [counted([str(node) for node in nodes], "node")] if nodes else []
    if pid is not None:
        things += [f"reaper (pid {found})" for found in _reapers(pid)]
    return Presence(
        runner=started.deployer if started is not None else "local",
        name=directory.name,
        state=OwnerState.DEAD if pid is None else OwnerState.ALIVE,
        things=tuple(things),
        scenario=None if started is None else started.scenario,
        directory=str(directory),
        since=since,
        owner=None if pid is None else RunOwner.of(pid).shown,
        kept_until=None if pid is None else await _kept_until(directory),
    )


def _written_journals(pid: int) -> Iterator[Path]:
    try:
        descriptors = os.listdir(f"/proc/{pid}/fd")
    except OSError:
        return  # it ended, or belongs to another user
    for descriptor in descriptors:
        with suppress(OSError):
            target = Path(os.readlink(f"/proc/{pid}/fd/{descriptor}"))
            if target.name == JOURNAL_NAME and _for_writing(pid, descriptor):
                yield target.parent


def _for_writing(pid: int, descriptor: str) -> bool:
    with open(f"/proc/{pid}/fdinfo/{descriptor}", encoding="ascii") as file:
        flags = next(line.split()[1] for line in file if line.startswith("flags:"))
    return int(flags, 8) & os.O_ACCMODE != os.O_RDONLY


def _beginning(directory: Path) -> tuple[RunStarted | None, float | None]:
    """Return the first event of a journal, and its time. The journal of a runner in a container is not visible here."""
    with suppress(OSError, ValueError):
        for entry in islice(read_journal(directory / JOURNAL_NAME), 1):
            since = datetime.fromisoformat(entry.time).timestamp()
            return (entry.event if isinstance(entry.event, RunStarted) else None), since
    return None, None


def _reapers(pid: int) -> list[int]:
    with suppress(psutil.Error):
        return [child.pid for child in psutil.Process(pid).children() if any(map(_is_reaper, child.cmdline()))]
    return []


def _is_reaper(argument: str) -> bool:
    return Path(argument).parts[-len(_REAPER) :] == _REAPER


async def _kept_until(directory: Path) -> float | None:
    try:
        async with asyncio.timeout(_STATUS_SECONDS):
            client = await ControlClient.connect(directory)
            try:
                status = await client.ask("status")
            finally:
                await client.close()
    except (ControlRefused, TimeoutError):
        return None
    until = status.get("kept_until")
    return float(until) if until is not None else None


def _dead_workspaces() -> Iterator[Path]:
    for directory in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        if _workspace_owner(directory / COMPOSE_FILE_NAME) is OwnerState.DEAD:
            yield directory


def _workspace_owner(file: Path) -> OwnerState:
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
        return state_of(document["services"]["cfgsync"]["labels"].get(OWNER_MARK))
    except (OSError, yaml.YAMLError, LookupError, TypeError, AttributeError):
        return OwnerState.UNKNOWN
