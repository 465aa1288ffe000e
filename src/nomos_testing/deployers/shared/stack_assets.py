"""The files of the repository that nodes in containers and pods are started with: scripts and monitoring."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from nomos_testing.deployers.shared.errors import DeployError

STACK_ASSETS: Final = Path("testing-framework/assets/stack")


def find_assets(start: Path) -> Path:
    """Find the stack's assets below ``start``, else beside this installation's sources.

    Raises:
        DeployError: there are none.
    """
    sources = Path(__file__).parents[4]
    for root in (start, sources):
        if (root / STACK_ASSETS / "scripts").is_dir():
            return (root / STACK_ASSETS).absolute()
    raise DeployError(f"stack assets directory not found at {start / STACK_ASSETS}; run from the repository's root")
