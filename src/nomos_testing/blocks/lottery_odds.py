"""How often the leader lottery leaves a slot without a winner, and how few blocks a healthy network may make.

Every node draws with its own leader note, of ``LEADER_STAKE``, and with every wallet note that is unspent, because the
generated configuration gives it all wallet keys. A note wins a slot with the chance of its threshold
(``nomos_core.cryptarchia.leadership``). A wallet note that a transaction spends no longer draws; its change draws again
two epochs later, which is left out here, so that the odds are never better than the network's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Self

from nomos_core.cryptarchia.leadership import development_constants
from nomos_core.field import MODULUS
from nomos_core.mantle.network_genesis import LEADER_STAKE, SERVICE_STAKE
from nomos_testing.topology import TopologySpec

FALSE_ALARM: Final = 1e-6
"""The chance that a healthy network fails a run by the lottery alone."""
_SERVICES: Final = 2
"""Each node has a service note for data availability and one for Blend."""


@dataclass(frozen=True, slots=True)
class LotteryOdds:
    """The chances of one slot."""

    no_leader_note_wins: float
    wallet_note_wins_nowhere: float
    """Of one wallet note, with all nodes."""
    wallet_notes: int

    @classmethod
    def of(cls, spec: TopologySpec) -> Self:
        notes, wallet_value = (spec.wallet.users, spec.wallet.total // spec.wallet.users) if spec.wallet else (0, 0)
        stake = spec.node_count * (LEADER_STAKE + _SERVICES * SERVICE_STAKE) + (spec.wallet.total if spec.wallet else 0)
        constants = development_constants(stake, spec.active_slot_coeff)
        leader, wallet = (1 - constants.threshold(value) / MODULUS for value in (LEADER_STAKE, wallet_value))
        return cls(leader**spec.node_count, wallet**spec.node_count, notes)

    def empty_slot(self, spent: int = 0) -> float:
        """The chance that nobody wins a slot, with so many wallet notes spent."""
        return self.no_leader_note_wins * self.wallet_note_wins_nowhere ** max(0, self.wallet_notes - spent)

    def longest_stall(self, slots: float, spent: int = 0) -> int:
        """How many slots in a row may be empty in a run of ``slots`` slots."""
        empty = self.empty_slot(spent)
        if empty <= 0:
            return 0
        if empty >= 1:
            return math.ceil(slots)
        return math.ceil(math.log(FALSE_ALARM / max(1.0, slots)) / math.log(empty))


def fewest_blocks(slots: int, wins: float) -> int:
    """How many blocks must be made in ``slots`` slots, of which each has a winner with the chance ``wins`` on average.

    Half of the average, so that a slow machine has room, or fewer where chance alone may leave fewer. Slots of unequal
    chances vary less than slots that all have the average one (Hoeffding 1956), so that the average is enough to know.
    """
    return min(math.ceil(slots * wins / 2), _lower_quantile(slots, wins, FALSE_ALARM))


def _lower_quantile(trials: int, chance: float, tail: float) -> int:
    """The most successes that are missed with at most the chance ``tail``."""
    below = 0.0
    for successes in range(trials + 1):
        below += _binomial(trials, successes, chance)
        if below > tail:
            return successes
    return trials


def _binomial(trials: int, successes: int, chance: float) -> float:
    if chance <= 0 or chance >= 1:
        return float(successes == (trials if chance >= 1 else 0))
    logarithm = (
        math.lgamma(trials + 1)
        - math.lgamma(successes + 1)
        - math.lgamma(trials - successes + 1)
        + successes * math.log(chance)
        + (trials - successes) * math.log1p(-chance)
    )
    return math.exp(logarithm)
