"""How many transactions a run sends, how far apart, and from how many accounts.

Shared by the workload and by what is expected of it. The number of transactions is the original framework's. It sends
one transaction an account; here an account sends again when its last transaction is in a block, unless the scenario
asks for ``once_per_account``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from nomos_testing.topology.timing import RunTiming

MIN_INCLUSION_RATIO: Final = 0.5
PROOF_SECONDS: Final = 0.2
"""A proof of zksign with the circuits' own prover: ten nodes' genesis, which has 21, took 4.2 s."""
_REST_WINNERS: Final = 2
"""An account rests for so many slots with a block: one that its transaction may just miss, and the one that takes it.
The first one is rarely missed, which is the margin."""
_LEAST_CHANCE: Final = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionPlan:
    planned: int
    """Transactions in the whole run."""
    interval: float
    """Seconds from one submission to the next."""
    requested: int
    """Transactions that the rate makes in the run."""
    rate: int
    """Transactions a block."""
    block_seconds: float
    """How long a block is taken to last."""
    slots: float
    """Of the run; 0 where the slot is unknown."""
    accounts: int
    """Accounts that send."""
    needed: int
    """Accounts with which the rate can be kept for any length."""
    once: bool
    """Each account sends once."""

    def sentences(self) -> Sequence[str]:
        """The plan in words, for people."""
        return tuple(self._sentences())

    def _sentences(self) -> Iterator[str]:
        per_slot = f", {self.planned / self.slots:.2f} a slot" if self.slots else ""
        yield (
            f"{self.planned} transactions{per_slot}, {required_inclusions(self.planned)} of them must be in blocks: "
            f"{self.rate} a block, which is taken to last {self.block_seconds:g} s"
        )
        if self.planned < self.requested:
            why = "each sends once"
            if not self.once:
                why = f"each rests until its transaction is in a block; {self.needed} would be enough"
            yield f"the rate asks for {self.requested}, more than {_counted(self.accounts)} can send: {why}"
        elif self.planned > self.accounts:
            yield (
                f"{_counted(self.accounts)} send in turns: each spends its change when its last transaction is in a "
                f"block, for which {self.needed} are enough"
            )


def submission_plan(
    metrics: RunTiming,
    *,
    rate: int,
    accounts: int,
    wins: float | None = None,
    once: bool = False,
    best_effort: bool = False,
) -> SubmissionPlan:
    """Plan a run at ``rate`` transactions a block.

    A block is taken to last ``block_interval_hint`` seconds (the run's length where that is unknown), so that a run of
    60 s at rate 5 with slots of 2 s and a coefficient of 0.9 plans ``floor(60 / 1.8 * 5) = 166``.

    ``wins`` is the chance that a slot has a block once all accounts have spent their notes of genesis, which draw in
    the leader lottery; by default the coefficient.

    Raises:
        ValueError: nothing would be sent, or the accounts cannot keep the rate and best effort is not asked for.
    """
    run_seconds = metrics.run_duration
    block_seconds = metrics.block_interval_hint or run_seconds
    requested = math.floor(run_seconds / block_seconds * rate)
    rest = _REST_WINNERS / max(wins if wins is not None else metrics.active_slot_coeff, _LEAST_CHANCE)
    needed = min(requested, math.ceil(rate / block_seconds * rest * (metrics.slot_duration or 0.0)) or 1)
    planned = min(requested, accounts) if once else requested
    if not once and accounts < needed:
        if not best_effort:
            raise ValueError(
                f"{requested} transactions are asked for ({rate} a block, one in {block_seconds / rate:.2g} s), and "
                f"{_counted(accounts)} cannot keep that rate: an account sends again when its last transaction is in a "
                f"block, which takes {rest:.1f} slots. Fund {needed} wallets or more, lower the rate, "
                "or say best_effort: true to send what these accounts can"
            )
        planned = max(min(requested, accounts), math.floor(requested * accounts / needed))
    if planned == 0:
        raise ValueError("transaction workload scheduled zero transactions")
    slot = metrics.slot_duration
    return SubmissionPlan(
        planned=planned,
        interval=run_seconds / planned,
        requested=requested,
        rate=rate,
        block_seconds=block_seconds,
        slots=run_seconds / slot if slot else 0.0,
        accounts=min(accounts, planned),
        needed=needed,
        once=once,
    )


def proof_sentence(plan: SubmissionPlan, *, machine_factor: float, processors: int) -> str:
    """What real proofs of a plan take: those of the first round before the load, the others one at a time during it."""
    proof = PROOF_SECONDS * machine_factor
    before = f"proofs of {plan.accounts} transactions before the load: some {plan.accounts * proof / processors:.0f} s"
    later = plan.planned - plan.accounts
    if not later:
        return before
    keeps = "keeps" if proof <= plan.interval else "does not keep"
    return (
        f"{before}; of {later} during it, one at a time, {proof:.2g} s each: one processor {keeps} the rate of one in "
        f"{plan.interval:.2g} s"
    )


def required_inclusions(planned: int) -> int:
    return math.ceil(planned * MIN_INCLUSION_RATIO)


def _counted(accounts: int) -> str:
    return f"{accounts} account{'s' * (accounts != 1)}"
