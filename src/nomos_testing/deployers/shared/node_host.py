"""The place where a node runs: a process of this machine, a container, a pod.

``NodeHost`` is all that a deployer writes for its nodes. Configuration, clock, disk, wiping, probes of links, logs and
joining nodes are written once over it, in ``node``, ``cluster``, ``joining`` and ``relay_setup``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from nomos_testing.cluster.interfaces import LogSource
from nomos_testing.deployers.shared.line_channel import LineChannel


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A node's program that runs.

    Attributes:
        pid: its process id on the machine that runs it; None where that is not known.
        url: base of its HTTP API, as this process reaches it.
        testing_url: base of its testing API.
    """

    pid: int | None
    url: str
    testing_url: str | None


class NodeHost(Protocol):
    """The place of one node. A node keeps its place and its files when it ends.

    Raises:
        NodeControlError: the place did not do it, and why. ``start`` raises ``LaunchError`` instead.
    """

    remote: bool
    """True if the place is not this machine.

    Logs are copied from it, link probes are sent from it, and it ends with its network.
    """
    program: str
    """The node's program, for people: its path, or its image and container."""
    config_path: str
    """Where the node reads its configuration."""
    clock_path: str | None
    """The file that libfaketime reads the node's clock from; None where the node runs without libfaketime."""
    python: str
    """A Python interpreter in the place."""
    log_name: str | None
    """File of the node's evidence that a remote log is copied to; None: the log is among the evidence already."""
    log_directory: str | None
    """Where a remote node writes log files; None: nowhere."""

    @property
    def logs(self) -> LogSource: ...

    @property
    def running(self) -> bool:
        """Whether the node has a process, also a frozen one."""
        ...

    @property
    def pid(self) -> int:
        """The node's process id for commands of ``exec``."""
        ...

    async def create(self) -> None:
        """Make the place, with nothing in it that a node has stored. The node does not run. Logs may stay."""
        ...

    async def start(self) -> Started | None:
        """Start the node's program; None where it has ended already.

        Raises:
            LaunchError: it cannot be started.
        """
        ...

    async def ended(self) -> str:
        """Wait for the end of the program and return its status; ``not started`` at once if it was never started."""
        ...

    async def end(self, *, grace: float) -> None:
        """End the running program: SIGTERM, and SIGKILL after ``grace`` seconds; at once if ``grace`` is 0."""
        ...

    async def freeze(self) -> None:
        """Stop the program without ending it."""
        ...

    async def thaw(self) -> None:
        """Continue a frozen program."""
        ...

    async def exec(self, *argv: str) -> str:
        """Run a command beside the running node, in the node's environment, and return its standard output."""
        ...

    async def open(self, *argv: str) -> LineChannel:
        """Start a program beside the running node that takes lines and answers in lines.

        Raises:
            LaunchError: it cannot be started.
        """
        ...

    async def put(self, path: str, content: bytes) -> None:
        """Write a file, whether the node runs or not. A reader sees either the old file or the new one."""
        ...

    async def get(self, path: str, target: Path) -> None:
        """Copy the files of a directory into a directory of this machine, which is made if it is missing."""
        ...
