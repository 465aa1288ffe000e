"""Blocks and transactions on a small chain: value is kept, notes are spent once, a refusal changes nothing."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nomos_core.cryptarchia.block import Block
from nomos_core.cryptarchia.header import Header, LeaderPublic
from nomos_core.cryptarchia.leadership_proof import make_leader_proof
from nomos_core.identifiers import ROOT_MSG_ID, ChannelId, ContentId, Ed25519PublicKey, Ed25519Signature, HeaderId
from nomos_core.keys import Ed25519Key
from nomos_core.ledger.consensus import epoch_state_for_slot
from nomos_core.ledger.errors import LedgerError
from nomos_core.ledger.state import LedgerState, apply_block, apply_header, apply_transaction, leader_public
from nomos_core.mantle.gas import gas_cost
from nomos_core.mantle.notes import Utxo
from nomos_core.mantle.operations import ChannelInscribe, NoProof
from nomos_core.mantle.transactions import MantleTx, Note, SignedMantleTx
from support.inputs.ledger_sandbox import OWNERS, PROVER, PUBLIC, Sandbox, initial_notes, ledger_config

Move = tuple[list[int], list[int]]
"""Which of the unspent notes to spend, and the weights by which their value is shared out."""
MOVES = st.lists(
    st.tuples(
        st.lists(st.integers(0, 50), min_size=1, max_size=4), st.lists(st.integers(1, 9), min_size=1, max_size=4)
    ),
    max_size=6,
)


def shares(value: int, weights: list[int]) -> list[Note]:
    """``value`` cut into at most as many notes as there are weights, none of them worth nothing."""
    parts = [value * weight // sum(weights) for weight in weights]
    parts[0] += value - sum(parts)
    return [Note(part, PUBLIC[index % OWNERS + 1]) for index, part in enumerate(parts) if part]


def transfer(chain: Sandbox, move: Move) -> tuple[SignedMantleTx, list[Utxo]]:
    picks, weights = move
    unspent = chain.unspent()
    spent = list({unspent[pick % len(unspent)].id: unspent[pick % len(unspent)] for pick in picks}.values())
    return chain.transfer(spent, shares(sum(utxo.note.value for utxo in spent), weights)), spent


def total(state: LedgerState) -> int:
    return sum(utxo.note.value for utxo in state.utxos)


def refusal(state: LedgerState, tx: SignedMantleTx, chain: Sandbox) -> str:
    with pytest.raises(LedgerError) as refused:
        apply_transaction(state, tx, chain.config, PROVER)
    return refused.value.path


@settings(max_examples=40, deadline=None)
@given(MOVES)
def test_value_is_kept_and_a_note_is_spent_once(moves: list[Move]) -> None:
    chain = Sandbox()
    chain.header()
    for move in moves:
        tx, spent = transfer(chain, move)
        before = chain.state
        after = chain.apply(tx)
        assert total(after) == total(before)
        assert not any(utxo.id in after.utxos for utxo in spent)
        assert all(utxo.id in before.utxos for utxo in spent)
        assert refusal(after, tx, chain) == "InvalidNote"
    assert chain.state.epoch_state.total_stake == total(chain.state)


@settings(max_examples=20, deadline=None)
@given(MOVES)
def test_how_transactions_are_cut_into_blocks_does_not_change_the_notes(moves: list[Move]) -> None:
    one_block, a_block_each = Sandbox(), Sandbox()
    one_block.header()
    for move in moves:
        tx, _ = transfer(one_block, move)
        one_block.apply(tx)
        a_block_each.header()
        a_block_each.apply(tx)
        assert a_block_each.state.utxos.root
    assert one_block.state.utxos == a_block_each.state.utxos
    assert one_block.state.utxos.placed() == a_block_each.state.utxos.placed()


def test_a_block_is_its_header_and_its_transactions() -> None:
    step_by_step, whole = Sandbox(), Sandbox()
    txs = (step_by_step.transfer(step_by_step.unspent()[:1], [Note(100, PUBLIC[2])]),)
    step_by_step.header(slot=4)
    step_by_step.apply(*txs)
    proof = make_leader_proof(leader_public(whole.state, 4, whole.config), leader_key=Ed25519PublicKey(bytes(32)))
    header = Header(HeaderId(bytes(32)), 4, ContentId(bytes(32)), proof)
    block = Block(header, Ed25519Signature(bytes(64)), txs)
    assert apply_block(whole.state, block, whole.config, PROVER) == step_by_step.state
    bad = Block(header, Ed25519Signature(bytes(64)), (*txs, *txs))
    with pytest.raises(LedgerError, match="Invalid note"):
        apply_block(whole.state, bad, whole.config, PROVER)


def test_a_refused_transaction_changes_nothing_and_the_next_can_still_be_tried() -> None:
    chain = Sandbox()
    chain.header()
    note = chain.unspent()[0]
    before, root = chain.state, chain.state.utxos.root
    too_much = chain.transfer([note], [Note(101, PUBLIC[1])])
    assert refusal(chain.state, too_much, chain) == "InsufficientBalance"
    assert chain.state is before
    assert chain.state.utxos.root == root
    assert note.id not in chain.apply(chain.transfer([note], [Note(100, PUBLIC[1])])).utxos


def test_the_fee_must_be_paid_exactly() -> None:
    chain = Sandbox(state=_state_with_one_note(100_000))
    chain.header()
    prices = {"execution_gas_price": 2, "storage_gas_price": 3}
    note = chain.unspent()[0]
    fee = gas_cost(chain.transfer([note], [Note(1, PUBLIC[1])], **prices))
    paid = {
        change: chain.transfer([note], [Note(100_000 - fee + change, PUBLIC[1])], **prices) for change in (-1, 0, 1)
    }
    assert refusal(chain.state, paid[1], chain) == "InsufficientBalance"
    assert refusal(chain.state, paid[-1], chain) == "UnbalancedTransaction"
    assert total(chain.apply(paid[0])) == 100_000 - fee


def _state_with_one_note(value: int) -> LedgerState:
    from nomos_core.ledger.state import state_of_notes
    from nomos_core.ledger.utxo_tree import UtxoTree

    return state_of_notes(UtxoTree(initial_notes((value,))))


def test_a_proof_of_a_kind_without_gas_price_is_refused() -> None:
    chain = Sandbox()
    chain.header()
    message = ChannelInscribe(ChannelId(bytes(32)), b"x", ROOT_MSG_ID, Ed25519Key(bytes(32)).public)
    mantle_tx = MantleTx((message,))
    tx = SignedMantleTx(mantle_tx, (NoProof(),), PROVER.sign((), mantle_tx.hash))
    assert refusal(chain.state, tx, chain) == "MismatchedProof"


def test_a_header_is_checked_before_anything_changes() -> None:
    chain = Sandbox()
    chain.header(slot=5)
    wrong = make_leader_proof(LeaderPublic(6, 0, 0, 0, 0), leader_key=Ed25519PublicKey(bytes(32)))
    with pytest.raises(LedgerError) as refused:
        apply_header(chain.state, 5, wrong, chain.config)
    assert refused.value.path == "InvalidSlot"
    with pytest.raises(LedgerError) as refused:
        apply_header(chain.state, 6, wrong, chain.config)
    assert refused.value.path == "InvalidProof"


def test_epoch_states_reach_one_epoch_ahead() -> None:
    chain = Sandbox(config=ledger_config())
    chain.header(slot=3)
    assert epoch_state_for_slot(chain.state, 9, chain.config) is chain.state.epoch_state
    assert epoch_state_for_slot(chain.state, 10, chain.config) is chain.state.next_epoch_state
    assert epoch_state_for_slot(chain.state, 20, chain.config) is None


def test_only_notes_from_before_the_last_epoch_are_aged() -> None:
    chain = Sandbox()
    chain.header(slot=1)
    genesis_root = chain.state.epoch_state.utxos.root
    chain.apply(chain.transfer(chain.unspent()[:1], [Note(100, PUBLIC[2])]))
    root = chain.state.utxos.root
    chain.header(slot=11)
    assert chain.state.epoch_state.utxos.root == genesis_root
    chain.header(slot=21)
    assert chain.state.epoch_state.utxos.root == root
