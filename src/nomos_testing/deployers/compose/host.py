"""A node's place in a stack: a container, driven by way of ``docker``."""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Final

from nomos_testing.cluster.interfaces import NodeControlError
from nomos_testing.deployers.compose.compose_tool import ComposeProject
from nomos_testing.deployers.compose.container_events import as_process_status
from nomos_testing.deployers.compose.container_logs import ContainerLogs
from nomos_testing.deployers.compose.docker import Docker
from nomos_testing.deployers.compose.errors import CommandFailed
from nomos_testing.deployers.compose.workspace import let_containers_read
from nomos_testing.deployers.shared.container_configuration import NODE_DIRECTORY
from nomos_testing.deployers.shared.errors import LaunchError, described_status
from nomos_testing.deployers.shared.files import replace_file
from nomos_testing.deployers.shared.line_channel import LineChannel
from nomos_testing.deployers.shared.node_host import Started
from nomos_testing.surroundings import Surroundings
from nomos_testing.topology.ports import NodePorts
from nomos_testing.waiting.machine import Patience

CONFIG_PATH: Final = f"{NODE_DIRECTORY}/config.yaml"
"""Where the entry point puts the configuration; it asks for none where one is."""
_END_SECONDS: Final = 20.0
"""Time from the end of a container until the daemon tells of it, on the reference machine."""

_log = logging.getLogger(__name__)


class ContainerHost:
    """A ``NodeHost``. Paths of files are absolute in the container."""

    remote = True
    config_path = CONFIG_PATH
    python = "python3"
    pid = 1
    log_name: str | None = "container.log"

    def __init__(
        self,
        *,
        service: str,
        container: str,
        image: str,
        ports: NodePorts,
        docker: Docker,
        project: ComposeProject,
        address: str,
        mounts: Mapping[str, Path],
        clock_path: str | None,
        log_directory: str | None,
        patience: Patience,
        surroundings: Surroundings,
    ) -> None:
        """
        Args:
            service: the node's name in the compose file.
            ports: inside the container.
            address: of the published ports, as this process reaches them.
            mounts: directories of this machine, by the directory of the container that they are mounted at.
        """
        self.program = f"{image} ({container})"
        self.container = container
        self.clock_path = clock_path
        self.log_directory = log_directory
        self.logs = ContainerLogs(docker, container, surroundings.now_ns)
        self._service = service
        self._ports = ports
        self._docker = docker
        self._project = project
        self._address = address
        self._mounts = dict(mounts)
        self._patience = patience
        self._life: asyncio.Future[str] | None = None
        self._inspected: Mapping[str, Any] | None = None

    @property
    def running(self) -> bool:
        return self._life is not None and not self._life.done()

    def expect_start(self) -> None:
        """Note that the container is started, so that its end can be heard."""
        self._life = asyncio.get_running_loop().create_future()

    def take_started(self, inspected: Mapping[str, Any]) -> None:
        """Take the description of a container that its stack has started. ``start`` does not start it again."""
        self._inspected = inspected

    def hear_end(self, exit_code: int) -> None:
        """Note that the container has ended."""
        if self._life is not None and not self._life.done():
            _log.debug("the container %s ended with %d", self.container, exit_code)
            self._life.set_result(described_status(as_process_status(exit_code)))

    async def create(self) -> None:
        try:
            await self._project.up(self._service, start=False, recreate=True)
        except CommandFailed as error:
            raise NodeControlError(str(error)) from error

    async def start(self) -> Started | None:
        inspected, self._inspected = self._inspected, None
        if inspected is None:
            self.expect_start()
            try:
                await self._docker.ask("start", self.container)
                (inspected,) = await self._docker.inspect(self.container)
            except CommandFailed as error:
                self.hear_end(1)
                raise LaunchError(str(error)) from error
        state = inspected["State"]
        if not state["Running"]:
            self.hear_end(int(state["ExitCode"]))
            return None
        published = inspected["NetworkSettings"]["Ports"]
        return Started(
            pid=state["Pid"] or None,
            url=self._url(published, self._ports.api),
            testing_url=self._url(published, self._ports.testing_http),
        )

    async def ended(self) -> str:
        return "not started" if self._life is None else await asyncio.shield(self._life)

    async def end(self, *, grace: float) -> None:
        try:
            await self._end(grace)
        except CommandFailed as error:
            if self.running:
                raise NodeControlError(str(error)) from error
        except TimeoutError:
            raise NodeControlError(f"the daemon did not tell of the end of {self.container}") from None

    async def freeze(self) -> None:
        await self._ask("pause", self.container)

    async def thaw(self) -> None:
        await self._ask("unpause", self.container)

    async def exec(self, *argv: str) -> str:
        return await self._ask("exec", self.container, *argv)

    async def open(self, *argv: str) -> LineChannel:
        return await self._docker.open("exec", "-i", self.container, *argv)

    async def put(self, path: str, content: bytes) -> None:
        target = PurePosixPath(path)
        if (mounted := self._mounts.get(str(target.parent))) is not None:
            replace_file(mounted / target.name, content, allow=let_containers_read)
            return
        with tempfile.TemporaryDirectory() as directory:
            file = Path(directory) / target.name
            file.write_bytes(content)
            let_containers_read(file)  # docker cp keeps its permissions
            await self._ask("cp", str(file), f"{self.container}:{path}")

    async def get(self, path: str, target: Path) -> None:
        await asyncio.to_thread(target.mkdir, exist_ok=True)
        await self._ask("cp", f"{self.container}:{path}/.", str(target))

    async def _end(self, grace: float) -> None:
        (inspected,) = await self._docker.inspect(self.container)
        if inspected["State"]["Paused"]:  # a frozen process gets no signal
            await self._docker.ask("unpause", self.container)
        if grace > 0:
            await self._docker.ask("stop", "--time", str(max(1, round(grace))), self.container)
        else:
            await self._docker.ask("kill", self.container)
        async with asyncio.timeout(self._patience.seconds(_END_SECONDS)):
            await self.ended()

    def _url(self, published: Mapping[str, Any], port: int) -> str:
        """Return the URL of a port. Docker publishes it at another port of this machine after each start."""
        bindings = published.get(f"{port}/tcp")
        if not bindings:
            raise LaunchError(f"failed to resolve host port for {self._service} container port {port}: not published")
        return f"http://{self._address}:{bindings[0]['HostPort']}"

    async def _ask(self, *arguments: str) -> str:
        try:
            return await self._docker.ask(*arguments)
        except CommandFailed as error:
            raise NodeControlError(str(error)) from error
