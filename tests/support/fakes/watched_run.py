"""A run that exists in memory only, as continuous expectations see it; its slots last a second, its clock is set."""

from __future__ import annotations

import time
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from nomos_core.cryptarchia.block import Block
from nomos_core.identifiers import HeaderId, TxHash
from nomos_testing.blocks.block_feed import FeedEvent, NodeView
from nomos_testing.blocks.chain_history import ChainHistory
from nomos_testing.client.answers import ConsensusInfo, Mode
from nomos_testing.expectations.continuous import RunningContinuous
from nomos_testing.expectations.expectation_events import ExpectationBroken
from nomos_testing.expectations.run_view import RunView
from nomos_testing.faults.fault import Fault
from nomos_testing.faults.fault_log import FaultLog
from nomos_testing.faults.plan import PlannedFault
from nomos_testing.faults.vocabulary import Kill
from nomos_testing.runtime.specifications import RunningParts
from nomos_testing.topology import TopologySpec, WalletSpec
from nomos_testing.topology.timing import RunTiming
from nomos_testing.waiting.machine import Patience
from support.fakes.fake_chain import GENESIS_ID

SLOT_SECONDS = 1.0
_PATIENCE = Patience()


class WatchedRun:
    """Its methods move it on; ``watched`` is what an expectation makes of each step."""

    def __init__(self, *nodes: str, wallet: WalletSpec | None = None, patience: Patience = _PATIENCE) -> None:
        self._wallet = wallet
        self._patience = patience
        # Rounded to a power of two, so that sums of slots are exact.
        self.started = int(time.monotonic() * 1024) / 1024
        self.slot = 0.0
        self.history = ChainHistory()
        self.history.set_genesis(GENESIS_ID)
        self.views = {node: NodeView() for node in nodes}
        self.log = FaultLog()
        self.journaled: list[Any] = []
        context: Any = self
        self.parts = RunningParts(context)
        self._watching: list[RunningContinuous] = []

    # what a RunContext gives

    def patience(self) -> Patience:
        return self._patience

    def run_metrics(self) -> RunTiming:
        return RunTiming(run_duration=60, slot_duration=SLOT_SECONDS, active_slot_coeff=0.9)

    def plan(self) -> Any:
        return SimpleNamespace(topology=TopologySpec(validators=len(self.views), wallet=self._wallet))

    def block_feed(self) -> Any:
        return SimpleNamespace(history=self.history, nodes=lambda: dict(self.views))

    def faults(self) -> FaultLog:
        return self.log

    def journal(self) -> Any:
        return SimpleNamespace(write=self.journaled.append)

    def spawn(self, work: Coroutine[Any, Any, None], *, name: str) -> None:
        """The test says when there is something to look at."""
        work.close()

    # what happens

    async def watched(self, expectation: Any) -> Any:
        running = self.parts.of(expectation)
        await running.capture(self)
        self._watching.append(running)
        return running

    def show(self, node: str, chain: Sequence[Block], *, lib: HeaderId = GENESIS_ID) -> None:
        """The node has this chain, from genesis, and answers so."""
        events = self.history.add(node, [(block.id, block) for block in chain], self.now)
        tip = chain[-1].id if chain else GENESIS_ID
        events += self.history.move(node, tip, self.now)
        info = ConsensusInfo(lib=lib, tip=tip, slot=int(self.slot), height=len(chain), mode=Mode.ONLINE)
        self.views[node] = NodeView(info, self.now)
        for event in events or [None]:
            self.look(event)

    def silence(self, node: str, error: str = "connection refused") -> None:
        self.views[node] = replace(self.views[node], error=error)
        self.look()

    def pass_slots(self, slots: float) -> None:
        self.slot += slots
        self.look()

    def inject(self, number: int = 1, fault: Fault | None = None) -> PlannedFault:
        planned = PlannedFault(
            number=number, origin="faults", path=("faults", 0), fault=fault or Kill("a"), inject_at=0, heal_at=0
        )
        self.log.inject(planned, self.now)
        self.look()
        return planned

    def heal(self, planned: PlannedFault) -> None:
        self.log.heal(planned, self.now)
        self.look()

    def recover(self, planned: PlannedFault) -> None:
        self.log.recover(planned, self.now)
        self.look()

    def look(self, event: FeedEvent | None = None) -> None:
        for expectation in self._watching:
            expectation.look(self.view(event))

    def view(self, event: FeedEvent | None = None) -> RunView:
        return RunView(
            at=self.now,
            started=self.started,
            slot_seconds=SLOT_SECONDS,
            history=self.history,
            nodes=dict(self.views),
            faults=self.log,
            event=event,
        )

    @property
    def now(self) -> float:
        return self.started + self.slot * SLOT_SECONDS

    def breaches(self) -> list[ExpectationBroken]:
        return [event for event in self.journaled if isinstance(event, ExpectationBroken)]


def with_transactions(blocks: Sequence[Block], transactions: Mapping[int, int], *, inputs: int = 1) -> list[Block]:
    """The blocks with a transaction in each that ``transactions`` names by position; its hash is the number given."""
    return [
        replace(block, transactions=(_transaction(transactions[position], inputs),))
        if position in transactions
        else block
        for position, block in enumerate(blocks)
    ]


def _transaction(number: int, inputs: int) -> Any:
    ledger_tx = SimpleNamespace(inputs=(number,) * inputs)
    return SimpleNamespace(hash=TxHash(number), mantle_tx=SimpleNamespace(ledger_tx=ledger_tx))
