"""The cfgsync server of a stack: a container."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from nomos_testing.deployers.compose.container_logs import ContainerLogs
from nomos_testing.deployers.compose.docker import Docker
from nomos_testing.deployers.compose.errors import ComposeError
from nomos_testing.deployers.shared.errors import shown_lines

_LAST_LINES: Final = 20


@dataclass(frozen=True, slots=True)
class CfgsyncContainer:
    docker: Docker
    name: str
    host: str
    """Where published ports are reached."""
    port: int
    """Inside the container."""

    async def url(self) -> str:
        """Return its URL, as this process reaches it.

        Raises:
            ComposeError: it has ended.
        """
        (inspected,) = await self.docker.inspect(self.name)
        bindings = inspected["NetworkSettings"]["Ports"].get(f"{self.port}/tcp")
        if not bindings:
            raise await self._ended(inspected["State"]["ExitCode"])
        return f"http://{self.host}:{bindings[0]['HostPort']}"

    async def check_running(self) -> None:
        """
        Raises:
            ComposeError: it has ended; its last lines are in the text.
        """
        (inspected,) = await self.docker.inspect(self.name)
        if not inspected["State"]["Running"]:
            raise await self._ended(inspected["State"]["ExitCode"])

    async def _ended(self, exit_code: int) -> ComposeError:
        lines = await ContainerLogs(self.docker, self.name).tail(_LAST_LINES)
        return ComposeError(
            f"failed to start cfgsync server on port {self.port}: "
            f"{self.name} ended with exit code {exit_code}; its last lines:{shown_lines(lines)}"
        )
