"""The ``docker`` command line. Each call has a deadline, and its error has the output of the command."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shlex
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from nomos_testing.deployers.compose.errors import CommandFailed, DockerUnavailable
from nomos_testing.deployers.shared.death_signal import die_with_parent
from nomos_testing.deployers.shared.errors import LaunchError
from nomos_testing.deployers.shared.line_channel import ProcessChannel
from nomos_testing.deployers.shared.reaper_client import Reaper
from nomos_testing.surroundings import monotonic
from nomos_testing.waiting.waiting import narrated

INFO_SECONDS: Final = 15.0
INSPECT_SECONDS: Final = 60.0
CONTAINER_SECONDS: Final = 60.0
PULL_SECONDS: Final = 300.0
_log = logging.getLogger(__name__)
_LONGEST_LOGGED: Final = 200
"""Characters of an argument, or of what a command wrote, in the log."""


@dataclass(frozen=True, slots=True)
class Docker:
    """The ``docker`` program.

    Every method raises ``CommandFailed``: it could not be run, took too long, or ended with another status than 0.
    """

    environ: Mapping[str, str]
    program: str = "docker"
    reaper: Reaper | None = None
    """Ends commands that still run when this process is killed."""

    def reaped_by(self, reaper: Reaper) -> Docker:
        return replace(self, reaper=reaper)

    async def run(self, argv: Sequence[str], *, timeout: float, cwd: Path | None = None, merged: bool = False) -> str:
        """Run any command in Docker's environment and return its output, with standard error in it if ``merged``."""
        began = monotonic()
        try:
            text = await self._run(argv, timeout=timeout, cwd=cwd, merged=merged)
        except CommandFailed as error:
            spent, complaint = 1000 * (monotonic() - began), _one_line(error.output)
            _log.debug("%s: %s (%.0f ms): %s", _logged(argv), error.what, spent, complaint or "it wrote nothing")
            raise
        _log.debug("%s: exited with status 0 (%.0f ms)", _logged(argv), 1000 * (monotonic() - began))
        return text

    async def _run(self, argv: Sequence[str], *, timeout: float, cwd: Path | None, merged: bool) -> str:
        shown = " ".join(argv)
        try:
            process = await asyncio.create_subprocess_exec(
                *argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT if merged else asyncio.subprocess.PIPE,
                cwd=cwd,
                env=dict(self.environ),
                start_new_session=True,
                preexec_fn=die_with_parent(),
            )
        except OSError as error:
            raise CommandFailed(shown, f"could not be run: failed to spawn {argv[0]}: {error.strerror}") from None
        if self.reaper is not None:
            self.reaper.watch_group(process.pid)
        try:
            async with narrated(f"`{shown}`", limit=timeout), asyncio.timeout(timeout):
                output, errors = await process.communicate()
        except TimeoutError:
            raise CommandFailed(shown, f"timed out after {timeout:g} s") from None
        finally:
            await _end(process)
            if self.reaper is not None:
                self.reaper.forget_group(process.pid)
        text = output.decode(errors="replace")
        if process.returncode:
            complaint = (errors or b"").decode(errors="replace") + text
            raise CommandFailed(shown, f"exited with status {process.returncode}", complaint)
        return text

    async def ask(self, *arguments: str, timeout: float = CONTAINER_SECONDS) -> str:
        """Run ``docker ARGUMENTS`` and return its output."""
        return await self.run([self.program, *arguments], timeout=timeout)

    async def open(self, *arguments: str) -> ProcessChannel:
        """Start a long-running ``docker``, with pipes to its standard input and output. It ends with this process.

        Raises:
            LaunchError: it cannot be started.
        """
        argv = (self.program, *arguments)
        _log.debug("%s: goes on", _logged(argv))
        try:
            return await ProcessChannel.open(argv, environ=self.environ)
        except OSError as error:
            raise LaunchError(f"failed to start {self.program} {arguments[0]}: {error.strerror}") from error

    async def info(self) -> Mapping[str, Any]:
        """Return the daemon's description of itself.

        Raises:
            DockerUnavailable: no program, or no daemon that answers.
        """
        try:
            answer: dict[str, Any] = json.loads(await self.ask("info", "--format", "{{json .}}", timeout=INFO_SECONDS))
        except CommandFailed as error:
            raise DockerUnavailable(_reason(error)) from None
        if errors := answer.get("ServerErrors"):  # the client is there, the daemon is not
            raise DockerUnavailable(str(errors[0]))
        return answer

    async def inspect(self, *names: str, timeout: float = INSPECT_SECONDS) -> list[dict[str, Any]]:
        """Return the descriptions of containers, in the order of ``names``."""
        found: list[dict[str, Any]] = json.loads(await self.ask("container", "inspect", *names, timeout=timeout))
        return found

    async def image(self, name: str) -> Mapping[str, Any] | None:
        """Return the description of an image; None if the image is not here."""
        try:
            (found,) = json.loads(await self.ask("image", "inspect", name, timeout=INSPECT_SECONDS))
        except CommandFailed as error:
            if "no such image" in error.output.lower():
                return None
            raise
        return dict(found)

    async def pull(self, name: str) -> bool:
        """Get an image from its registry. Return False, with the reason in the log, if that cannot be done."""
        try:
            await self.ask("pull", "--quiet", name, timeout=PULL_SECONDS)
        except CommandFailed as error:
            _log.info("%s", error)
            return False
        return True


def _logged(argv: Sequence[str]) -> str:
    """Return the command in one line, with long arguments cut."""
    return shlex.join(map(_one_line, argv))


def _one_line(text: str) -> str:
    line = " ".join(text.split()) if "\n" in text else text
    return line if len(line) <= _LONGEST_LOGGED else f"{line[:_LONGEST_LOGGED]}..."


async def _end(process: asyncio.subprocess.Process) -> None:
    """Kill the command and the plugins that it has started."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


def _reason(error: CommandFailed) -> str:
    lines = [line for line in error.output.strip().splitlines() if line.strip() not in {"", "null"}]
    return next((line.strip() for line in lines if "error" in line.lower() or "cannot" in line.lower()), str(error))
