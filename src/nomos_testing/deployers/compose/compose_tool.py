"""The compose tool: ``docker compose`` or ``docker-compose``."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from nomos_testing.deployers.compose.docker import INFO_SECONDS, Docker
from nomos_testing.deployers.compose.errors import CommandFailed
from nomos_testing.deployers.shared.errors import Problem

UP_SECONDS: Final = 120.0
LOGS_SECONDS: Final = 30.0
_END_GRACE_SECONDS: Final = 1
_REMEDY: Final = "install Docker's compose plugin, or the package docker-compose (1.29 or later)"


@dataclass(frozen=True, slots=True)
class ComposeTool:
    docker: Docker
    argv: tuple[str, ...]
    """``("docker", "compose")`` or ``("docker-compose",)``."""

    def using(self, docker: Docker) -> ComposeTool:
        return replace(self, docker=docker)


@dataclass(frozen=True, slots=True)
class ComposeProject:
    """A compose file, and the containers and networks that were made from it."""

    tool: ComposeTool
    name: str
    file: Path
    timeout: float = UP_SECONDS

    async def up(self, *services: str, start: bool = True, recreate: bool = False) -> None:
        """Create services (all by default), and start them.

        Raises:
            CommandFailed: with the tool's own words.
        """
        options = ["-d"] if start else ["--no-start"]
        options += ["--force-recreate", "--no-deps"] if recreate else []
        await self._do("up", *options, *services, timeout=self.timeout)

    async def down(self) -> None:
        """Remove containers, networks and volumes."""
        await self._do("down", "--volumes", "--timeout", str(_END_GRACE_SECONDS), timeout=self.timeout)

    async def logs(self) -> str:
        """Return everything that the containers have written."""
        return await self._do("logs", "--no-color", timeout=LOGS_SECONDS)

    def shown(self, *arguments: str) -> str:
        """Return the command as a person would type it."""
        return " ".join([*self.tool.argv, "-f", str(self.file), "-p", self.name, *arguments])

    async def _do(self, *arguments: str, timeout: float) -> str:
        argv = [*self.tool.argv, "-f", str(self.file), "-p", self.name, *arguments]
        return await self.tool.docker.run(argv, timeout=timeout, cwd=self.file.parent, merged=True)


async def find_compose_tool(docker: Docker) -> ComposeTool | Problem:
    """Find the compose tool: the plugin if there is one, because it is faster."""
    try:
        await docker.ask("compose", "version", timeout=INFO_SECONDS)
    except CommandFailed:
        standalone = shutil.which("docker-compose", path=docker.environ.get("PATH"))
        if standalone is None:
            return Problem("neither `docker compose` nor `docker-compose` is installed", _REMEDY)
        return ComposeTool(docker, (standalone,))
    return ComposeTool(docker, (docker.program, "compose"))
