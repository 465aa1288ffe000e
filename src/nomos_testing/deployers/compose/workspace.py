"""The directory that a stack is started from: a copy of the assets, KZG parameters, and the compose file."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from nomos_testing.deployers.compose.errors import ComposeError
from nomos_testing.deployers.compose.rendering import COMPOSE_FILE_NAME, SECRETS_DIRECTORY
from nomos_testing.deployers.shared.clock import CLOCK_LIBRARY

PREFIX: Final = "nomos-testnet-"
KZG_DIRECTORY: Final = "kzgrs_test_params"
_COPIED: Final = ("scripts", "monitoring")


@dataclass(frozen=True, slots=True)
class Workspace:
    path: Path

    @classmethod
    def create(cls) -> Workspace:
        path = Path(tempfile.mkdtemp(prefix=PREFIX))
        path.chmod(0o755)  # containers read from it, and their user is not the runner's
        return cls(path)

    @property
    def compose_file(self) -> Path:
        return self.path / COMPOSE_FILE_NAME

    @property
    def stack(self) -> Path:
        """The directory that the containers see as ``/etc/nomos``."""
        return self.path / "stack"

    @property
    def scrape_targets(self) -> Path:
        return self.stack / "monitoring" / "targets" / "nodes.json"

    @property
    def clocks(self) -> Path:
        return self.path / "clocks"

    def fill(self, assets: Path, kzg: Path | None, clock_library: Path | None) -> None:
        """Copy what the containers need from the host: the stack's assets, KZG parameters (a file), libfaketime.

        Raises:
            ComposeError: it can't be copied.
        """
        try:
            for name in _COPIED:
                if (assets / name).is_dir():
                    shutil.copytree(assets / name, self.stack / name)
            self.scrape_targets.parent.mkdir(parents=True, exist_ok=True)
            if kzg is not None:
                (self.path / KZG_DIRECTORY).mkdir()
                shutil.copy(kzg, self.path / KZG_DIRECTORY / KZG_DIRECTORY)
            if clock_library is not None:
                self.clocks.mkdir()
                shutil.copy(clock_library, self.clocks / CLOCK_LIBRARY)
            for path in (self.path, *self.path.rglob("*")):
                let_containers_read(path)
        except OSError as error:
            raise ComposeError(f"failed to prepare compose workspace: {error}") from error

    def make_log_directory(self, node: str) -> None:
        """Make the directory that a node's container writes its log files to."""
        directory = self.path / "logs" / node
        directory.mkdir(parents=True, exist_ok=True)
        let_containers_read(directory.parent)
        directory.chmod(0o777)  # whatever user the image has

    def write_secret(self, name: str, text: str) -> None:
        """Write a file for one container: others on this machine can't reach it, the container's user can read it."""
        directory = self.path / SECRETS_DIRECTORY
        directory.mkdir(mode=0o700, exist_ok=True)
        (directory / name).write_text(text, encoding="utf-8")
        let_containers_read(directory / name)

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)


def let_containers_read(path: Path) -> None:
    """Let every user read a file, or enter a directory, whatever the caller's umask and the source's permissions."""
    mode = path.stat().st_mode
    path.chmod(mode | (0o555 if mode & 0o111 else 0o444))
