"""The directory a stack is started from: a copy of the stack's assets, KZG parameters, and the compose file."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from nomos_testing.deployers.compose.errors import ComposeError
from nomos_testing.deployers.compose.rendering import CLOCK_LIBRARY, COMPOSE_FILE_NAME

PREFIX: Final = "nomos-testnet-"
STACK_ASSETS: Final = Path("testing-framework/assets/stack")
KZG_DIRECTORY: Final = "kzgrs_test_params"
_COPIED: Final = ("scripts", "monitoring")


@dataclass(frozen=True, slots=True)
class Workspace:
    path: Path

    @classmethod
    def create(cls) -> Workspace:
        path = Path(tempfile.mkdtemp(prefix=PREFIX))
        path.chmod(0o755)  # nodes of an image that does not run as root read from it
        return cls(path)

    @property
    def compose_file(self) -> Path:
        return self.path / COMPOSE_FILE_NAME

    @property
    def stack(self) -> Path:
        """``/etc/nomos`` of the containers."""
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
        except OSError as error:
            raise ComposeError(f"failed to prepare compose workspace: {error}") from error

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)


def find_assets(start: Path) -> Path:
    """The stack's assets below ``start``, the running directory, else beside this installation's sources.

    Raises:
        ComposeError: there are none.
    """
    sources = Path(__file__).parents[4]
    for root in (start, sources):
        if (root / STACK_ASSETS / "scripts").is_dir():
            return (root / STACK_ASSETS).absolute()
    raise ComposeError(f"stack assets directory not found at {start / STACK_ASSETS}; run from the repository's root")
