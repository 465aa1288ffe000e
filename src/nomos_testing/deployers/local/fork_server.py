"""Starts embedded nodes by forking a parent that has imported the node's modules, which saves the time of the imports.

The parent is ``python -m nomos_node.fork_server``. It reads a JSON line a request on stdin
(``{"argv", "cwd", "stdout", "stderr", "env"}``) and answers ``{"pid": N}`` or ``{"error": "..."}`` on stdout, later
``{"exited": pid, "status": code}``. When its stdin closes it kills its children and ends.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shlex
import signal
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from nomos_testing.deployers.local.child_process import ChildProcess, Command, LaunchError
from nomos_testing.deployers.shared.death_signal import die_with_parent
from nomos_testing.runtime.background import WatchTask, log_failure

_STATUS_SECONDS = 1.0
_END_SECONDS = 0.5

_log = logging.getLogger(__name__)


class ForkServer:
    """A ``Launcher``. Call ``start`` before the first launch, best while the configurations are made."""

    def __init__(
        self, argv: tuple[str, ...], *, stderr: Path, env: Mapping[str, str], watch: WatchTask = log_failure
    ) -> None:
        self._argv = argv
        self._env = env
        self._stderr = stderr
        self._watch = watch
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._unanswered: deque[asyncio.Future[dict[str, Any]]] = deque()
        self._statuses: dict[int, asyncio.Future[int | None]] = {}

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    async def start(self) -> None:
        """
        Raises:
            LaunchError: the server's program cannot be started.
        """
        try:
            with self._stderr.open("ab") as stderr:
                self._process = await asyncio.create_subprocess_exec(
                    *self._argv,
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=stderr,
                    env=dict(self._env),
                    start_new_session=True,
                    preexec_fn=die_with_parent(),
                )
        except OSError as error:
            raise LaunchError(f"failed to start the fork server {self._argv[0]!r}: {error}") from error
        _log.debug("started the fork server (pid %d): %s", self._process.pid, shlex.join(self._argv))
        self._reading = asyncio.create_task(self._read(self._process), name="fork server answers")
        self._watch(self._reading)

    async def launch(self, command: Command) -> ChildProcess:
        answered = self._ask(command)
        try:
            await self._flush()
            answer = await answered
        except asyncio.CancelledError:
            if not answered.cancel() and not answered.cancelled():
                self._abandon(answered.result())
            raise
        if "pid" not in answer:
            raise LaunchError(f"failed to spawn node process '{command.argv[0]}': {answer.get('error', answer)}")
        pid = int(answer["pid"])

        async def collect() -> int | None:
            with suppress(TimeoutError):
                async with asyncio.timeout(_STATUS_SECONDS):
                    return await asyncio.shield(self._statuses[pid])
            return None

        return ChildProcess(pid, collect)

    async def close(self) -> None:
        """End the server, which kills the nodes that it still has."""
        process = self._process
        if process is None:
            return
        assert process.stdin is not None
        process.stdin.close()
        try:
            async with asyncio.timeout(_END_SECONDS):
                await process.wait()
        except TimeoutError:
            for pid, status in self._statuses.items():
                if not status.done():
                    _kill(pid)
            process.kill()
            await process.wait()
        if self._reading is not None:
            await self._reading

    def _ask(self, command: Command) -> asyncio.Future[dict[str, Any]]:
        if self._process is None or self._process.returncode is not None:
            raise LaunchError(f"the fork server has ended; its errors are in {self._stderr}")
        assert self._process.stdin is not None
        request = {
            "argv": [Path(command.argv[0]).name, *command.argv[1:]],
            "cwd": str(command.cwd),
            "stdout": str(command.stdout),
            "stderr": str(command.stderr),
            "env": dict(command.env),
        }
        answered: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._unanswered.append(answered)
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        return answered

    async def _flush(self) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        with suppress(ConnectionError):  # the end of its stdout tells the rest
            await self._process.stdin.drain()

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        try:
            async for line in process.stdout:
                self._hear(json.loads(line))
        finally:  # nobody waits for an answer that cannot come
            for answered in self._unanswered:
                if not answered.done():
                    answered.set_result({"error": f"the fork server has ended; its errors are in {self._stderr}"})
            for status in self._statuses.values():
                if not status.done():
                    status.set_result(None)

    def _hear(self, message: dict[str, Any]) -> None:
        if "exited" in message:
            self._status_of(int(message["exited"])).set_result(message.get("status"))
            return
        if "pid" in message:
            self._status_of(int(message["pid"]))
        answered = self._unanswered.popleft()
        if answered.cancelled():
            self._abandon(message)
        else:
            answered.set_result(message)

    def _abandon(self, answer: dict[str, Any]) -> None:
        """Kill a node whose launch was cancelled before the answer came."""
        if "pid" in answer:
            _kill(int(answer["pid"]))

    def _status_of(self, pid: int) -> asyncio.Future[int | None]:
        return self._statuses.setdefault(pid, asyncio.get_running_loop().create_future())


def _kill(pid: int) -> None:
    # Just forked, it may not lead its group yet.
    for kill in (os.killpg, os.kill):
        with suppress(ProcessLookupError):
            kill(pid, signal.SIGKILL)
            return
