"""The odds of the leader lottery: the chance of a slot without a winner, and the fewest blocks of a healthy network.

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
"""Chance that a healthy network fails a run because of the lottery alone."""
_SERVICES: Final = 2
"""Service notes of each node: one for data availability and one for Blend."""


@dataclass(frozen=True, slots=True)
class LotteryOdds:
    """The odds of one slot."""

    no_leader_note_wins: float
    wallet_note_wins_nowhere: float
    """Chance of one wallet note, over all nodes."""
    wallet_notes: int

    @classmethod
    def of(cls, spec: TopologySpec) -> Self:
        notes, wallet_value = (spec.wallet.users, spec.wallet.total // spec.wallet.users) if spec.wallet else (0, 0)
        stake = spec.node_count * (LEADER_STAKE + _SERVICES * SERVICE_STAKE) + (spec.wallet.total if spec.wallet else 0)
        constants = development_constants(stake, spec.active_slot_coeff)
        leader, wallet = (1 - constants.threshold(value) / MODULUS for value in (LEADER_STAKE, wallet_value))
        return cls(leader**spec.node_count, wallet**spec.node_count, notes)

    def empty_slot(self, spent: int = 0) -> float:
        """Return the chance that nobody wins a slot after so many wallet notes were spent."""
        return self.no_leader_note_wins * self.wallet_note_wins_nowhere ** max(0, self.wallet_notes - spent)

    def longest_stall(self, slots: float, spent: int = 0) -> int:
        """Return the most slots in a row that may be empty in a run of ``slots`` slots."""
        empty = self.empty_slot(spent)
        if empty <= 0:
            return 0
        if empty >= 1:
            return math.ceil(slots)
        return math.ceil(math.log(FALSE_ALARM / max(1.0, slots)) / math.log(empty))


def fewest_blocks(slots: int, wins: float) -> int:
    """Return the fewest blocks of ``slots`` slots, if each slot has a winner with the chance ``wins`` on average.

    Half of the average, so that a slow machine has room, or fewer if chance alone may give fewer. Slots of unequal
    chances vary less than slots that all have the average one (Hoeffding 1956), so that the average is enough to know.
    """
    return min(math.ceil(slots * wins / 2), _lower_quantile(slots, wins, FALSE_ALARM))


def _lower_quantile(trials: int, chance: float, tail: float) -> int:
    """Return the most successes that are missed with at most the chance ``tail``."""
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
