"""The wallet: balances by block, and transfers that a ledger takes."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from nomos_core import field
from nomos_core.identifiers import HeaderId, ZkPublicKey
from nomos_core.keys import zk_public_key
from nomos_core.ledger.state import apply_header, apply_transaction
from nomos_core.mantle.transactions import SignedMantleTx
from nomos_node.wallet.wallet import Wallet, WalletError
from support.inputs.chain_making import GENESIS_ID, NOTES, PROVER, SECRETS, VALUE, TestNode, forge, transfer

_KEYS = [zk_public_key(secret) for secret in SECRETS[:3]]
_RECIPIENT = zk_public_key(77)


@pytest.fixture
async def node() -> AsyncIterator[TestNode]:
    node = TestNode()
    yield node
    node.close()


@pytest.fixture
def wallet(node: TestNode) -> Wallet:
    secrets = {field.to_hex(zk_public_key(secret)): secret for secret in SECRETS[:2]}
    return Wallet(node.chain, [*_KEYS, zk_public_key(99)], secrets)


async def test_balances_follow_the_block_they_are_asked_for(node: TestNode, wallet: Wallet) -> None:
    await node.include(1, [transfer(0, to=99)])
    tip = node.chain.tip.id
    assert [wallet.balance(_KEYS[0], block) for block in (GENESIS_ID, tip)] == [VALUE, None]
    assert [wallet.balance(zk_public_key(99), block) for block in (GENESIS_ID, tip)] == [None, VALUE]


async def test_keys_that_the_wallet_does_not_know_have_no_balance(wallet: Wallet) -> None:
    assert wallet.balance(zk_public_key(SECRETS[5]), GENESIS_ID) is None


async def test_an_unknown_block_is_named(wallet: Wallet) -> None:
    with pytest.raises(WalletError, match="unknown block: 0x0000"):
        wallet.balance(_KEYS[0], HeaderId(bytes(32)))


def _transfer(wallet: Wallet, amount: int, funding: list[ZkPublicKey]) -> SignedMantleTx:
    return wallet.fund_transfer(GENESIS_ID, amount=amount, recipient=_RECIPIENT, funding=funding, change=_KEYS[0])


@pytest.mark.parametrize(("amount", "inputs", "change"), [(40, 1, 60), (100, 1, 0), (150, 2, 50), (200, 2, 0)])
async def test_a_transfer_pays_the_amount_and_returns_the_rest(
    node: TestNode, wallet: Wallet, amount: int, inputs: int, change: int
) -> None:
    transaction = _transfer(wallet, amount, _KEYS[:2])
    ledger_tx = transaction.mantle_tx.ledger_tx
    assert len(ledger_tx.inputs) == inputs
    paid = [(note.value, note.public_key) for note in ledger_tx.outputs]
    assert paid == [(amount, _RECIPIENT), *([(change, _KEYS[0])] if change else [])]
    config = node.chain.rules.config
    header = forge(node.chain, 1).header
    state = apply_header(node.chain.tip_state(), 1, header.leader_proof, config)
    assert apply_transaction(state, transaction, config, PROVER).utxos.root != state.utxos.root


async def test_too_little_money_is_told_with_what_there_is(wallet: Wallet) -> None:
    with pytest.raises(WalletError, match="does not have enough funds, available=200"):
        _transfer(wallet, 201, _KEYS[:2])


async def test_a_key_without_its_secret_is_named(wallet: Wallet) -> None:
    with pytest.raises(WalletError, match=f"no secret key {field.to_hex(_KEYS[2])}"):
        _transfer(wallet, 10, [_KEYS[2]])


async def test_aged_notes_are_those_of_known_keys(node: TestNode, wallet: Wallet) -> None:
    assert [utxo.id for utxo in wallet.aged_notes(node.chain.tip_state().epoch_state)] == [
        note.id for note in NOTES[:3]
    ]
