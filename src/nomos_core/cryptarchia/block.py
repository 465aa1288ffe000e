"""Block, and the proposal that stands for it in gossip."""

from __future__ import annotations

from dataclasses import dataclass

from nomos_core.cryptarchia.header import Header
from nomos_core.identifiers import Ed25519Signature, HeaderId, TxHash
from nomos_core.mantle.transactions import SignedMantleTx


@dataclass(frozen=True)
class Block:
    """Block: a header, the leader's signature over it, and the transactions that the header commits to."""

    header: Header
    """Header, which holds the parent, the slot, the block root and the proof of leadership."""
    signature: Ed25519Signature
    """Ed25519 signature of ``header.leader_proof.leader_key`` over the wire form of the header."""
    transactions: tuple[SignedMantleTx, ...]
    """Transactions in the order in which the ledger applies them, at most ``MAX_TRANSACTIONS``."""

    @property
    def id(self) -> HeaderId:
        """Id of the block: the id of its header."""
        return self.header.id


@dataclass(frozen=True)
class Proposal:
    """Block whose transactions are named by hash. Receivers rebuild the block from their mempools."""

    header: Header
    """Header of the block."""
    transaction_hashes: tuple[TxHash, ...]
    """Hashes of the block's transactions, in its order."""
    signature: Ed25519Signature
    """Signature of the block."""
