"""Order in which the leaders of one slot propose, so that forks are rare.

With the usual parameters every node wins nine slots in ten. Leaders whose mempools differ by one transaction make
different blocks. Such a fork lasts until one side misses a slot, and with k = 10 it splits the network for ever too
often. So a leader that is not the first in the order waits a moment. It does not propose if a block of the slot has
arrived by then.

The order is drawn for every slot from the declared providers, which all nodes know. The rules of the chain do not
change, and the first leader proposes at the start of its slot.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from nomos_core.hashing import blake2b_256
from nomos_core.identifiers import Ed25519PublicKey
from nomos_core.ledger.state import LedgerState
from nomos_core.mantle.operations import ServiceType

LONGEST_TURN_SECONDS: Final = 0.25
"""Seconds in which a proposal reaches every node of a local network."""
_TURNS_PER_SLOT: Final = 8
_LATEST_TURN: Final = 0.5
"""Part of the slot. A later block might not reach the leaders of the next slot in time."""


@dataclass(frozen=True, slots=True)
class Turns:
    """Order of the leaders. With ``at_once`` every leader proposes at the start of its slot, as the real node does."""

    provider: Ed25519PublicKey
    """Key of this node."""
    slot_seconds: float
    at_once: bool = False

    def delay(self, slot: int, state: LedgerState) -> float:
        """Return the seconds to wait in a won slot. 0 for a node that is no declared provider."""
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
