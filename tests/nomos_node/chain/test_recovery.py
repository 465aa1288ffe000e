"""What a restart finds in the database: the same chain, in the right mode."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from nomos_core.cryptarchia.fork_choice import Mode
from nomos_core.identifiers import HeaderId
from nomos_core.ledger.state import LedgerState, genesis_state
from nomos_core.proofs.development import DevelopmentProver
from nomos_node.chain.chain import Chain
from nomos_node.chain.recovery import BootstrapRules, RecoveryError, open_chain
from nomos_node.chain.rules import LedgerRules
from nomos_node.chain.snapshots import INTERVAL
from nomos_node.storage.block_store import BlockStore
from nomos_node.storage.database import Database
from nomos_node.workers import ThreadWorker
from support.inputs.chain_making import GENESIS, GENESIS_ID, NOTES, PROVER, TestNode, extend, grow, rules, transfer

Start = Callable[..., TestNode]


def _opened(node: TestNode, genesis: HeaderId, state: LedgerState, ledger_rules: LedgerRules) -> Chain:
    return open_chain(
        genesis,
        state,
        ledger_rules,
        BlockStore(node.database),
        BootstrapRules(),
        now=time.time,
        worker=ThreadWorker("ledger", 1),
    )


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """Starts a node on the same database, ending the one before it."""
    nodes: list[TestNode] = []

    def started(bootstrap: BootstrapRules | None = None) -> TestNode:
        for node in nodes:
            node.close()
        nodes.append(TestNode(database=Database.open(tmp_path), bootstrap=bootstrap or BootstrapRules()))
        return nodes[-1]

    yield started
    nodes[-1].close()


def _same(before: Chain, after: Chain) -> bool:
    return before.info() == after.info() and before.tip_state().utxos.root == after.tip_state().utxos.root


async def test_a_chain_at_genesis_recovers(start: Start) -> None:
    assert _same(start().chain, start().chain)


async def test_blocks_and_their_ledger_recover_while_bootstrapping(start: Start) -> None:
    node = start()
    await node.include(1, [transfer(0)])
    await grow(node.chain, range(2, 8))
    again = start()
    assert _same(node.chain, again.chain)
    assert again.chain.info().height == 7
    assert NOTES[0].id not in again.chain.tip_state().utxos


async def test_an_online_chain_recovers_with_its_lib_and_absolute_heights(start: Start) -> None:
    node = start()
    await node.chain.go_online()
    await node.include(1, [transfer(0)])
    await grow(node.chain, range(2, 10))
    again = start().chain
    assert _same(node.chain, again)
    assert (again.info().mode, again.lib.height, again.info().height) == (Mode.ONLINE, 6, 9)
    await grow(again, [20])
    assert again.lib.height == 7


async def test_a_long_chain_recovers_from_its_snapshot(start: Start) -> None:
    node = start()
    await node.chain.go_online()
    await node.include(1, [transfer(0)])
    await grow(node.chain, range(2, INTERVAL + 20))
    snapshot = node.store.snapshot()
    assert snapshot is not None
    assert snapshot.height == INTERVAL
    assert _same(node.chain, start().chain)


async def test_forks_above_the_lib_recover_and_the_tip_stays(start: Start) -> None:
    node = start()
    first = await extend(node.chain, GENESIS_ID, [5, 6])
    other = await extend(node.chain, GENESIS_ID, [1, 2])
    assert node.chain.tip.id == first[-1].id
    again = start().chain
    assert again.tip.id == first[-1].id, "of two equal forks the former tip stays"
    assert all(block.id in again for block in other)
    await extend(again, other[-1].id, [7])
    assert again.info().height == 3


async def test_a_node_told_to_bootstrap_or_long_absent_bootstraps(start: Start) -> None:
    node = start()
    await node.chain.go_online()
    await grow(node.chain, range(1, 8))
    assert start(BootstrapRules(force=True)).chain.mode is Mode.BOOTSTRAPPING
    await start(BootstrapRules(grace_period=1000)).chain.go_online()
    assert start(BootstrapRules(grace_period=1000)).chain.mode is Mode.ONLINE
    assert start(BootstrapRules(grace_period=-1)).chain.mode is Mode.BOOTSTRAPPING


async def test_a_node_whose_lib_is_genesis_bootstraps(start: Start) -> None:
    await start().chain.go_online()
    assert start().chain.mode is Mode.BOOTSTRAPPING


async def test_recording_the_position_counts_as_being_online(start: Start) -> None:
    node = start()
    await node.chain.go_online()
    await grow(node.chain, range(1, 8))
    await node.chain.record_position()
    position = node.store.position()
    assert position is not None
    assert abs(position.recorded_at - time.time()) < 60


async def test_the_database_of_another_chain_is_refused(start: Start, tmp_path: Path) -> None:
    node = start()
    await grow(node.chain, [1])
    state = genesis_state(GENESIS, node.ledger_rules.config, PROVER)
    with pytest.raises(RecoveryError, match="give this node another db_path"):
        _opened(node, HeaderId(bytes(32)), state, rules())


class _DoubtingProver(DevelopmentProver):
    def verify(self, *arguments: object) -> bool:
        return False


async def test_blocks_that_the_prover_refuses_are_refused_at_the_start(start: Start) -> None:
    node = start()
    await node.include(1, [transfer(0)])
    doubting = LedgerRules(node.ledger_rules.config, _DoubtingProver())
    state = genesis_state(GENESIS, doubting.config, PROVER)
    with pytest.raises(RecoveryError, match="was it made with another prover"):
        _opened(node, GENESIS_ID, state, doubting)


async def test_a_missing_block_is_named(start: Start) -> None:
    node = start()
    blocks = await grow(node.chain, range(1, 4))
    lost = blocks[1].id
    await node.database.run(lambda db: db.execute("DELETE FROM blocks WHERE id = ?", (lost,)))
    state = genesis_state(GENESIS, node.ledger_rules.config, PROVER)
    with pytest.raises(RecoveryError, match=f"lacks block 0x{lost.hex()}"):
        _opened(node, GENESIS_ID, state, node.ledger_rules)
