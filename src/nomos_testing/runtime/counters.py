"""Live numbers of a run, for the progress view and the journal's samples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

TRANSACTIONS_PLANNED: Final = "transactions_planned"
TRANSACTIONS_SENT: Final = "transactions_sent"
TRANSACTIONS_INCLUDED: Final = "transactions_included"
BLOBS_PLANNED: Final = "blobs_planned"
BLOBS_DISPERSED: Final = "blobs_dispersed"
BLOBS_INCLUDED: Final = "blobs_included"


class Counters:
    """Counters by name."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def add(self, name: str, amount: int = 1) -> None:
        """Add to a counter."""
        self._counts[name] += amount

    def set(self, name: str, value: int) -> None:
        """Set a counter that can also decrease, such as the transactions on the canonical chain."""
        self._counts[name] = value

    def snapshot(self) -> Mapping[str, int]:
        """Return the counters as they are now."""
        return dict(self._counts)
