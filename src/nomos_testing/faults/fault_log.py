"""The state of the planned faults during a run. Times are in seconds on the event loop's clock."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nomos_testing.faults.fault import Control
from nomos_testing.faults.plan import PlannedFault


@dataclass(slots=True)
class FaultRecord:
    """A fault and its state."""

    planned: PlannedFault
    """The fault as planned."""
    injected_at: float
    """When its injection began."""
    healed_at: float | None = None
    """When it was healed."""
    settled: bool = False
    """Its heal is verified, or cannot be verified. The network cannot have recovered before."""
    recovered_at: float | None = None
    """When the network had recovered from it."""
    overlapped: bool = False
    """Another fault was active between its heal and the recovery of the network."""

    @property
    def active(self) -> bool:
        """True until it is healed."""
        return self.healed_at is None


FaultListener = Callable[[FaultRecord], None]


class FaultLog:
    """The log of one run. Faults are in the order of their injection."""

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
        """True while no fault of links is active."""
        return not any(record.planned.fault.control is Control.NETWORK for record in self.active())

    def hit_nodes(self) -> frozenset[str]:
        """Return the nodes that active faults act on."""
        return frozenset(node for record in self.active() for node in record.planned.fault.hit_nodes())

    def faultless_since(self) -> float | None:
        """Return the time of the last heal; None while a fault is active, minus infinity before the first fault."""
        if self.active():
            return None
        return max((record.healed_at or 0.0 for record in self._records.values()), default=float("-inf"))

    def unrecovered(self) -> Sequence[FaultRecord]:
        """Return the faults that are healed, and that the network has not recovered from yet."""
        return [record for record in self._records.values() if not record.active and record.recovered_at is None]

    def lock(self, node: str) -> asyncio.Lock:
        """Return the lock of a node. It keeps a slow heal and the next fault of the node apart."""
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
