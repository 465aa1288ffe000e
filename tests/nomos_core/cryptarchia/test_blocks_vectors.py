"""Blocks and proposals of the real node in every form, and what it says of blocks that contradict themselves."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from nomos_core import field
from nomos_core.codec import WIRE_LIMIT, CodecError, Writer
from nomos_core.cryptarchia.block import Block
from nomos_core.cryptarchia.block_json import block_from_json, block_to_json, proposal_from_json, proposal_to_json
from nomos_core.cryptarchia.block_validity import (
    BlockError,
    BlockRootMismatchError,
    BlockSignatureError,
    TooManyTransactionsError,
    proposal_of,
    reconstruct_block,
    sign_block,
    verify_block,
)
from nomos_core.cryptarchia.block_wire import (
    block_from_wire,
    block_to_wire,
    proposal_from_wire,
    proposal_to_wire,
    write_proposal,
)
from nomos_core.hashing import blake2b_256
from nomos_core.identifiers import ROOT_MSG_ID, ChannelId, ZkSignature
from nomos_core.keys import Ed25519Key
from nomos_core.mantle.operations import ChannelInscribe, Ed25519Proof
from nomos_core.mantle.transactions import MantleTx, SignedMantleTx
from nomos_core.mantle.transactions_binary import transaction_from_wire, transaction_to_wire
from support.inputs.golden import Golden, entries, load

LEADER = Ed25519Key(bytes(32))
OTHER = Ed25519Key(bytes([1]) * 32)


@pytest.mark.parametrize("entry", entries("blocks.json", "blocks"))
def test_block(entry: Golden) -> None:
    block = block_from_json(entry["block_json"].value)
    assert block.id.hex() == entry["id"].value
    assert len(block.transactions) == entry["txs"].value
    assert block_to_json(block) == entry["block_json"].value
    assert json.dumps(block_to_json(block), separators=(",", ":")) == entry["block_json_text"].value
    assert block_to_wire(block).hex() == entry["block_bincode"].value
    assert (block_from_wire(bytes.fromhex(entry["block_bincode"].value)) == block) is entry[
        "block_bincode_decodes"
    ].value
    verify_block(block)


@pytest.mark.parametrize("entry", entries("blocks.json", "blocks"))
def test_proposal(entry: Golden) -> None:
    block = block_from_json(entry["block_json"].value)
    proposal = proposal_of(block)
    assert proposal_to_json(proposal) == entry["proposal_json"].value
    assert proposal_from_json(entry["proposal_json"].value) == proposal
    assert {"Proposal": proposal_to_json(proposal)} == entry["network_message_json"].value
    writer = Writer()
    write_proposal(writer, proposal)
    assert writer.take().hex() == entry["proposal_bincode"].value
    message = proposal_to_wire(proposal)
    assert message.hex() == entry["network_message_bincode"].value
    assert proposal_from_wire(message) == proposal
    assert blake2b_256(message).hex() == entry["gossip_message_id_blake2b256"].value
    assert reconstruct_block(proposal, block.transactions) == block


def a_block() -> Block:
    """The golden block with most transactions."""
    blocks = load("blocks.json")["blocks"]
    return block_from_json(max(blocks, key=lambda entry: entry["txs"].value)["block_json"].value)


def swapped(block: Block) -> Block:
    first, second, *rest = block.transactions
    return replace(block, transactions=(second, first, *rest))


def without_a_transaction(block: Block) -> Block:
    return replace(block, transactions=block.transactions[:-1])


def signed_by_another_key(block: Block) -> Block:
    proof = replace(block.header.leader_proof, leader_key=OTHER.public)
    forged = sign_block(block.header.parent, block.header.slot, proof, block.transactions, OTHER)
    return replace(block, signature=forged.signature)


def signed_over_the_id(block: Block) -> Block:
    return replace(block, signature=LEADER.sign(block.id))


def with_too_many_transactions(block: Block) -> Block:
    return replace(block, transactions=block.transactions[:1] * 1025)


CONTRADICTIONS: dict[str, tuple[Callable[[Block], Block], type[BlockError]]] = {
    "txs_swapped": (swapped, BlockRootMismatchError),
    "tx_missing": (without_a_transaction, BlockRootMismatchError),
    "signature_by_other_key": (signed_by_another_key, BlockSignatureError),
    "signature_over_id_instead_of_bincode": (signed_over_the_id, BlockSignatureError),
    "1025_txs": (with_too_many_transactions, TooManyTransactionsError),
}


def check(name: str) -> Golden:
    return next(entry for entry in load("blocks.json")["checks"] if entry["name"].value == name)["result"]


def test_a_block_that_agrees_with_itself_is_accepted() -> None:
    assert check("ok").value == "ok"
    block = a_block()
    assert reconstruct_block(proposal_of(block), block.transactions) == block


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_a_block_that_contradicts_itself_is_refused(name: str) -> None:
    contradict, error = CONTRADICTIONS[name]
    block = contradict(a_block())
    with pytest.raises(error) as caught:
        reconstruct_block(proposal_of(block), block.transactions)
    assert {"display": str(caught.value), "variant": error.__name__} == {
        **check(name).value,
        "variant": OUR_NAMES[check(name)["variant"].value],
    }


OUR_NAMES = {
    "BlockRootMismatch": "BlockRootMismatchError",
    "Signature": "BlockSignatureError",
    "TooManyTxs": "TooManyTransactionsError",
}


def test_only_the_leader_key_signs_a_block() -> None:
    header = a_block().header
    with pytest.raises(BlockError) as caught:
        sign_block(header.parent, header.slot, header.leader_proof, (), OTHER)
    assert {"display": str(caught.value)} == check("create_with_key_other_than_leader_key").value


def test_too_many_transactions_make_no_block() -> None:
    block = a_block()
    header = block.header
    with pytest.raises(TooManyTransactionsError):
        sign_block(header.parent, header.slot, header.leader_proof, block.transactions[:1] * 1025, LEADER)


def inscription(size: int) -> SignedMantleTx:
    operation = ChannelInscribe(ChannelId(bytes(32)), bytes(size), ROOT_MSG_ID, LEADER.public)
    mantle_tx = MantleTx(operations=(operation,))
    signature = LEADER.sign(field.signing_bytes(mantle_tx.hash))
    return SignedMantleTx(mantle_tx, (Ed25519Proof(signature),), ZkSignature(bytes(128)))


OVERHEAD = 332
"""Bytes of a transaction with one inscription, beside the inscription's own."""


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("wire_size_of_inscription_1000", 1000),
        ("wire_size_of_inscription_65000", 65_000),
        ("wire_size_of_inscription_65150", 65_150),
        ("wire_size_of_inscription_65160", 65_160),
        ("wire_size_of_inscription_65536", 65_536),
        ("wire_total_65535", WIRE_LIMIT - 1 - OVERHEAD),
        ("wire_total_65536", WIRE_LIMIT - OVERHEAD),
        ("wire_total_65537", WIRE_LIMIT + 1 - OVERHEAD),
    ],
)
def test_the_codec_limit_is_64_kib(name: str, size: int) -> None:
    expected = check(name)
    transaction = inscription(size)
    if "err" in expected:
        assert expected["err"].value == "Failed to serialize message: the size limit has been reached"
        with pytest.raises(CodecError, match="at most 65536 bytes"):
            transaction_to_wire(transaction)
        return
    wire = transaction_to_wire(transaction)
    assert len(wire) == expected["bytes"].value
    assert (transaction_from_wire(wire) == transaction) is expected["decodes"].value


def test_the_codec_limit_holds_for_blocks() -> None:
    header = a_block().header
    fits = sign_block(header.parent, header.slot, header.leader_proof, (inscription(60_000),), LEADER)
    assert block_from_wire(block_to_wire(fits)) == fits
    too_long = replace(fits, transactions=fits.transactions * 2)
    with pytest.raises(CodecError, match="at most 65536 bytes"):
        block_to_wire(too_long)
