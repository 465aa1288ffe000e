"""Included transactions stay included: if all nodes have one after a recovery, the chain has it at the end.

Transactions of an abandoned branch do not count, because the protocol's mempool does not take them back. Their number
is shown, so that a run tells the cost of a partition.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from nomos_core import field
from nomos_core.identifiers import TxHash
from nomos_testing.blocks.chain_history import BlockRecord
from nomos_testing.expectations.continuous import MOST_EVIDENCE, RunningContinuous
from nomos_testing.expectations.run_view import RunView
from nomos_testing.faults.plan import PlannedFault
from nomos_testing.runtime.interfaces import ExpectationFailed, Observation, RunContext, RunPlan


@dataclass(frozen=True, slots=True)
class InclusionsStay:
    """Transactions that all nodes share after a recovery are on the canonical chain at the end."""

    name: ClassVar[str] = "inclusions_stay"

    def prepare(self, plan: RunPlan) -> None:
        """There are no numbers to check."""

    def begin(self, ctx: RunContext) -> RunningInclusionsStay:
        return RunningInclusionsStay(self.name, ctx)

    def file_section(self) -> Mapping[str, Any]:
        return {"inclusions_stay": {}}


class RunningInclusionsStay(RunningContinuous):
    """Collects the shared transactions after each recovery of one run, and looks for them at the end."""

    def __init__(self, name: str, ctx: RunContext) -> None:
        super().__init__(name, ctx)
        self._shared: dict[TxHash, tuple[BlockRecord, PlannedFault]] = {}
        self._noted: set[int] = set()
        self._view: RunView | None = None

    def take(self, view: RunView) -> None:
        self._view = view
        for record in view.faults.records:
            if record.recovered_at is not None and record.planned.number not in self._noted:
                self._noted.add(record.planned.number)
                self._note_shared_chain(view, record.planned)

    def judge(self) -> Observation:
        assert self._view is not None, "the last look comes first"
        canonical = _transactions(_canonical_chain(self._view))
        missing = {tx_hash: found for tx_hash, found in self._shared.items() if tx_hash not in canonical}
        if missing:
            evidence = [
                f"transaction {field.to_hex(tx_hash)} was in block {record.id.hex()} at height {record.height} "
                f"after the recovery from {fault}, and is in no canonical block"
                for tx_hash, (record, fault) in list(missing.items())[:MOST_EVIDENCE]
            ]
            raise ExpectationFailed(
                f"{len(missing)} of {len(self._shared)} included transactions did not stay included: {evidence[0]}",
                observed=len(self._shared) - len(missing),
                required=len(self._shared),
                evidence=evidence,
            )
        lost = len(_transactions(self._view.history.records).keys() - canonical.keys())
        observed = f"{len(self._shared)} stayed, {lost} lost with abandoned branches"
        return Observation(observed=observed, required=f"{len(self._shared)} stay")

    def _note_shared_chain(self, view: RunView, fault: PlannedFault) -> None:
        chain = _canonical_chain(view)
        shared = chain[: len(chain) - max(view.behind.values(), default=0)]
        for tx_hash, record in _transactions(shared).items():
            self._shared.setdefault(tx_hash, (record, fault))


def _canonical_chain(view: RunView) -> list[BlockRecord]:
    tip = view.history.canonical_tip()
    return [] if tip is None else view.history.chain(tip)


def _transactions(records: list[BlockRecord]) -> dict[TxHash, BlockRecord]:
    return {transaction.hash: record for record in records for transaction in record.block.transactions}
