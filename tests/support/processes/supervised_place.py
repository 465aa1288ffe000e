"""A pod without a cluster: a supervisor as a process of this machine, in directories of its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from nomos_testing.deployers.k8s import pod_supervisor
from nomos_testing.deployers.k8s.supervisor_client import PodSupervisor
from nomos_testing.deployers.shared.line_channel import LineChannel, ProcessChannel
from nomos_testing.runtime.background import log_failure
from nomos_testing.waiting.waiting import Seen, wait_until
from support.inputs.fault_deadlines import GONE_WITHIN

PROGRAM = (sys.executable, "-I", "-S", pod_supervisor.__file__)
SLEEPER = 'echo "node $$"; exec sleep 600'
"""A node that ends at SIGTERM."""
DEAF = 'trap "" TERM; echo ready > ready; while :; do sleep 0.05; done'
"""A node that SIGTERM does not end."""


class Place:
    """A supervisor, the files of its node, and what a container's log would have."""

    def __init__(
        self, root: Path, node: str, *, options: tuple[str, ...], hold: bool, launcher: tuple[str, ...]
    ) -> None:
        self.directory = root / "node"
        self.directory.mkdir()
        self.socket = root / "socket"
        self._log = root / "log"
        entry_point = root / "entry_point.sh"
        entry_point.write_text(f"#!/bin/sh\n{node}\n")
        entry_point.chmod(0o755)
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [*launcher, *PROGRAM, "--socket", str(self.socket), *options, str(entry_point)],
                cwd=self.directory,
                env={"PATH": os.environ["PATH"], **({pod_supervisor.HOLD: "1"} if hold else {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.bridges: list[ProcessChannel] = []
        self.ends: list[int] = []
        """What the client was told."""
        self.outage: Exception | None = None
        """Raised instead of opening a stream."""
        self.wrap: Callable[[ProcessChannel], LineChannel] | None = None
        """Makes a client's next streams of bridges."""

    @property
    def log(self) -> str:
        return self._log.read_text()

    async def open_bridge(self) -> ProcessChannel:
        if self.outage is not None:
            raise self.outage
        bridge = await ProcessChannel.open((*PROGRAM, "--bridge", "--socket", str(self.socket)))
        self.bridges.append(bridge)
        return bridge

    @asynccontextmanager
    async def client(self, *, answer_seconds: float = 2 * GONE_WITHIN) -> AsyncIterator[PodSupervisor]:

        async def connect() -> LineChannel:
            bridge = await self.open_bridge()
            return bridge if self.wrap is None else self.wrap(bridge)

        client = PodSupervisor(
            connect,
            name="nomos-validator-0",
            ended=self.ends.append,
            answer_seconds=answer_seconds,
            watch=log_failure,
        )
        try:
            await client.connect(timeout=2 * GONE_WITHIN)
            yield client
        finally:
            await client.close()

    def break_stream(self) -> None:
        """Kill the last bridge, as when the API server goes away."""
        os.kill(self.bridges[-1].pid, signal.SIGKILL)


@asynccontextmanager
async def place(
    node: str = SLEEPER,
    *,
    options: tuple[str, ...] = (),
    hold: bool = True,
    launcher: tuple[str, ...] = (),
) -> AsyncIterator[Place]:
    """Start a supervisor, and end it with all bridges to it.

    Args:
        node: the shell commands of its entry point.
        options: of the supervisor's program.
        hold: the node waits for ``start``.
        launcher: a command that becomes the supervisor.
    """
    root = Path(tempfile.mkdtemp(prefix="pod"))  # the path of a Unix socket must be short
    made = Place(root, node, options=options, hold=hold, launcher=launcher)
    try:
        yield made
    finally:
        for bridge in made.bridges:
            await bridge.close()
        made.process.terminate()
        try:
            made.process.wait(4 * GONE_WITHIN)
        finally:
            made.process.kill()
            made.process.wait()
            shutil.rmtree(root)


async def until(condition: str, holds: Callable[[], bool]) -> None:
    """Wait until a condition holds."""

    async def look() -> Seen:
        return Seen(holds(), "it does not hold")

    await wait_until(condition, look, timeout=2 * GONE_WITHIN, poll=0.02)
