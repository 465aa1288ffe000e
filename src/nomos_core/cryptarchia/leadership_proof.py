"""Proof of leadership in development mode: no proof, but its public inputs, which every node compares with its own.

At this revision of the protocol the circuit of the proof of leadership can't be used by any node, so development mode
serves under every prover of transactions.
"""

from __future__ import annotations

from typing import Final

from nomos_core.cryptarchia.header import LeaderProof, LeaderPublic
from nomos_core.identifiers import Ed25519PublicKey

PROOF_BYTES: Final = 128


def make_leader_proof(
    public: LeaderPublic, *, leader_key: Ed25519PublicKey, voucher_commitment: int = 0
) -> LeaderProof:
    """128 zero bytes, entropy 0 and the public inputs in the open."""
    return LeaderProof(
        proof=bytes(PROOF_BYTES),
        entropy_contribution=0,
        leader_key=leader_key,
        voucher_commitment=voucher_commitment,
        public=public,
    )


def verify_leader_proof(proof: LeaderProof, expected: LeaderPublic) -> bool:
    """Whether the proof names the public inputs that the verifier computed; its bytes and entropy are not looked at."""
    return proof.public == expected
