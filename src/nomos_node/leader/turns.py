"""In which order the leaders of one slot propose, so that they do not fork the chain at every chance.

With the network's usual parameters every node wins nine slots in ten. Leaders whose mempools differ by one transaction
in flight make different blocks, and such a fork lasts until one side misses a slot: with k = 10 it splits the network
for good more often than one would like. So a leader that is not first in turn waits a moment, and does not propose
where a block of the slot has reached it by then. The order is drawn anew for every slot from the declared providers,
which all nodes know. The rules of the chain are untouched, and the first in turn proposes at the start of its slot.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from nomos_core.hashing import blake2b_256
from nomos_core.identifiers import Ed25519PublicKey
from nomos_core.ledger.state import LedgerState
from nomos_core.mantle.operations import ServiceType

LONGEST_TURN_SECONDS: Final = 0.25
"""Enough for a proposal to reach every node of a local network."""
_TURNS_PER_SLOT: Final = 8
_LATEST_TURN: Final = 0.5
"""Of the slot: a block proposed later might not reach the next slot's leaders in time."""


@dataclass(frozen=True, slots=True)
class Turns:
    """``at_once`` makes every leader propose at the start of its slot, as the real node does."""

    provider: Ed25519PublicKey
    """This node's own."""
    slot_seconds: float
    at_once: bool = False

    def delay(self, slot: int, state: LedgerState) -> float:
        """Seconds to wait in a slot that was won; none for a node that is no declared provider."""
        providers = _providers(state)
        if self.at_once or self.provider not in providers:
            return 0.0
        order = sorted(providers, key=lambda provider: blake2b_256(slot.to_bytes(8, "little"), provider))
        return order.index(self.provider) * self._turn(len(order))

    def _turn(self, leaders: int) -> float:
        last = max(leaders - 1, 1)
        return min(LONGEST_TURN_SECONDS, self.slot_seconds / _TURNS_PER_SLOT, _LATEST_TURN * self.slot_seconds / last)


def _providers(state: LedgerState) -> set[Ed25519PublicKey]:
    return {provider for service in ServiceType for provider in state.active_providers(service)}
