"""Measures the processor time, the memory and the files of a node's process, from ``/proc``.

The runner uses it for nodes of this machine. For the others it is a program: its text is sent to a Python interpreter
beside the node, with the process id as argument. It prints a JSON line about once a second, until the process or the
program's input ends. So the module imports nothing of the project.
"""

from __future__ import annotations

import json
import os
import select
import sys
import time
from collections.abc import Iterator
from typing import NamedTuple

FILES_SECONDS = 5.0
"""Seconds from one look at the files to the next. A look costs more than the rest, the more files there are."""
_READING_SECONDS = 1.0
"""Seconds from one reading of the program to the next."""
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class ProcessState(NamedTuple):
    """The state of a process at one moment."""

    started_ticks: int
    """When it started, in clock ticks since boot. A later process with the same id has another start."""
    cpu_seconds: float
    """Processor time that it has used."""
    memory_bytes: int
    """Its resident memory."""

    @property
    def started_seconds(self) -> float:
        """When it started, in seconds since boot."""
        return self.started_ticks / _TICKS


class Reading(NamedTuple):
    """The use of a node's process together with the processes that it has started. None: not known."""

    cpu: float | None
    """Processors in use since the reading before."""
    memory_bytes: int
    """Resident memory."""
    disk_bytes: int | None
    """Bytes of the files in its working directory, when they were looked at last."""


def process_state(pid: int) -> ProcessState | None:
    """Return the state of a process; None for one that has ended, also if its parent has not noticed yet."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()  # the name before may contain anything
    except OSError:
        return None
    if fields[0] in "ZX":
        return None
    ticks = int(fields[11]) + int(fields[12])
    return ProcessState(int(fields[19]), ticks / _TICKS, int(fields[21]) * _PAGE_BYTES)


class UsageReader:
    """Reads the use of one process again and again."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        state = process_state(pid)
        self._started = None if state is None else state.started_ticks
        self._members: tuple[int, ...] = (pid,)
        self._spent: dict[tuple[int, int], float] = {}
        """Processor time at the last reading, by process and its start."""
        self._read_at: float | None = None
        self._disk_bytes: int | None = None

    def look_at_files(self) -> None:
        """Find out what the next readings tell of files, and of processes that were started meanwhile.

        It may take long. It can run in another thread.
        """
        self._members = (self.pid, *_descendants(self.pid))
        self._disk_bytes = _bytes_below(f"/proc/{self.pid}/cwd/")

    def read(self, now: float) -> Reading | None:
        """Return the use until ``now``, in seconds of any clock; None once the process has ended. Takes no time."""
        states = {pid: state for pid in self._members if (state := process_state(pid)) is not None}
        if self.pid not in states or states[self.pid].started_ticks != self._started:
            return None
        spent = {(pid, state.started_ticks): state.cpu_seconds for pid, state in states.items()}
        cpu = None
        if self._read_at is not None and now > self._read_at:
            used = sum(seconds - self._spent.get(process, seconds) for process, seconds in spent.items())
            cpu = round(used / (now - self._read_at), 4)
        self._spent, self._read_at = spent, now
        return Reading(cpu, sum(state.memory_bytes for state in states.values()), self._disk_bytes)


def _descendants(pid: int) -> Iterator[int]:
    """Iterate over the processes that a process and its descendants have started. Not every kernel tells them."""
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return
    for thread in threads:
        try:
            with open(f"/proc/{pid}/task/{thread}/children", encoding="ascii") as file:
                children = [int(child) for child in file.read().split()]
        except OSError:
            continue
        for child in children:
            yield child
            yield from _descendants(child)


def _bytes_below(directory: str) -> int | None:
    """Return the sizes of all files below a directory; None if it can't be read, or is a whole file system."""
    try:
        if os.path.realpath(directory) == "/":
            return None
        with os.scandir(directory) as entries:
            return sum(_bytes_of(entry) for entry in entries)
    except OSError:
        return None


def _bytes_of(entry: os.DirEntry[str]) -> int:
    if entry.is_dir(follow_symlinks=False):
        return _bytes_below(entry.path) or 0
    try:
        return entry.stat(follow_symlinks=False).st_size
    except OSError:
        return 0  # it was deleted in this moment


def main() -> None:
    reader, looked_at = UsageReader(int(sys.argv[1])), float("-inf")
    while True:
        if time.monotonic() - looked_at >= FILES_SECONDS:
            reader.look_at_files()
            looked_at = time.monotonic()
        reading = reader.read(time.monotonic())
        if reading is None:
            return
        print(json.dumps(reading), flush=True)
        if select.select([sys.stdin], [], [], _READING_SECONDS)[0]:
            return


if __name__ == "__main__":
    main()
