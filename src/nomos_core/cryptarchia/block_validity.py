"""Making a block, and the rules a block must meet before its parent or the ledger is looked at.

A block has at most ``MAX_TRANSACTIONS``, its header commits to them by the block root, and the key that the proof of
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


class BlockError(ValueError):
    """The block contradicts itself."""


class TooManyTransactionsError(BlockError):
    def __init__(self, count: int) -> None:
        super().__init__(f"Too many transactions: {count} exceeds maximum of {MAX_TRANSACTIONS}")


class BlockRootMismatchError(BlockError):
    def __init__(self) -> None:
        super().__init__("Block root mismatch: calculated content does not match header")


class BlockSignatureError(BlockError):
    def __init__(self) -> None:
        super().__init__("Signature error.")


class LeaderKeyMismatchError(BlockError):
    def __init__(self) -> None:
        super().__init__("Signing key does not match the leader key in proof of leadership")


def sign_block(
    parent: HeaderId,
    slot: int,
    leader_proof: LeaderProof,
    transactions: Sequence[SignedMantleTx],
    key: Ed25519Key,
) -> Block:
    """
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
    return key.sign(header_to_wire(header))


def reconstruct_block(proposal: Proposal, transactions: Sequence[SignedMantleTx]) -> Block:
    """The block a proposal stands for, from the transactions it names, in its order.

    Raises:
        BlockError: as ``verify_block``.
    """
    block = Block(proposal.header, proposal.signature, tuple(transactions))
    verify_block(block)
    return block


def verify_block(block: Block) -> None:
    """Check a block against itself.

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
    return Proposal(block.header, tuple(tx.hash for tx in block.transactions), block.signature)


def _check_count(transactions: Sequence[SignedMantleTx]) -> None:
    if len(transactions) > MAX_TRANSACTIONS:
        raise TooManyTransactionsError(len(transactions))
