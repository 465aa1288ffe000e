"""The end of a stack of which nothing was made."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nomos_testing.deployers.compose.teardown import Teardown
from nomos_testing.journal.journal import Journal, read_journal


class Project:
    name = "nomos-compose-test"

    def __init__(self, file: Path) -> None:
        self.file = file
        self.downs = 0

    async def down(self) -> None:
        self.downs += 1


class Docker:
    program = "docker"

    async def run(self, argv: Sequence[str], *, timeout: float) -> str:
        return ""


class Workspace:
    removed = False

    def remove(self) -> None:
        self.removed = True


async def test_a_stack_without_a_compose_file_is_not_taken_down_and_nobody_is_alarmed(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    for written, downs in ((False, 0), (True, 1)):
        project: Any = Project(tmp_path / "compose.yaml")
        if written:
            project.file.touch()
        docker: Any = Docker()
        workspace: Any = Workspace()
        await Teardown(docker, project, workspace, journal).remove()
        assert project.downs == downs
        assert workspace.removed
    journal.close()
    assert list(read_journal(journal.path)) == []
