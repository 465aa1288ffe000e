"""Real zero-knowledge signatures against the real verification key."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import pytest

from nomos_core import field, keys
from nomos_core.identifiers import ZkPublicKey, ZkSignature
from nomos_core.proofs.bn254_points import Groth16Proof
from nomos_core.proofs.development import made_by_development_prover
from nomos_core.proofs.groth16 import Groth16Verifier
from nomos_core.proofs.prover import MAX_KEYS, padded_public_keys
from support.inputs.golden import Golden, entries, golden_path, load

GROTH16_INSTALLED = find_spec("groth16py") is not None


@pytest.fixture(scope="module")
def verifier() -> Groth16Verifier:
    pytest.importorskip("groth16py", reason="the extra groth16 is not installed")
    return Groth16Verifier(golden_path("zksign_verification_key.json"))


def public_keys_of(entry: Golden) -> list[ZkPublicKey]:
    return [ZkPublicKey(field.from_hex(text)) for text in entry["public_keys"].value]


def assert_verdict(verifier: Groth16Verifier, entry: Golden) -> None:
    signature = ZkSignature(bytes.fromhex(entry["proof_hex"].value))
    assert verifier.verify(public_keys_of(entry), int(entry["message_dec"].value), signature) == entry["verify"].value


@pytest.mark.parametrize("entry", [*entries("zksign.json", "valid"), *entries("zksign.json", "invalid")])
def test_forms_of_inputs_and_signature(entry: Golden) -> None:
    if not GROTH16_INSTALLED:
        entry["verify"].not_compared("the extra groth16 is not installed")
    if "proof_hex" not in entry:
        return
    signature = ZkSignature(bytes.fromhex(entry["proof_hex"].value))
    message = int(entry["message_dec"].value)
    inputs = [*padded_public_keys(public_keys_of(entry)), message]
    assert field.to_hex(message) == entry["message"].value
    assert [str(value) for value in inputs] == entry["public_inputs_dec"].value
    assert signature.hex() == entry["proof_bincode"].value
    assert json_parts(signature) == entry["proof_json"].value
    assert not made_by_development_prover(signature)


def json_parts(signature: ZkSignature) -> dict[str, Any]:
    return {"pi_a": list(signature[:32]), "pi_b": list(signature[32:96]), "pi_c": list(signature[96:])}


@pytest.mark.parametrize("entry", entries("zksign.json", "valid"))
def test_real_signatures_verify(verifier: Groth16Verifier, entry: Golden) -> None:
    assert_verdict(verifier, entry)


@pytest.mark.parametrize("entry", entries("zksign.json", "valid"))
def test_signers_of_real_signatures(entry: Golden) -> None:
    secrets = [field.from_hex(text) for text in entry["secret_keys"].value]
    assert keys.zk_public_keys(secrets) == public_keys_of(entry)


@pytest.mark.parametrize("entry", entries("zksign.json", "valid"))
def test_points_are_compressed_as_the_node_does(entry: Golden) -> None:
    data = bytes.fromhex(entry["proof_hex"].value)
    assert Groth16Proof.decompress(data).compress() == data


@pytest.mark.parametrize("entry", entries("zksign.json", "invalid"))
def test_changed_signatures_are_refused(verifier: Groth16Verifier, entry: Golden) -> None:
    if "proof_hex" in entry:
        assert_verdict(verifier, entry)
    else:
        too_many = (MAX_KEYS + 1) * [keys.ZERO_ZK_PUBLIC]
        assert verifier.verify(too_many, 0, ZkSignature(bytes(128))) == entry["verify"].value


def test_the_verification_key_has_the_public_inputs_of_zksign() -> None:
    key = load("zksign_verification_key.json").value
    assert key["protocol"] == "groth16"
    assert key["nPublic"] == len(key["IC"]) - 1 == MAX_KEYS + 1


def test_the_padding_is_the_public_key_of_zero() -> None:
    assert field.to_hex(keys.ZERO_ZK_PUBLIC) == load("zksign.json")["zero_key_public"].value
