"""One node as a local process: its identity, its directory, and the process while there is one."""

from __future__ import annotations

import logging
import os
import resource
import shutil
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from nomos_testing.client.node_client import NodeClient
from nomos_testing.cluster.interfaces import NodeControlError, Role
from nomos_testing.deployers.local.child_process import ChildProcess, Command, described_status
from nomos_testing.deployers.local.log_files import STDERR_NAME, STDOUT_NAME, LogFiles
from nomos_testing.deployers.shared.clock import NodeClock

RECOVERY_PLACEHOLDERS = ("recovery/mempool.json", "recovery/blend/core.json")
"""Files that the real node wants to find before it starts."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeBlueprint:
    """What a node is to be: everything that is known of it before it runs."""

    role: Role
    index: int
    network_port: int
    url: str
    testing_url: str | None
    expected_peers: int
    required_subnetworks: int
    config: str
    """The YAML it is started with."""
    log_directory: Path | None = None
    """Where its log files go; None for its own directory."""
    log_prefix: str = "__logs"

    @property
    def name(self) -> str:
        return f"{self.role}-{self.index}"


@dataclass(slots=True, kw_only=True)
class LocalNode:
    """A ``DeployedNode``. ``process`` is None before the first start; a stopped node keeps its last one.

    A full disk is the kernel's limit on the size of a process's files, set to nothing: what the node writes then fails
    with "File too large". A clock is the file that libfaketime reads its offset from.
    """

    blueprint: NodeBlueprint
    program: Path
    directory: Path
    environment: Mapping[str, str]
    logs: LogFiles
    client: NodeClient
    process: ChildProcess | None = field(default=None)
    end_is_expected: bool = False
    clock: NodeClock | None = None
    """Of a node whose clock can be put off."""

    @property
    def role(self) -> Role:
        return self.blueprint.role

    @property
    def index(self) -> int:
        return self.blueprint.index

    @property
    def name(self) -> str:
        return self.blueprint.name

    @property
    def label(self) -> str:
        return f"{self.role}#{self.index}@{self.blueprint.network_port}"

    @property
    def url(self) -> str:
        return self.blueprint.url

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.running

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process is not None and self.process.running else None

    def write_files(self) -> None:
        """The configuration and what the node expects beside it."""
        self._write_config()
        self._write_placeholders()

    async def ended(self) -> str:
        return "not started" if self.process is None else described_status(await self.process.wait())

    async def pause(self) -> None:
        if self.process is not None:
            self.process.send(signal.SIGSTOP)

    async def resume(self) -> None:
        if self.process is not None:
            self.process.send(signal.SIGCONT)

    async def limit_files(self, size: int | None) -> None:
        if self.pid is None:
            return
        _log.debug("files of %s (pid %d): %s", self.name, self.pid, "no limit" if size is None else f"at most {size} B")
        try:
            _, hard = resource.prlimit(self.pid, resource.RLIMIT_FSIZE)
            resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (hard if size is None else size, hard))
        except ProcessLookupError:
            return  # it ended in this moment
        except OSError as error:
            raise NodeControlError(f"the size of {self.name}'s files cannot be limited: {error.strerror}") from error

    async def set_clock(self, seconds: float) -> None:
        if self.clock is None:
            raise NodeControlError(f"{self.name} was not started with a clock that can be put off")
        self.clock.set(seconds)

    async def reconfigure(self, config: str) -> None:
        self.blueprint = replace(self.blueprint, config=config)
        self._write_config()

    async def wipe_data(self) -> None:
        _log.debug("wiping what %s has stored in %s", self.name, self.directory)
        kept = {self._config_path, *self.logs.files()}
        for entry in set(self.directory.iterdir()) - kept:
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            elif self.clock is None or entry != self.clock.file:
                entry.unlink()
        self._write_placeholders()

    def _write_config(self) -> None:
        self._config_path.write_text(self.blueprint.config, encoding="utf-8")
        _log.debug("wrote the configuration of %s: %s", self.name, self._config_path)

    def _write_placeholders(self) -> None:
        for placeholder in RECOVERY_PLACEHOLDERS:
            path = self.directory / placeholder
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("{}")

    def command(self) -> Command:
        return Command(
            argv=(os.fspath(self.program), self._config_path.name),
            cwd=self.directory,
            stdout=self.directory / STDOUT_NAME,
            stderr=self.directory / STDERR_NAME,
            env={**self.environment, **(self.clock.environment() if self.clock else {})},
        )

    @property
    def _config_path(self) -> Path:
        return self.directory / f"{self.role}.yaml"
