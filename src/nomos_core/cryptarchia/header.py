"""The block header and its id (node facts 4.3)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from nomos_core.identifiers import ContentId, Ed25519PublicKey, HeaderId


@dataclass(frozen=True, slots=True)
class LeaderPublic:
    """The public inputs of a proof of leadership; on the wire only in development mode."""

    slot: int
    epoch_nonce: int
    total_stake: int
    aged_root: int
    latest_root: int


@dataclass(frozen=True, slots=True)
class LeaderProof:
    proof: bytes
    """128 bytes; zeros in development mode."""
    entropy_contribution: int
    leader_key: Ed25519PublicKey
    voucher_commitment: int
    public: LeaderPublic | None


@dataclass(frozen=True)
class Header:
    parent: HeaderId
    slot: int
    block_root: ContentId
    leader_proof: LeaderProof

    @cached_property
    def id(self) -> HeaderId:
        raise NotImplementedError
