"""The development prover binds keys and message; the development proof of leadership its public inputs."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nomos_core import field, keys
from nomos_core.cryptarchia.header import LeaderPublic
from nomos_core.cryptarchia.leadership_proof import make_leader_proof, verify_leader_proof
from nomos_core.identifiers import Ed25519PublicKey, ZkSignature
from nomos_core.proofs.development import DevelopmentProver, made_by_development_prover
from nomos_core.proofs.prover import MAX_KEYS, SIGNATURE_BYTES

PROVER = DevelopmentProver()
elements = st.integers(0, field.MODULUS - 1)
secret_lists = st.lists(elements, max_size=4)


@given(secret_lists, elements)
def test_a_signature_verifies_and_shows_its_maker(secrets: list[int], message: int) -> None:
    signature = PROVER.sign(secrets, message)
    assert PROVER.verify(keys.zk_public_keys(secrets), message, signature)
    assert len(signature) == SIGNATURE_BYTES
    assert made_by_development_prover(signature)


@given(secret_lists, elements, st.integers(0, SIGNATURE_BYTES - 1), st.integers(1, 255))
def test_a_changed_byte_is_refused(secrets: list[int], message: int, position: int, change: int) -> None:
    signature = bytearray(PROVER.sign(secrets, message))
    signature[position] ^= change
    assert not PROVER.verify(keys.zk_public_keys(secrets), message, ZkSignature(bytes(signature)))


def test_another_message_or_key_or_order_is_refused() -> None:
    signature = PROVER.sign([1, 2], 7)
    first, second, other = keys.zk_public_keys([1, 2, 3])
    assert PROVER.verify([first, second], 7, signature)
    assert not PROVER.verify([first, second], 8, signature)
    assert not PROVER.verify([first, other], 7, signature)
    assert not PROVER.verify([second, first], 7, signature)
    assert not PROVER.verify([first], 7, signature)


def test_the_key_of_zero_is_the_padding() -> None:
    signature = PROVER.sign([1], 7)
    assert PROVER.verify([keys.zk_public_key(1), keys.ZERO_ZK_PUBLIC], 7, signature)


def test_no_more_keys_than_the_circuit_has() -> None:
    assert PROVER.verify(MAX_KEYS * [keys.ZERO_ZK_PUBLIC], 1, PROVER.sign(MAX_KEYS * [0], 1))
    with pytest.raises(ValueError, match="at most 32 keys, got 33"):
        PROVER.sign([0] * (MAX_KEYS + 1), 1)
    assert not PROVER.verify((MAX_KEYS + 1) * [keys.ZERO_ZK_PUBLIC], 1, PROVER.sign([], 1))


@pytest.mark.parametrize("size", [0, 127, 128, 129])
def test_other_bytes_are_refused(size: int) -> None:
    assert not PROVER.verify([], 0, ZkSignature(bytes(size)))
    assert not made_by_development_prover(ZkSignature(bytes(size)))


PUBLIC = LeaderPublic(slot=3, epoch_nonce=1, total_stake=1000, aged_root=5, latest_root=6)


def test_a_leader_proof_holds_for_its_public_inputs() -> None:
    proof = make_leader_proof(PUBLIC, leader_key=Ed25519PublicKey(bytes(32)))
    assert proof.proof == bytes(128)
    assert proof.entropy_contribution == 0
    assert verify_leader_proof(proof, PUBLIC)


@pytest.mark.parametrize("changed", ["slot", "epoch_nonce", "total_stake", "aged_root", "latest_root"])
def test_a_leader_proof_fails_for_other_public_inputs(changed: str) -> None:
    proof = make_leader_proof(PUBLIC, leader_key=Ed25519PublicKey(bytes(32)))
    assert not verify_leader_proof(proof, replace(PUBLIC, **{changed: getattr(PUBLIC, changed) + 1}))


def test_a_leader_proof_without_public_inputs_is_refused() -> None:
    proof = replace(make_leader_proof(PUBLIC, leader_key=Ed25519PublicKey(bytes(32))), public=None)
    assert not verify_leader_proof(proof, PUBLIC)
