"""Transactions of the real node: JSON, bytes, wire form, hashes, note ids, gas, and which proofs are accepted."""

from importlib.util import find_spec

import pytest

from nomos_core import field
from nomos_core.codec import Reader, Writer
from nomos_core.keys import Ed25519Key, zk_public_keys
from nomos_core.mantle.gas import gas_cost
from nomos_core.mantle.hashes import ledger_tx_hash, tx_hash
from nomos_core.mantle.json_reading import JsonError
from nomos_core.mantle.notes import Utxo, utxos_of
from nomos_core.mantle.operation_proofs import OperationProofError
from nomos_core.mantle.operations import Ed25519Proof, ZkAndEd25519Proof, ZkProof
from nomos_core.mantle.operations_json import proof_from_json, proof_to_json
from nomos_core.mantle.transactions_binary import (
    decode_mantle_tx,
    encode_ledger_tx,
    encode_mantle_tx,
    encode_signed_mantle_tx,
    read_proof,
    signed_size,
    transaction_from_wire,
    transaction_to_wire,
    write_proof,
)
from nomos_core.mantle.transactions_json import (
    mantle_tx_from_json,
    mantle_tx_to_json,
    transaction_from_json,
    transaction_to_json,
)
from nomos_core.proofs.groth16 import Groth16Verifier
from support.inputs.golden import VECTORS, Golden, entries

TRANSACTIONS = entries("transactions.json", "transactions")


@pytest.mark.parametrize("entry", TRANSACTIONS)
def test_mantle_tx(entry: Golden) -> None:
    tx = mantle_tx_from_json(entry["mantle_tx_json"].value)
    assert mantle_tx_to_json(tx) == entry["mantle_tx_json"].value
    encoded = encode_mantle_tx(tx)
    assert encoded.hex() == entry["encode_mantle_tx"].value
    assert (decode_mantle_tx(encoded) == (tx, b"")) is entry["encode_mantle_tx_roundtrip_equal"].value
    assert Writer().byte_string(encoded).take().hex() == entry["mantle_tx_bincode"].value
    assert encode_ledger_tx(tx.ledger_tx).hex() == entry["encode_ledger_tx"].value
    assert signed_size(tx) == entry["predicted_signed_size"].value
    assert gas_cost(tx) == entry["gas_cost"].value


@pytest.mark.parametrize("entry", TRANSACTIONS)
def test_hashes(entry: Golden) -> None:
    tx = mantle_tx_from_json(entry["mantle_tx_json"].value)
    assert tx.hash == tx_hash(tx) == int(entry["tx_hash_dec"].value)
    assert field.to_hex(tx.hash) == entry["tx_hash"].value
    assert field.signing_bytes(tx.hash).hex() == entry["signing_bytes"].value
    assert field.to_hex(ledger_tx_hash(tx.ledger_tx)) == entry["ledger_tx_hash"].value


@pytest.mark.parametrize("entry", TRANSACTIONS)
def test_output_note_ids(entry: Golden) -> None:
    ledger_tx = mantle_tx_from_json(entry["mantle_tx_json"].value).ledger_tx
    expected = entry["output_note_ids"].value
    assert [field.to_hex(utxo.id) for utxo in utxos_of(ledger_tx)] == expected
    one_by_one = (Utxo(ledger_tx.hash, index, note) for index, note in enumerate(ledger_tx.outputs))
    assert [field.to_hex(utxo.id) for utxo in one_by_one] == expected


@pytest.mark.parametrize("entry", TRANSACTIONS)
def test_signed_transaction(entry: Golden) -> None:
    tx = transaction_from_json(entry["signed_json"].value)
    assert entry["signed_json_decodes"].value == {"ok": True, "equal": True}
    assert transaction_to_json(tx) == entry["signed_json"].value
    assert encode_signed_mantle_tx(tx).hex() == entry["encode_signed_mantle_tx"].value
    assert gas_cost(tx) == entry["signed_gas_cost"].value
    wire = transaction_to_wire(tx)
    assert wire.hex() == entry["signed_bincode"].value
    assert entry["signed_bincode_decodes"].value == {"ok": True, "equal": True}
    assert transaction_from_wire(wire) == tx


@pytest.mark.parametrize("entry", TRANSACTIONS)
def test_ed25519_signatures_are_those_of_the_real_node(entry: Golden) -> None:
    tx = transaction_from_json(entry["signed_json"].value)
    for secret, proof in zip(entry["ed25519_secrets"].value, tx.operation_proofs, strict=True):
        if secret is None:
            assert isinstance(proof, ZkProof)
            continue
        signature = Ed25519Key(bytes.fromhex(secret)).sign(field.signing_bytes(tx.hash))
        assert isinstance(proof, Ed25519Proof | ZkAndEd25519Proof)
        assert signature == (proof.signature if isinstance(proof, Ed25519Proof) else proof.ed25519_signature)


@pytest.mark.parametrize("entry", [place for place in TRANSACTIONS if "ledger_tx_proof_secret_keys" in place.values[0]])
def test_real_ledger_proofs(entry: Golden) -> None:
    tx = transaction_from_json(entry["signed_json"].value)
    public_keys = zk_public_keys([field.from_hex(text) for text in entry["ledger_tx_proof_secret_keys"].value])
    assert [field.to_hex(key) for key in public_keys] == entry["ledger_tx_proof_public_keys"].value
    if find_spec("groth16py") is None:
        entry["ledger_tx_proof_verifies"].not_compared("real proofs are checked by the extra [groth16]")
        return
    verifier = Groth16Verifier(VECTORS / "zksign_verification_key.json")
    assert verifier.verify(public_keys, tx.hash, tx.ledger_tx_proof) is entry["ledger_tx_proof_verifies"].value
    assert not verifier.verify(public_keys, tx.hash + 1, tx.ledger_tx_proof)


@pytest.mark.parametrize("entry", entries("transactions.json", "op_proof_encodings"))
def test_proof_encodings(entry: Golden) -> None:
    proof = proof_from_json(entry["json"].value)
    assert proof_to_json(proof) == entry["json"].value
    assert write_proof(Writer(), proof).take().hex() == entry["bincode"].value
    assert read_proof(Reader(bytes.fromhex(entry["bincode"].value))) == proof


@pytest.mark.parametrize("entry", entries("transactions.json", "op_proof_acceptance"))
def test_proof_acceptance(entry: Golden) -> None:
    assert entry["result"].value == entry["result_from_text"].value
    if entry["result"].value == "ok":
        tx = transaction_from_json(entry["signed_json"].value)
        assert transaction_to_json(tx) == entry["signed_json"].value
        assert transaction_from_wire(transaction_to_wire(tx)) == tx
    else:
        with pytest.raises(OperationProofError) as refusal:
            transaction_from_json(entry["signed_json"].value)
        assert str(refusal.value) == entry["result"]["err"].value


@pytest.mark.parametrize("entry", entries("transactions.json", "malformed_json"))
def test_malformed_json(entry: Golden) -> None:
    if entry["result"].value == "ok":
        transaction_from_json(entry["json"].value)
    else:
        with pytest.raises(JsonError) as refusal:
            transaction_from_json(entry["json"].value)
        text, _, position = entry["result"]["err"].value.rpartition(" at line ")
        assert position, "the real node adds a line and a column, which the parsed value no longer has"
        assert refusal.value.message == text
