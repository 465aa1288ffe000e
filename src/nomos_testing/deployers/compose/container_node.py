"""One node as a container: found, frozen, limited and put off by way of ``docker``."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from nomos_testing.client.node_client import NodeClient
from nomos_testing.cluster.interfaces import NodeControlError, Role
from nomos_testing.deployers.compose.container_events import as_process_status
from nomos_testing.deployers.compose.container_logs import ContainerLogs
from nomos_testing.deployers.compose.docker import CONTAINER_SECONDS, Docker
from nomos_testing.deployers.compose.errors import CommandFailed
from nomos_testing.deployers.compose.rendering import NODE_DIRECTORY
from nomos_testing.deployers.compose.stack import StackNode
from nomos_testing.deployers.compose.workspace import let_containers_read
from nomos_testing.deployers.shared.errors import described_status
from nomos_testing.topology.ports import NodePorts

CONFIG_PATH: Final = f"{NODE_DIRECTORY}/config.yaml"
"""Where the entry point puts the configuration; it asks for none where one is."""
_CLOCK_TOLERANCE: Final = 2.0

_LIMIT_FILES: Final = """
import resource, sys
_, hard = resource.prlimit(1, resource.RLIMIT_FSIZE)
resource.prlimit(1, resource.RLIMIT_FSIZE, (hard if sys.argv[1] == "free" else int(sys.argv[1]), hard))
"""
_TELL_TIME: Final = "import time; print(time.time())"

_log = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class ContainerNode:
    """A ``DeployedNode``. ``life`` is None before the first start; it ends with how the container ended."""

    planned: StackNode
    container: str
    docker: Docker
    directory: Path
    client: NodeClient
    logs: ContainerLogs
    host: str
    """Of its published ports, as we reach them."""
    clock_file: Path | None = None
    """Of a node whose clock can be put off."""
    life: asyncio.Future[str] | None = None
    end_is_expected: bool = False
    config: str | None = None
    """What it is started with instead of asking for it."""
    to_be_made_anew: bool = False
    """The container goes, with all that the node has stored in it."""
    expected_peers: int = 0
    required_subnetworks: int = 0

    @property
    def role(self) -> Role:
        return self.planned.role

    @property
    def index(self) -> int:
        return self.planned.index

    @property
    def name(self) -> str:
        return self.planned.name

    @property
    def ports(self) -> NodePorts:
        return self.planned.ports

    @property
    def label(self) -> str:
        return f"{self.role}#{self.index}@{self.ports.network}"

    @property
    def url(self) -> str:
        return self.client.url

    @property
    def running(self) -> bool:
        return self.life is not None and not self.life.done()

    def begin_life(self) -> None:
        self.end_is_expected = False
        self.life = asyncio.get_running_loop().create_future()

    def end_life(self, exit_code: int) -> None:
        if self.life is not None and not self.life.done():
            self.life.set_result(described_status(as_process_status(exit_code)))

    async def ended(self) -> str:
        return "not started" if self.life is None else await asyncio.shield(self.life)

    def find_ports(self, inspected: Mapping[str, Any]) -> None:
        """Take the ports that Docker has given the container; they are others after each start.

        Raises:
            NodeControlError: it has none, because it does not run.
        """
        published = inspected["NetworkSettings"]["Ports"]
        self.client.url = self._url(published, self.ports.api)
        self.client.testing_url = self._url(published, self.ports.testing_http)

    def _url(self, published: Mapping[str, Any], port: int) -> str:
        bindings: Sequence[Mapping[str, str]] | None = published.get(f"{port}/tcp")
        if not bindings:
            raise NodeControlError(f"failed to resolve host port for {self.name} container port {port}: not published")
        return f"http://{self.host}:{bindings[0]['HostPort']}"

    async def pause(self) -> None:
        await self._docker("pause", self.container)

    async def resume(self) -> None:
        await self._docker("unpause", self.container)

    async def limit_files(self, size: int | None) -> None:
        if self.running:
            limit = "free" if size is None else str(size)
            await self._docker("exec", self.container, "python3", "-I", "-S", "-c", _LIMIT_FILES, limit)

    async def set_clock(self, seconds: float) -> None:
        if self.clock_file is None:
            raise NodeControlError(f"{self.name} was not started with a clock that can be put off")
        fresh = self.clock_file.with_suffix(".new")
        fresh.write_text(f"{seconds:+.6f}\n")
        let_containers_read(fresh)
        os.replace(fresh, self.clock_file)
        _log.debug("clock of %s %+g s off: %s", self.name, seconds, self.clock_file)
        if self.running:
            await self._check_clock(seconds)

    async def wipe_data(self) -> None:
        self.to_be_made_anew = True

    async def reconfigure(self, config: str) -> None:
        self.config = config
        await self.put_config()

    async def put_config(self) -> None:
        """Put the configuration into the container, which does not run."""
        if self.config is not None:
            file = self.directory / f"{self.role}.yaml"
            file.write_text(self.config, encoding="utf-8")
            let_containers_read(file)  # docker cp keeps its permissions
            _log.debug("wrote the configuration of %s: %s", self.name, file)
            await self._docker("cp", str(file), f"{self.container}:{CONFIG_PATH}")

    async def _check_clock(self, seconds: float) -> None:
        """A library made for another system is ignored by the loader, with a warning that nobody sees."""
        import time

        told = float(await self._docker("exec", self.container, "python3", "-I", "-S", "-c", _TELL_TIME))
        if abs(told - time.time() - seconds) > _CLOCK_TOLERANCE:
            raise NodeControlError(
                f"{self.name}'s clock is off by {told - time.time():.1f} s instead of {seconds:g} s: "
                "its image can't use the host's libfaketime"
            )

    async def _docker(self, *arguments: str) -> str:
        try:
            return await self.docker.ask(*arguments, timeout=CONTAINER_SECONDS)
        except CommandFailed as error:
            raise NodeControlError(str(error)) from error
