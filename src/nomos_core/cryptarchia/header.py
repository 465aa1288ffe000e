"""The block header of version Bedrock, its id, and the header of the genesis block.

The id is Blake2b-256 over a tag and the header's fields; of the proof of leadership it covers what a Groth16 proof
carries, not the public inputs that only the development mode writes along.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

from nomos_core import field
from nomos_core.hashing import blake2b_256
from nomos_core.identifiers import ContentId, Ed25519PublicKey, HeaderId, TxHash

VERSION: Final = 1
"""Bedrock, the only version."""
LEADER_PROOF_BYTES: Final = 128
_ID_TAG: Final = b"BLOCK_ID_V1"


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
        proof = self.leader_proof
        return HeaderId(
            blake2b_256(
                _ID_TAG,
                bytes([VERSION]),
                self.parent,
                self.slot.to_bytes(8, "little"),
                self.block_root,
                field.to_bytes(proof.voucher_commitment),
                field.to_bytes(proof.entropy_contribution),
                proof.proof,
                proof.leader_key,
            )
        )


def genesis_header(genesis_hash: TxHash) -> Header:
    """The header of a chain whose genesis transaction has this hash; the hash itself stands for the block root."""
    proof = LeaderProof(
        proof=bytes(LEADER_PROOF_BYTES),
        entropy_contribution=0,
        leader_key=Ed25519PublicKey(bytes(32)),
        voucher_commitment=0,
        public=LeaderPublic(slot=0, epoch_nonce=0, total_stake=0, aged_root=0, latest_root=0),
    )
    return Header(HeaderId(bytes(32)), slot=0, block_root=ContentId(field.to_bytes(genesis_hash)), leader_proof=proof)
