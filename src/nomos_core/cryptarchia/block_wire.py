"""Blocks and proposals on the wire (bincode). Blocks are stored and chain-synced, proposals are gossiped.

A gossiped proposal is wrapped in a network message, as its only variant. The codec's limit of 64 KiB holds for both.
"""

from __future__ import annotations

from nomos_core.codec import CodecError, Reader, Writer
from nomos_core.cryptarchia.block import Block, Proposal
from nomos_core.cryptarchia.header_wire import read_header, write_header
from nomos_core.identifiers import Ed25519Signature, TxHash
from nomos_core.mantle.transactions_binary import read_transaction, write_transaction

_SIGNATURE_BYTES = 64
_PROPOSAL_TAG = 0


def block_to_wire(block: Block) -> bytes:
    """Return a block as bytes.

    Raises:
        CodecError: the block is longer than the codec's limit.
    """
    writer = Writer()
    write_header(writer, block.header)
    writer.raw(block.signature).u64(len(block.transactions))
    for transaction in block.transactions:
        write_transaction(writer, transaction)
    return writer.take()


def block_from_wire(data: bytes) -> Block:
    """Read a block. The proofs of its operations are checked; that the header fits the transactions is not.

    Raises:
        CodecError: the bytes are not a block.
        OperationProofError: an operation's proof is missing, of the wrong kind, or does not hold.
    """
    reader = Reader(data)
    header, signature = read_header(reader), _read_signature(reader)
    transactions = tuple(read_transaction(reader) for _ in range(reader.u64()))
    reader.end()
    return Block(header, signature, transactions)


def proposal_to_wire(proposal: Proposal) -> bytes:
    """Return the network message that carries a proposal.

    Raises:
        CodecError: it is longer than the codec's limit.
    """
    writer = Writer().u32(_PROPOSAL_TAG)
    write_proposal(writer, proposal)
    return writer.take()


def proposal_from_wire(data: bytes) -> Proposal:
    """Read a proposal from its network message.

    Raises:
        CodecError: the bytes are not a network message with a proposal.
    """
    reader = Reader(data)
    tag = reader.u32()
    if tag != _PROPOSAL_TAG:
        raise CodecError(f"unknown network message {tag}, expected {_PROPOSAL_TAG} (Proposal)")
    proposal = read_proposal(reader)
    reader.end()
    return proposal


def write_proposal(writer: Writer, proposal: Proposal) -> None:
    """Write a proposal into a message."""
    write_header(writer, proposal.header)
    writer.u64(len(proposal.transaction_hashes))
    for tx_hash in proposal.transaction_hashes:
        writer.field(tx_hash)
    writer.raw(proposal.signature)


def read_proposal(reader: Reader) -> Proposal:
    """Read a proposal from a message.

    Raises:
        CodecError: the bytes that come next are not a proposal.
    """
    header = read_header(reader)
    hashes = tuple(TxHash(reader.field()) for _ in range(reader.u64()))
    return Proposal(header, hashes, _read_signature(reader))


def _read_signature(reader: Reader) -> Ed25519Signature:
    return Ed25519Signature(reader.raw(_SIGNATURE_BYTES))
