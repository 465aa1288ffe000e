"""Block header of version Bedrock, its id, and the header of the genesis block.

The id is Blake2b-256 over a tag and the fields of the header. Of the proof of leadership it covers what a Groth16 proof
carries. It does not cover the public inputs, which only the development mode writes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

from nomos_core import field
from nomos_core.hashing import blake2b_256
from nomos_core.identifiers import ContentId, Ed25519PublicKey, HeaderId, TxHash

VERSION: Final = 1
"""Byte that stands for Bedrock, the only version, in the id of a header."""
LEADER_PROOF_BYTES: Final = 128
"""Length of a proof of leadership: a compressed Groth16 proof."""
_ID_TAG: Final = b"BLOCK_ID_V1"


@dataclass(frozen=True, slots=True)
class LeaderPublic:
    """Public inputs of a proof of leadership. They are on the wire only in development mode."""

    slot: int
    """Slot that the leader won."""
    epoch_nonce: int
    """Field element. Nonce of the slot's epoch."""
    total_stake: int
    """Units of value: the sum of all genesis notes."""
    aged_root: int
    """Root of the note tree at the stake snapshot of the epoch. The winning note must be in it."""
    latest_root: int
    """Root of the note tree after the parent block. The winning note must be in it as well."""


@dataclass(frozen=True, slots=True)
class LeaderProof:
    """Proof that the leader owns a note that won the slot."""

    proof: bytes
    """128 bytes: a compressed Groth16 proof; zeros in development mode."""
    entropy_contribution: int
    """Field element that is mixed into the running nonce; 0 in development mode."""
    leader_key: Ed25519PublicKey
    """Ed25519 public key that signs the block. At this revision it is the same key for every leader."""
    voucher_commitment: int
    """Field element: commitment to the leader's reward voucher; 0 at this revision."""
    public: LeaderPublic | None
    """Public inputs; None in a proof that was not made in development mode."""


@dataclass(frozen=True)
class Header:
    """Header of a block."""

    parent: HeaderId
    """Id of the parent block; zeros for genesis."""
    slot: int
    """Slot of the block, an unsigned 64-bit number. The ledger wants it to be after the parent's."""
    block_root: ContentId
    """Merkle root over the hashes of the transactions (``block_root``)."""
    leader_proof: LeaderProof
    """Proof of leadership for the slot."""

    @cached_property
    def id(self) -> HeaderId:
        """Id of the block: Blake2b-256 over the tag ``BLOCK_ID_V1``, the version and the fields. Computed once."""
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
    """Return the genesis header. The block root of genesis is the transaction hash itself, not a Merkle root."""
    proof = LeaderProof(
        proof=bytes(LEADER_PROOF_BYTES),
        entropy_contribution=0,
        leader_key=Ed25519PublicKey(bytes(32)),
        voucher_commitment=0,
        public=LeaderPublic(slot=0, epoch_nonce=0, total_stake=0, aged_root=0, latest_root=0),
    )
    return Header(HeaderId(bytes(32)), slot=0, block_root=ContentId(field.to_bytes(genesis_hash)), leader_proof=proof)
