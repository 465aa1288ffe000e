"""A node's place on this machine: a directory of the run, and a process that works there."""

from __future__ import annotations

import asyncio
import logging
import shlex
import shutil
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from nomos_testing.cluster.interfaces import NodeControlError
from nomos_testing.deployers.local.child_process import ChildProcess, Command, Launcher, described_status
from nomos_testing.deployers.local.log_files import STDERR_NAME, STDOUT_NAME, LogFiles
from nomos_testing.deployers.shared.clock import clock_environment
from nomos_testing.deployers.shared.death_signal import die_with_parent
from nomos_testing.deployers.shared.errors import LaunchError
from nomos_testing.deployers.shared.files import replace_file
from nomos_testing.deployers.shared.line_channel import LineChannel, ProcessChannel
from nomos_testing.deployers.shared.node_host import Started
from nomos_testing.deployers.shared.reaper_client import Reaper

CLOCK_NAME: Final = "clock"
"""The file of a node's clock, in its directory."""
RECOVERY_PLACEHOLDERS: Final = ("recovery/mempool.json", "recovery/blend/core.json")
"""Files that the real node wants to find before it starts."""
EXEC_SECONDS: Final = 60.0
"""How long a command may take, on the reference machine."""

_log = logging.getLogger(__name__)


class LocalHost:
    """A ``NodeHost``. Paths of files are relative to the directory."""

    remote = False
    python = sys.executable
    log_name: str | None = STDOUT_NAME
    log_directory: str | None = None

    def __init__(
        self,
        *,
        node: str,
        program: Path,
        directory: Path,
        config_path: str,
        environment: Mapping[str, str],
        logs: LogFiles,
        url: str,
        testing_url: str | None,
        launcher: Launcher,
        reaper: Reaper,
        clock_library: Path | None = None,
        exec_seconds: float = EXEC_SECONDS,
    ) -> None:
        """
        Args:
            node: its name, for the log.
            directory: the node's working directory.
            environment: the node's, without its clock.
            url, testing_url: where the node listens once it runs.
            clock_library: libfaketime, for a node whose clock can be set.
            exec_seconds: how long a command of ``exec`` may take.
        """
        self._node = node
        self.exec_seconds = exec_seconds
        self.program = str(program)
        self.directory = directory
        self.config_path = config_path
        self.clock_path = None if clock_library is None else CLOCK_NAME
        self.logs = logs
        clock = {} if clock_library is None else clock_environment(str(clock_library), str(directory / CLOCK_NAME))
        self._environment = {**environment, **clock}
        self._url, self._testing_url = url, testing_url
        self._launcher = launcher
        self._reaper = reaper
        self._process: ChildProcess | None = None
        """The last one, also when it has ended."""

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.running

    @property
    def pid(self) -> int:
        if self._process is None:
            raise NodeControlError(f"{self._node} was never started")
        return self._process.pid

    async def create(self) -> None:
        self.directory.mkdir(exist_ok=True)
        for entry in set(self.directory.iterdir()) - set(self.logs.files()):
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        for placeholder in RECOVERY_PLACEHOLDERS:
            path = self.directory / placeholder
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("{}")

    async def start(self) -> Started | None:
        command = self.command()
        _log.debug("starting %s in %s: %s", self._node, command.cwd, shlex.join(command.argv))
        self._process = await self._launcher.launch(command)
        _log.debug("%s has the pid %d", self._node, self._process.pid)
        self._reaper.watch_group(self._process.pid)
        return Started(pid=self._process.pid, url=self._url, testing_url=self._testing_url)

    async def ended(self) -> str:
        process = self._process
        if process is None:
            return "not started"
        status = await process.wait()
        self._reaper.forget_group(process.pid)
        return described_status(status)

    async def end(self, *, grace: float) -> None:
        if self._process is not None:
            _log.debug("ending %s (pid %d), with SIGKILL after %g s", self._node, self._process.pid, grace)
            await self._process.end(grace=grace)

    async def freeze(self) -> None:
        self._send(signal.SIGSTOP)

    async def thaw(self) -> None:
        self._send(signal.SIGCONT)

    async def exec(self, *argv: str) -> str:
        try:
            process = await asyncio.create_subprocess_exec(
                *argv,
                cwd=self.directory,
                env=self._environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                preexec_fn=die_with_parent(),
            )
        except OSError as error:
            raise NodeControlError(f"failed to start {argv[0]}: {error.strerror}") from error
        try:
            async with asyncio.timeout(self.exec_seconds):
                output, errors = await process.communicate()
        except TimeoutError:
            raise NodeControlError(f"{argv[0]} did not end within {self.exec_seconds:g} s") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            last = (errors or output).decode(errors="replace").strip().rpartition("\n")[2]
            raise NodeControlError(f"{argv[0]} failed ({described_status(process.returncode)}): {last}")
        return output.decode(errors="replace")

    async def open(self, *argv: str) -> LineChannel:
        try:
            return await ProcessChannel.open(argv, environ=self._environment)
        except OSError as error:
            raise LaunchError(f"failed to start {argv[0]}: {error.strerror}") from error

    async def put(self, path: str, content: bytes) -> None:
        replace_file(self.directory / path, content)

    async def get(self, path: str, target: Path) -> None:
        source = self.directory / path
        try:
            shutil.copytree(source, target, dirs_exist_ok=True)
        except OSError as error:
            raise NodeControlError(f"{source} cannot be copied to {target}: {error}") from error

    def command(self) -> Command:
        return Command(
            argv=(self.program, self.config_path),
            cwd=self.directory,
            stdout=self.directory / STDOUT_NAME,
            stderr=self.directory / STDERR_NAME,
            env=self._environment,
        )

    def _send(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send(number)
