"""The inclusion of the transactions workload's own transactions, judged over a chain in memory."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nomos_core.field import to_hex
from nomos_core.identifiers import HeaderId, TxHash, ZkPublicKey, ZkSignature
from nomos_core.mantle.transactions import LedgerTx, MantleTx, Note, SignedMantleTx
from nomos_testing.percentiles import Percentiles
from nomos_testing.runtime.interfaces import ExpectationFailed, Observation, RunContext
from nomos_testing.workloads.transactions.events import TransactionIncluded, TransactionsJudged
from nomos_testing.workloads.transactions.inclusion import CanonicalBlock, Sent, TransactionInclusion, match_inclusions
from support.fakes.fake_blob_network import DaBench, da_bench


@dataclass
class Load:
    """Has sent what it is told to have sent. It is its own specification."""

    planned: int
    sent: list[Sent] = field(default_factory=list)

    def begin(self, ctx: RunContext) -> Load:
        return self

    def send(self, number: int) -> SignedMantleTx:
        output = Note(number + 1, ZkPublicKey(number + 1))
        transaction = SignedMantleTx(MantleTx(ledger_tx=LedgerTx((), (output,))), (), ZkSignature(bytes(128)))
        self.sent.append(Sent(transaction.hash, f"wallet-user-{number}", "validator-0", time.monotonic()))
        return transaction


def produce(bench: DaBench, transactions: Sequence[SignedMantleTx], *, branch: int = 0) -> None:
    bench.network.produce(empty=True, branch=branch)
    bench.network.chain[-1] = replace(bench.network.chain[-1], transactions=tuple(transactions))


async def test_half_of_the_planned_transactions_are_enough(tmp_path: Path) -> None:
    async with da_bench(tmp_path) as bench:
        load = Load(planned=4)
        expectation = TransactionInclusion(load).begin(bench.ctx)
        await expectation.capture(bench.ctx)
        transactions = [load.send(number) for number in range(3)]
        produce(bench, transactions[:2])
        await bench.seen()
        assert await expectation.evaluate(bench.ctx) == Observation(observed=2, required=2)
        included = bench.events(TransactionIncluded)
        assert [event.transaction for event in included] == [to_hex(item.hash) for item in transactions[:2]]
        assert all(event.height == 1 and event.block == bench.network.chain[0].id.hex() for event in included)
        (judged,) = bench.events(TransactionsJudged)
        assert (judged.planned, judged.sent, judged.included) == (4, 3, 2)


async def test_fewer_fail_and_the_missing_ones_are_named(tmp_path: Path) -> None:
    async with da_bench(tmp_path) as bench:
        load = Load(planned=5)
        expectation = TransactionInclusion(load).begin(bench.ctx)
        await expectation.capture(bench.ctx)
        produce(bench, [load.send(0), load.send(1)])
        missing = load.send(2)
        produce(bench, [])
        await bench.seen()
        with pytest.raises(ExpectationFailed) as failed:
            await expectation.evaluate(bench.ctx)
        assert str(failed.value) == "transaction inclusion observed 2 below required 3"
        (line,) = failed.value.evidence
        assert re.fullmatch(
            rf"wallet-user-2: transaction {to_hex(missing.hash)}, taken by validator-0 [0-9.]+ s into the run, "
            "is in no canonical block",
            line,
        )


async def test_a_block_that_the_chain_left_counts_for_nothing(tmp_path: Path) -> None:
    async with da_bench(tmp_path) as bench:
        load = Load(planned=1)
        expectation = TransactionInclusion(load).begin(bench.ctx)
        await expectation.capture(bench.ctx)
        produce(bench, [load.send(0)], branch=1)
        await bench.seen()
        bench.network.chain.clear()
        for _ in range(2):
            produce(bench, [])
        await bench.seen()
        with pytest.raises(ExpectationFailed, match="observed 0 below required 1"):
            await expectation.evaluate(bench.ctx)


async def test_a_workload_that_planned_nothing_cannot_pass(tmp_path: Path) -> None:
    async with da_bench(tmp_path) as bench:
        with pytest.raises(ExpectationFailed, match="transaction workload planned zero transactions"):
            await TransactionInclusion(Load(planned=0)).begin(bench.ctx).evaluate(bench.ctx)


# the match of what was sent with a chain


def _sent(number: int, at: float = 0.0) -> Sent:
    return Sent(TxHash(number), f"wallet-user-{number}", "validator-0", at)


def _block(height: int, *transactions: int, seen: float = 0.0) -> CanonicalBlock:
    hashes = [TxHash(number) for number in transactions]
    return CanonicalBlock(HeaderId(bytes([height]) * 32), height, height * 2, seen, hashes)


def test_an_inclusion_says_where_and_how_late() -> None:
    report = match_inclusions([_sent(1, at=10.0), _sent(2, at=11.0)], [_block(1), _block(2, 9, 1, seen=12.5)])
    (inclusion,) = report.inclusions
    assert (inclusion.height, inclusion.slot, inclusion.latency) == (2, 4, 2.5)
    assert report.missing == (_sent(2, at=11.0),)


def test_a_transaction_counts_once_though_two_blocks_carry_it() -> None:
    report = match_inclusions([_sent(1)], [_block(1, 1), _block(2, 1)])
    assert [inclusion.height for inclusion in report.inclusions] == [1]


def test_latencies_have_percentiles_if_anything_was_included() -> None:
    none = match_inclusions([_sent(1)], [])
    two = match_inclusions([_sent(1), _sent(2)], [_block(1, 1, 2, seen=4.0)])
    assert none.latency() is None
    assert two.latency() == Percentiles(4.0, 4.0, 4.0, 2)


@given(st.sets(st.integers(0, 50)), st.lists(st.sets(st.integers(0, 60)), max_size=8))
def test_every_sent_transaction_is_either_included_or_missing(sent: set[int], blocks: list[set[int]]) -> None:
    report = match_inclusions(map(_sent, sent), [_block(h, *txs) for h, txs in enumerate(blocks, start=1)])
    included = {inclusion.sent.tx_hash for inclusion in report.inclusions}
    assert included == sent & set().union(*blocks)
    assert included | {item.tx_hash for item in report.missing} == sent
