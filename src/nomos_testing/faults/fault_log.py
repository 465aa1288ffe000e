"""What has become of the planned faults while the run lasts. Times are Seconds on the event loop's clock."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nomos_testing.faults.fault import Control
from nomos_testing.faults.plan import PlannedFault


@dataclass(slots=True)
class FaultRecord:
    """A fault and its state. Times are in seconds of the monotonic clock."""

    planned: PlannedFault
    """The fault as planned."""
    injected_at: float
    """When its injection began."""
    healed_at: float | None = None
    """When it was healed."""
    settled: bool = False
    """Its heal was seen to have come through, or there was nothing to see it by. Recovery cannot come before."""
    recovered_at: float | None = None
    """When the network had recovered from it."""
    overlapped: bool = False
    """Another fault was there between its heal and the network's recovery from it."""

    @property
    def active(self) -> bool:
        """True until it is healed."""
        return self.healed_at is None


FaultListener = Callable[[FaultRecord], None]


class FaultLog:
    """One for the whole run; the faults are in the order of their injection."""

    def __init__(self) -> None:
        self._records: dict[int, FaultRecord] = {}
        self._listeners: list[FaultListener] = []
        self._nodes: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    @property
    def records(self) -> Sequence[FaultRecord]:
        """Every fault that was injected."""
        return tuple(self._records.values())

    def active(self) -> Sequence[FaultRecord]:
        """Return the faults that are not healed."""
        return [record for record in self._records.values() if record.active]

    @property
    def network_is_whole(self) -> bool:
        """No fault of the links is there."""
        return not any(record.planned.fault.control is Control.NETWORK for record in self.active())

    def hit_nodes(self) -> frozenset[str]:
        """The nodes to which something is being done."""
        return frozenset(node for record in self.active() for node in record.planned.fault.hit_nodes())

    def quiet_since(self) -> float | None:
        """When the last fault was healed; None while one is there, minus infinity before the first."""
        if self.active():
            return None
        return max((record.healed_at or 0.0 for record in self._records.values()), default=float("-inf"))

    def unrecovered(self) -> Sequence[FaultRecord]:
        """Healed, and the network has not recovered yet."""
        return [record for record in self._records.values() if not record.active and record.recovered_at is None]

    def lock(self, node: str) -> asyncio.Lock:
        """Held while something is done to a node, so that a slow heal and the next fault don't meet."""
        return self._nodes[node]

    def listen(self, listener: FaultListener) -> None:
        """Call ``listener`` whenever a fault is injected, healed, or recovered from."""
        self._listeners.append(listener)

    def inject(self, planned: PlannedFault, at: float) -> None:
        """Note that a fault is injected."""
        for earlier in self.unrecovered():
            earlier.overlapped = True
        record = self._records[planned.number] = FaultRecord(planned, at)
        self._tell(record)

    def heal(self, planned: PlannedFault, at: float) -> None:
        """Note that a fault is healed."""
        record = self._records[planned.number]
        record.healed_at = at
        record.overlapped = bool(self.active())
        self._tell(record)

    def settle(self, planned: PlannedFault) -> None:
        """Note that a heal was seen to work, or that nothing shows it."""
        self._records[planned.number].settled = True

    def recover(self, planned: PlannedFault, at: float) -> None:
        """Note that the network has recovered from a fault."""
        record = self._records[planned.number]
        record.recovered_at = at
        self._tell(record)

    def _tell(self, record: FaultRecord) -> None:
        for listener in self._listeners:
            listener(record)
