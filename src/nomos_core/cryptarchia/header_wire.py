"""Headers on the wire (bincode), as builds in development mode write them: with the public inputs of the proof.

A block's signature is over these bytes, not over the header's id.
"""

from __future__ import annotations

from nomos_core.codec import CodecError, Reader, Writer
from nomos_core.cryptarchia.header import LEADER_PROOF_BYTES, Header, LeaderProof, LeaderPublic
from nomos_core.identifiers import ContentId, Ed25519PublicKey, HeaderId
from nomos_core.keys import parse_ed25519_public

_BEDROCK_TAG = 0


def header_to_wire(header: Header) -> bytes:
    """Return a header as bytes.

    Raises:
        CodecError: the proof of leadership has no public inputs.
    """
    writer = Writer()
    write_header(writer, header)
    return writer.take()


def header_from_wire(data: bytes) -> Header:
    """Read a header.

    Raises:
        CodecError: the bytes are not a header.
    """
    reader = Reader(data)
    header = read_header(reader)
    reader.end()
    return header


def write_header(writer: Writer, header: Header) -> None:
    """Write a header into a message.

    Raises:
        CodecError: the proof of leadership has no public inputs.
    """
    writer.u32(_BEDROCK_TAG).raw(header.parent).u64(header.slot).raw(header.block_root)
    proof = header.leader_proof
    writer.byte_string(proof.proof).field(proof.entropy_contribution).byte_string(proof.leader_key)
    writer.field(proof.voucher_commitment)
    if proof.public is None:
        raise CodecError("a proof of leadership without public inputs has no wire form in development mode")
    _write_public(writer, proof.public)


def read_header(reader: Reader) -> Header:
    """Read a header from a message.

    Raises:
        CodecError: the bytes that come next are not a header.
    """
    version = reader.u32()
    if version != _BEDROCK_TAG:
        raise CodecError(f"unknown header version {version}, expected {_BEDROCK_TAG} (Bedrock)")
    return Header(
        parent=HeaderId(reader.raw(32)),
        slot=reader.u64(),
        block_root=ContentId(reader.raw(32)),
        leader_proof=_read_proof(reader),
    )


def _read_proof(reader: Reader) -> LeaderProof:
    proof = reader.byte_string()
    if len(proof) != LEADER_PROOF_BYTES:
        raise CodecError(f"a proof of leadership has {LEADER_PROOF_BYTES} bytes, got {len(proof)}")
    return LeaderProof(
        proof=proof,
        entropy_contribution=reader.field(),
        leader_key=_read_leader_key(reader),
        voucher_commitment=reader.field(),
        public=_read_public(reader),
    )


def _read_leader_key(reader: Reader) -> Ed25519PublicKey:
    try:
        return parse_ed25519_public(reader.byte_string())
    except CodecError:
        raise
    except ValueError as error:
        raise CodecError(f"leader key: {error}") from None


def _write_public(writer: Writer, public: LeaderPublic) -> None:
    writer.u64(public.slot).field(public.epoch_nonce).u64(public.total_stake)
    writer.field(public.aged_root).field(public.latest_root)


def _read_public(reader: Reader) -> LeaderPublic:
    return LeaderPublic(
        slot=reader.u64(),
        epoch_nonce=reader.field(),
        total_stake=reader.u64(),
        aged_root=reader.field(),
        latest_root=reader.field(),
    )
