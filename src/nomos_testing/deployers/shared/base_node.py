"""What a deployer's node can do besides answering: end, freeze, lose its data, its disk and its clock."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from nomos_testing.cluster.interfaces import NodeHandle


class DeployedNode(NodeHandle, Protocol):
    """A node as its cluster and its node control see it.

    Raises:
        NodeControlError: it could not be done, and why.
    """

    directory: Path
    """Where its evidence is."""
    end_is_expected: bool
    """It ends because we end it."""

    @property
    def running(self) -> bool: ...

    async def ended(self) -> str:
        """Return how it ended, once it has; at once where it was never started."""
        ...

    async def pause(self) -> None: ...
    async def resume(self) -> None: ...
    async def limit_files(self, size: int | None) -> None:
        """Let none of its files grow beyond ``size`` bytes; None for as far as they may."""
        ...

    async def set_clock(self, seconds: float) -> None:
        """Put its wall clock off by so much."""
        ...

    async def wipe_data(self) -> None:
        """Lose all it has stored before its next start; configuration and logs stay. It does not run."""
        ...

    async def reconfigure(self, config: str) -> None:
        """Take another configuration for the next start."""
        ...
