"""One node as a local process: its identity, its directory, and the process while there is one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nomos_testing.client.node_client import NodeClient
from nomos_testing.cluster.interfaces import Role
from nomos_testing.deployers.local.child_process import ChildProcess, Command
from nomos_testing.deployers.local.log_files import STDERR_NAME, STDOUT_NAME, LogFiles

RECOVERY_PLACEHOLDERS = ("recovery/mempool.json", "recovery/blend/core.json")
"""Files that the real node wants to find before it starts."""


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
    """A ``NodeHandle``. ``process`` is None before the first start; a stopped node keeps its last one."""

    blueprint: NodeBlueprint
    program: Path
    directory: Path
    environment: Mapping[str, str]
    logs: LogFiles
    client: NodeClient
    process: ChildProcess | None = field(default=None)
    end_is_expected: bool = False

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
        self._config_path.write_text(self.blueprint.config, encoding="utf-8")
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
            env=self.environment,
        )

    @property
    def _config_path(self) -> Path:
        return self.directory / f"{self.role}.yaml"
