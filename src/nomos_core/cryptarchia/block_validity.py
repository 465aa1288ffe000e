"""Making a block, and the rules that a block must meet by itself, before its parent or the ledger is known.

A block has at most ``MAX_TRANSACTIONS``. Its header commits to them by the block root. The key that the proof of
leadership names signs the header's wire form. The error texts are those of the real node.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from nomos_core.cryptarchia.block import Block, Proposal
from nomos_core.cryptarchia.block_root import block_root
from nomos_core.cryptarchia.header import Header, LeaderProof
from nomos_core.cryptarchia.header_wire import header_to_wire
from nomos_core.identifiers import Ed25519Signature, HeaderId
from nomos_core.keys import Ed25519Key, ed25519_verify
from nomos_core.mantle.transactions import SignedMantleTx

MAX_TRANSACTIONS: Final = 1024
"""Transactions that a block may have."""


class BlockError(ValueError):
    """Refusal of a block that contradicts itself."""


class TooManyTransactionsError(BlockError):
    """Refusal of a block with more than ``MAX_TRANSACTIONS``."""

    def __init__(self, count: int) -> None:
        super().__init__(f"Too many transactions: {count} exceeds maximum of {MAX_TRANSACTIONS}")


class BlockRootMismatchError(BlockError):
    """Refusal of a block whose header commits to other transactions."""

    def __init__(self) -> None:
        super().__init__("Block root mismatch: calculated content does not match header")


class BlockSignatureError(BlockError):
    """Refusal of a block whose signature is not the leader key's."""

    def __init__(self) -> None:
        super().__init__("Signature error.")


class LeaderKeyMismatchError(BlockError):
    """Refusal to sign a block with another key than the one that its proof of leadership names."""

    def __init__(self) -> None:
        super().__init__("Signing key does not match the leader key in proof of leadership")


def sign_block(
    parent: HeaderId,
    slot: int,
    leader_proof: LeaderProof,
    transactions: Sequence[SignedMantleTx],
    key: Ed25519Key,
) -> Block:
    """Make a block on top of ``parent`` and sign it with the leader key.

    Raises:
        LeaderKeyMismatchError: the proof of leadership names another key.
        TooManyTransactionsError: there are more than ``MAX_TRANSACTIONS``.
    """
    if key.public != leader_proof.leader_key:
        raise LeaderKeyMismatchError
    _check_count(transactions)
    header = Header(parent, slot, block_root([tx.hash for tx in transactions]), leader_proof)
    return Block(header, sign_header(header, key), tuple(transactions))


def sign_header(header: Header, key: Ed25519Key) -> Ed25519Signature:
    """Return the signature of ``key`` over the wire form of a header (not over its id)."""
    return key.sign(header_to_wire(header))


def reconstruct_block(proposal: Proposal, transactions: Sequence[SignedMantleTx]) -> Block:
    """Rebuild the block that a proposal stands for from its transactions, given in the proposal's order, and verify it.

    Raises:
        BlockError: as ``verify_block``.
    """
    block = Block(proposal.header, proposal.signature, tuple(transactions))
    verify_block(block)
    return block


def verify_block(block: Block) -> None:
    """Check a block against itself: number of transactions, block root, signature.

    Raises:
        TooManyTransactionsError: it has more than ``MAX_TRANSACTIONS``.
        BlockRootMismatchError: the header commits to other transactions, or to another order of them.
        BlockSignatureError: the signature is not the leader key's over the header.
    """
    _check_count(block.transactions)
    header = block.header
    if block_root([tx.hash for tx in block.transactions]) != header.block_root:
        raise BlockRootMismatchError
    if not ed25519_verify(header.leader_proof.leader_key, header_to_wire(header), block.signature):
        raise BlockSignatureError


def proposal_of(block: Block) -> Proposal:
    """Return the proposal that stands for a block."""
    return Proposal(block.header, tuple(tx.hash for tx in block.transactions), block.signature)


def _check_count(transactions: Sequence[SignedMantleTx]) -> None:
    if len(transactions) > MAX_TRANSACTIONS:
        raise TooManyTransactionsError(len(transactions))
