"""Removes a stack at the end of a run, or leaves it running."""

from __future__ import annotations

from dataclasses import dataclass

from nomos_testing.deployers.compose.compose_tool import ComposeProject
from nomos_testing.deployers.compose.docker import CONTAINER_SECONDS, Docker
from nomos_testing.deployers.compose.errors import CommandFailed
from nomos_testing.deployers.compose.workspace import Workspace
from nomos_testing.deployers.shared.reaper_client import RUN_LABEL, Leftovers
from nomos_testing.journal.events import Notice
from nomos_testing.journal.journal import Journal


@dataclass(frozen=True, slots=True)
class Teardown:
    docker: Docker
    project: ComposeProject
    workspace: Workspace
    journal: Journal

    async def remove(self) -> None:
        """Remove containers, networks, volumes and the workspace, also what the compose tool leaves."""
        try:
            if self.project.file.exists():  # else nothing was made of it
                await self.project.down()
        except CommandFailed as error:
            self.journal.write(Notice(f"the stack was not taken down in order: {error}", "warning"))
        await self._sweep()
        self.workspace.remove()

    async def leave(self) -> None:
        """Leave everything as it is, and say where it is and how to remove it."""
        self.journal.write(
            Notice(
                f"the stack {self.project.name} stays as it is, its workspace is {self.workspace.path}; "
                f"remove it with: {self.project.shown('down', '--volumes')} && rm -r {self.workspace.path}"
            )
        )

    async def _sweep(self) -> None:
        for kind in leftovers(self.docker.program, self.project.name):
            try:
                if left := (await self.docker.run(kind.listing, timeout=CONTAINER_SECONDS)).split():
                    await self.docker.run([*kind.removing, *left], timeout=CONTAINER_SECONDS)
            except CommandFailed as error:
                self.journal.write(Notice(f"something of {self.project.name} may be left: {error}", "warning"))


def leftovers(docker: str, project: str) -> list[Leftovers]:
    """Return the commands that list and remove a stack's containers, networks and volumes, in this order."""
    label = ("--filter", f"label={RUN_LABEL}={project}")
    commands = {
        "containers": (("ps", "--all", "--quiet", "--no-trunc"), ("rm", "--force", "--volumes")),
        "networks": (("network", "ls", "--quiet", "--no-trunc"), ("network", "rm")),
        "volumes": (("volume", "ls", "--quiet"), ("volume", "rm")),
    }
    return [
        Leftovers(what, (docker, *listing, *label), (docker, *removing))
        for what, (listing, removing) in commands.items()
    ]
