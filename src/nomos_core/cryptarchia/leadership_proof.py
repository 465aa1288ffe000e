"""Proof of leadership in development mode: its public inputs in the open, which every node compares with its own.

It proves nothing. At this revision of the protocol no node can use the circuit of the real proof, so development mode
serves whatever prover signs the transactions.
"""

from __future__ import annotations

from typing import Final

from nomos_core.cryptarchia.header import LeaderProof, LeaderPublic
from nomos_core.identifiers import Ed25519PublicKey

PROOF_BYTES: Final = 128
"""Length of a proof of leadership in bytes."""


def make_leader_proof(
    public: LeaderPublic, *, leader_key: Ed25519PublicKey, voucher_commitment: int = 0
) -> LeaderProof:
    """Return a proof of 128 zero bytes with entropy 0 and the public inputs in the open."""
    return LeaderProof(
        proof=bytes(PROOF_BYTES),
        entropy_contribution=0,
        leader_key=leader_key,
        voucher_commitment=voucher_commitment,
        public=public,
    )


def verify_leader_proof(proof: LeaderProof, expected: LeaderPublic) -> bool:
    """Tell whether the proof names the public inputs that the verifier computed.

    Its bytes and entropy are not checked.
    """
    return proof.public == expected
