"""Marks on what a run makes outside of its processes: the runner that owns it, its scenario, its directory.

They are labels in Docker and annotations on a cluster. By them, ``nomos-testing ps`` and ``clean`` tell what still
belongs to a runner, also where other machines use the same daemon or cluster.
"""

from __future__ import annotations

import os
import platform
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, Self

from nomos_testing.runtime.process_usage import process_state

OWNER_MARK: Final = "logos-blockchain-testing.owner"
SCENARIO_MARK: Final = "logos-blockchain-testing.scenario"
DIRECTORY_MARK: Final = "logos-blockchain-testing.directory"
_MACHINE_ID: Final = Path("/etc/machine-id")
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_PID_NAMESPACE: Final = Path("/proc/self/ns/pid")


class OwnerState(StrEnum):
    """The state of the runner that owns something."""

    ALIVE = "alive"
    """It runs on this machine."""
    DEAD = "dead"
    """It ran on this machine, and has ended."""
    UNKNOWN = "unknown"
    """It ran on another machine, or in another container: nothing can be said from here."""


@dataclass(frozen=True, slots=True)
class RunOwner:
    """The process of a runner, so that no other process of any machine is taken for it."""

    machine: str
    """Name and id of the machine."""
    boot: str
    """Id of the machine's boot."""
    processes: str
    """The namespace in which the process has its id."""
    pid: int
    started: int
    """When it started, in clock ticks since boot."""

    @classmethod
    def of(cls, pid: int) -> Self:
        """Describe a process of this machine that runs."""
        state = process_state(pid)
        started = 0 if state is None else state.started_ticks
        return cls(_machine(), _text(_BOOT_ID), _link(_PID_NAMESPACE), pid, started)

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read the text of a mark; None if it is none."""
        parts = text.split("|")
        try:
            machine, boot, processes, pid, started = parts
            return cls(machine, boot, processes, int(pid), int(started))
        except ValueError:
            return None

    def __str__(self) -> str:
        return "|".join(map(str, asdict(self).values()))

    @property
    def shown(self) -> str:
        """Process and machine, for people."""
        return f"pid {self.pid} on {self.machine.partition('/')[0]}"

    def state(self) -> OwnerState:
        """Tell whether the process still runs."""
        if self.machine != _machine():
            return OwnerState.UNKNOWN
        if self.boot != _text(_BOOT_ID):
            return OwnerState.DEAD
        if self.processes != _link(_PID_NAMESPACE):
            return OwnerState.UNKNOWN
        state = process_state(self.pid)
        return OwnerState.ALIVE if state is not None and state.started_ticks == self.started else OwnerState.DEAD


def run_marks(scenario: str, run_directory: Path) -> dict[str, str]:
    """Return the marks of what this process makes for a run."""
    return {
        OWNER_MARK: str(RunOwner.of(os.getpid())),
        SCENARIO_MARK: scenario,
        DIRECTORY_MARK: str(run_directory),
    }


def state_of(mark: str | None) -> OwnerState:
    """Return the state of the runner that a mark names; unknown without a mark."""
    owner = None if mark is None else RunOwner.parse(mark)
    return OwnerState.UNKNOWN if owner is None else owner.state()


def _machine() -> str:
    return f"{platform.node()}/{_text(_MACHINE_ID)}".replace("|", "")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def _link(path: Path) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""
