"""Takes a stack down, or leaves it to its user."""

from __future__ import annotations

from dataclasses import dataclass

from nomos_testing.deployers.compose.compose_tool import ComposeProject
from nomos_testing.deployers.compose.docker import Docker
from nomos_testing.deployers.compose.errors import CommandFailed
from nomos_testing.deployers.compose.stack import RUN_LABEL
from nomos_testing.deployers.compose.workspace import Workspace
from nomos_testing.journal.events import Notice
from nomos_testing.journal.journal import Journal


@dataclass(frozen=True, slots=True)
class Teardown:
    docker: Docker
    project: ComposeProject
    workspace: Workspace
    journal: Journal

    async def remove(self) -> None:
        """Containers, networks, volumes and the workspace; what the compose tool leaves goes as well."""
        try:
            if self.project.file.exists():  # else nothing was made of it
                await self.project.down()
        except CommandFailed as error:
            self.journal.write(Notice(f"the stack was not taken down in order: {error}", "warning"))
        await self._sweep()
        self.workspace.remove()

    async def leave(self) -> None:
        """Say where everything is and how it goes."""
        self.journal.write(
            Notice(
                f"the stack {self.project.name} stays as it is, its workspace is {self.workspace.path}; "
                f"remove it with: {self.project.shown('down', '--volumes')} && rm -r {self.workspace.path}"
            )
        )

    async def _sweep(self) -> None:
        label = f"label={RUN_LABEL}={self.project.name}"
        for listing, removing in (
            (("ps", "--all", "--quiet"), ("rm", "--force", "--volumes")),
            (("network", "ls", "--quiet"), ("network", "rm")),
        ):
            try:
                if left := (await self.docker.ask(*listing, "--filter", label)).split():
                    await self.docker.ask(*removing, *left)
            except CommandFailed as error:
                self.journal.write(Notice(f"something of {self.project.name} may be left: {error}", "warning"))
