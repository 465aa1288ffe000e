"""Trigger of publishing: a member puts the transaction of a blob into its mempool when it has all its assigned columns.

After ``share_duration`` the part ``publish_threshold`` of the columns is enough. A blob with fewer columns then
expires. It is forgotten after ``prune_duration``. All times are in seconds of the same clock, whatever that is.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, field

from nomos_core.identifiers import BlobId


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerSettings:
    """Settings of the trigger. Durations are in seconds."""

    publish_threshold: float
    share_duration: float
    prune_duration: float
    prune_interval: float


@dataclass(slots=True)
class _Arrivals:
    """The parts of one blob that have arrived."""

    since: float
    columns: set[int] = field(default_factory=set)
    assigned: frozenset[int] | None = None
    """None until the transaction has arrived."""
    settled: bool = False
    """Published or expired."""

    def has_part(self, part: float) -> bool:
        """Return whether this part of the assigned columns has arrived. A node of no subnetwork never publishes."""
        if not self.assigned or self.settled:
            return False
        return len(self.columns & self.assigned) >= math.ceil(len(self.assigned) * part)


class PublishTrigger:
    """Trigger for all blobs."""

    def __init__(self, settings: TriggerSettings) -> None:
        self._settings = settings
        self._arrivals: dict[BlobId, _Arrivals] = {}

    def share_arrived(self, blob: BlobId, column: int, now: float) -> bool:
        """Note a share. Return whether to publish the transaction now."""
        arrivals = self._of(blob, now)
        arrivals.columns.add(column)
        return self._settle(arrivals)

    def transaction_arrived(self, blob: BlobId, assigned: Collection[int], now: float) -> bool:
        """Note the transaction and the member's assigned columns. Return whether to publish the transaction now."""
        arrivals = self._of(blob, now)
        arrivals.assigned = frozenset(assigned)
        return self._settle(arrivals)

    def overdue(self, now: float) -> list[BlobId]:
        """Return the blobs to publish although columns are missing."""
        due: list[BlobId] = []
        for blob, arrivals in list(self._arrivals.items()):
            age = now - arrivals.since
            if age >= self._settings.prune_duration:
                del self._arrivals[blob]
            elif age >= self._settings.share_duration:
                if arrivals.has_part(self._settings.publish_threshold):
                    due.append(blob)
                arrivals.settled = True
        return due

    def _of(self, blob: BlobId, now: float) -> _Arrivals:
        return self._arrivals.setdefault(blob, _Arrivals(now))

    def _settle(self, arrivals: _Arrivals) -> bool:
        complete = arrivals.has_part(1.0)
        arrivals.settled = arrivals.settled or complete
        return complete
