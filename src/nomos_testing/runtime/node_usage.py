"""The processors, memory and disk that each node uses: what a deployer measures and the samples contain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeUsage:
    """The use of one node, together with the processes that it has started. None: not known."""

    cpu: float | None = None
    """Processors that it used during about the last second."""
    memory_bytes: int | None = None
    """Its resident memory, in bytes."""
    disk_bytes: int | None = None
    """Bytes of the files in its working directory."""


NO_USAGE: Final = NodeUsage()
"""Nothing is known."""


class UsageMeter(Protocol):
    """Measures what nodes use, beside the run."""

    def usage(self, node: str) -> NodeUsage:
        """Return what is known of a node now. Never waits and never fails: a silent node has used nothing known."""
        ...
