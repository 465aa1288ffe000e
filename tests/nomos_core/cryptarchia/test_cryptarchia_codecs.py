"""Headers and chain-sync messages survive their wire and JSON forms, and garbage is refused as garbage."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nomos_core import field
from nomos_core.codec import WIRE_LIMIT, CodecError
from nomos_core.cryptarchia.block import Block, Proposal
from nomos_core.cryptarchia.block_json import proposal_from_json, proposal_to_json
from nomos_core.cryptarchia.block_validity import MAX_TRANSACTIONS
from nomos_core.cryptarchia.block_wire import block_from_wire, block_to_wire, proposal_from_wire, proposal_to_wire
from nomos_core.cryptarchia.header import Header, LeaderProof, LeaderPublic, genesis_header
from nomos_core.cryptarchia.header_json import header_from_json, header_to_json
from nomos_core.cryptarchia.header_wire import header_from_wire, header_to_wire
from nomos_core.cryptarchia.sync_messages import (
    MAX_FRAME,
    BlockBytes,
    DownloadBlocks,
    Failure,
    GetTip,
    NoMoreBlocks,
    Tip,
    blocks_response_from_wire,
    blocks_response_to_wire,
    frame,
    frame_length,
    request_from_wire,
    request_to_wire,
    tip_response_from_wire,
    tip_response_to_wire,
)
from nomos_core.identifiers import ContentId, Ed25519Signature, HeaderId, TxHash, ZkSignature
from nomos_core.keys import Ed25519Key
from nomos_core.mantle.json_reading import JsonError
from nomos_core.mantle.operation_proofs import OperationProofError
from nomos_core.mantle.transactions import MantleTx, SignedMantleTx

Codec = tuple[st.SearchStrategy[Any], Callable[[Any], bytes], Callable[[bytes], Any]]

u64s = st.integers(0, 2**64 - 1)
elements = st.integers(0, field.MODULUS - 1)
ids = st.binary(min_size=32, max_size=32).map(HeaderId)
leader_keys = st.binary(min_size=32, max_size=32).map(lambda seed: Ed25519Key(seed).public)
publics = st.builds(LeaderPublic, u64s, elements, u64s, elements, elements)
proofs = st.builds(LeaderProof, st.binary(min_size=128, max_size=128), elements, leader_keys, elements, publics)
headers = st.builds(Header, ids, u64s, ids.map(ContentId), proofs)
signatures = st.binary(min_size=64, max_size=64).map(Ed25519Signature)
proposals = st.builds(Proposal, headers, st.lists(elements.map(TxHash), max_size=20).map(tuple), signatures)
GENESIS = genesis_header(TxHash(7))


@given(headers)
def test_header_survives_wire_and_json(header: Header) -> None:
    assert header_from_wire(header_to_wire(header)) == header
    assert header_from_json(header_to_json(header)) == header


@given(proposals)
def test_proposal_survives_gossip_and_json(proposal: Proposal) -> None:
    assert proposal_from_wire(proposal_to_wire(proposal)) == proposal
    assert proposal_from_json(proposal_to_json(proposal)) == proposal


def test_a_proposal_holds_as_many_hashes_as_the_codec_allows() -> None:
    empty = Proposal(GENESIS, (), Ed25519Signature(bytes(64)))
    room = (WIRE_LIMIT - len(proposal_to_wire(empty))) // 32
    full = replace(empty, transaction_hashes=(TxHash(1),) * room)
    assert room > MAX_TRANSACTIONS
    assert proposal_from_wire(proposal_to_wire(full)) == full
    with pytest.raises(CodecError, match="at most 65536 bytes"):
        proposal_to_wire(replace(empty, transaction_hashes=(TxHash(1),) * (room + 1)))


BLOCK = Block(GENESIS, Ed25519Signature(bytes(64)), (SignedMantleTx(MantleTx(), (), ZkSignature(bytes(128))),))
BLOCK_WIRE = block_to_wire(BLOCK)


@given(st.integers(0, len(BLOCK_WIRE) - 1), st.integers(1, 255))
def test_a_changed_byte_gives_another_block_or_none(place: int, difference: int) -> None:
    wire = bytearray(BLOCK_WIRE)
    wire[place] ^= difference
    try:
        changed = block_from_wire(bytes(wire))
    except (CodecError, OperationProofError):
        return
    assert changed != BLOCK


@given(st.integers(0, len(BLOCK_WIRE) - 1))
def test_a_part_of_a_block_is_no_block(length: int) -> None:
    with pytest.raises(CodecError):
        block_from_wire(BLOCK_WIRE[:length])


def test_another_network_message_is_refused() -> None:
    with pytest.raises(CodecError, match=r"unknown network message 1, expected 0 \(Proposal\)"):
        proposal_from_wire(b"\x01\0\0\0")


@given(headers, st.integers(0, 2**64 - 1))
def test_id_covers_what_a_proof_carries_but_not_its_public_inputs(header: Header, slot: int) -> None:
    moved = replace(header, slot=slot)
    assert (moved.id == header.id) is (slot == header.slot)
    unopened = replace(header, leader_proof=replace(header.leader_proof, public=None))
    assert unopened.id == header.id


def test_header_without_public_inputs_has_no_wire_form() -> None:
    header = replace(GENESIS, leader_proof=replace(GENESIS.leader_proof, public=None))
    with pytest.raises(CodecError, match="without public inputs"):
        header_to_wire(header)
    with pytest.raises(JsonError, match="missing field `public`"):
        header_from_json(header_to_json(header))


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("version", "Basalt", "version: unknown variant `Basalt`, expected `Bedrock`"),
        ("slot", -1, "slot: invalid value: integer `-1`, expected u64"),
        ("parent_block", "00", "parent_block: invalid string length"),
        ("proof_of_leadership", {"proof": [0]}, "proof_of_leadership.proof: invalid length 1"),
    ],
)
def test_bad_header_json_names_the_place(key: str, value: Any, message: str) -> None:
    with pytest.raises(JsonError, match=message):
        header_from_json({**header_to_json(GENESIS), key: value})


@pytest.mark.parametrize(
    ("offset", "data", "message"),
    [
        (0, b"\x01", "unknown header version 1"),
        (76, b"\x7f", "128 bytes, got 127"),
        (84 + 128 + 32, b"\x1f", "32 bytes, got 31"),
        (84 + 128, b"\xff" * 32, "modulus"),
        (84 + 128 + 32 + 8, b"\x02" + bytes(31), "leader key"),
    ],
)
def test_bad_header_bytes_say_what_is_wrong(offset: int, data: bytes, message: str) -> None:
    wire = header_to_wire(GENESIS)
    with pytest.raises(CodecError, match=message):
        header_from_wire(wire[:offset] + data + wire[offset + len(data) :])


requests = st.builds(DownloadBlocks, ids, ids, ids, st.frozensets(ids, max_size=5)) | st.builds(GetTip)
failures = st.builds(Failure, st.text(max_size=200))
tip_responses = st.builds(Tip, ids, u64s, u64s) | failures
blocks_responses = st.builds(BlockBytes, st.binary(max_size=2000)) | st.builds(NoMoreBlocks) | failures
CODECS: dict[str, Codec] = {
    "requests": (requests, request_to_wire, request_from_wire),
    "answers to GetTip": (tip_responses, tip_response_to_wire, tip_response_from_wire),
    "answers to DownloadBlocks": (blocks_responses, blocks_response_to_wire, blocks_response_from_wire),
}


@pytest.mark.parametrize("name", CODECS)
@given(data=st.data())
def test_sync_message_survives_the_stream(name: str, data: st.DataObject) -> None:
    messages, encode, decode = CODECS[name]
    message = data.draw(messages)
    framed = frame(encode(message))
    assert frame_length(framed[:2]) == len(framed) - 2
    assert decode(framed[2:]) == message


@given(st.binary(max_size=300))
def test_garbage_is_refused_or_means_what_it_says(data: bytes) -> None:
    for _, encode, decode in CODECS.values():
        try:
            message = decode(data)
        except CodecError:
            continue
        assert len(encode(message)) <= len(data)
        assert decode(encode(message)) == message


@pytest.mark.parametrize("decode", [request_from_wire, tip_response_from_wire, blocks_response_from_wire])
def test_unknown_tags_are_named(decode: Callable[[bytes], Any]) -> None:
    with pytest.raises(CodecError, match="9"):
        decode(b"\x09\0\0\0")


def test_a_reason_that_is_no_text_is_refused() -> None:
    with pytest.raises(CodecError, match="UTF-8"):
        tip_response_from_wire(b"\x01\0\0\0" + b"\x01" + bytes(7) + b"\xff")


def test_a_frame_has_at_most_65535_bytes() -> None:
    assert frame_length(frame(bytes(MAX_FRAME))[:2]) == MAX_FRAME
    with pytest.raises(CodecError, match="at most 65535 bytes, got 65536"):
        frame(bytes(MAX_FRAME + 1))
