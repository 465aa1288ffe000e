"""The block, and the proposal that stands for it in gossip."""

from __future__ import annotations

from dataclasses import dataclass

from nomos_core.cryptarchia.header import Header
from nomos_core.identifiers import Ed25519Signature, HeaderId, TxHash
from nomos_core.mantle.transactions import SignedMantleTx


@dataclass(frozen=True)
class Block:
    header: Header
    signature: Ed25519Signature
    transactions: tuple[SignedMantleTx, ...]

    @property
    def id(self) -> HeaderId:
        return self.header.id


@dataclass(frozen=True)
class Proposal:
    """A block with its transactions named by hash: receivers rebuild it from their mempools."""

    header: Header
    transaction_hashes: tuple[TxHash, ...]
    signature: Ed25519Signature
