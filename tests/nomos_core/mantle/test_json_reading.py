"""The words and paths of refusals when JSON is read."""

import json
from typing import Any

import pytest

from nomos_core.mantle.json_reading import JsonError, byte_array, record, sequence, u8, u64, variant
from nomos_core.mantle.operations_json import operation_from_json, proof_from_json
from nomos_core.mantle.transactions import MantleTx
from nomos_core.mantle.transactions_json import mantle_tx_from_json, mantle_tx_to_json, transaction_from_json

read_pair = record("Pair", {"left": u8, "right": sequence(u64)})


@pytest.mark.parametrize(
    ("value", "refusal"),
    [
        (None, "invalid type: null, expected struct Pair"),
        (True, "invalid type: boolean `true`, expected struct Pair"),
        (1, "invalid type: integer `1`, expected struct Pair"),
        (1.5, "invalid type: floating point `1.5`, expected struct Pair"),
        ('a"b', r'invalid type: string "a\"b", expected struct Pair'),
        ({"left": 1}, "missing field `right`"),
        ({"left": 256, "right": []}, "left: invalid value: integer `256`, expected u8"),
        ({"left": "1", "right": []}, 'left: invalid type: string "1", expected u8'),
        ({"left": True, "right": []}, "left: invalid type: boolean `true`, expected u8"),
        ({"left": 1, "right": {}}, "right: invalid type: map, expected a sequence"),
        ({"left": 1, "right": [0, 1 << 64]}, "right[1]: invalid type: floating point `1.8446744073709552e+19`"),
        ({"right": [-1]}, "right[0]: invalid value: integer `-1`, expected u64"),
        ([1], "invalid length 1, expected struct Pair with 2 elements"),
        ([1, [], 0], "invalid length 3, expected struct Pair with 2 elements"),
        ([-1, []], "[0]: invalid value: integer `-1`, expected u8"),
    ],
)
def test_refused_records(value: Any, refusal: str) -> None:
    with pytest.raises(JsonError) as error:
        read_pair(value, "")
    assert str(error.value).startswith(refusal)


def test_a_record_may_be_a_list_and_may_have_more_keys() -> None:
    assert read_pair([1, [2, 3]], "") == {"left": 1, "right": (2, 3)}
    assert read_pair({"more": None, "right": [2, 3], "left": 1}, "") == {"left": 1, "right": (2, 3)}


def test_a_variant_without_payload_may_be_a_map_to_null() -> None:
    read = variant({"Some": u8}, units={"None": 0})
    assert read("None", "") == read({"None": None}, "") == 0
    assert read({"Some": 7}, "") == 7


@pytest.mark.parametrize(
    ("value", "refusal"),
    [
        ("Many", "unknown variant `Many`, expected `None` or `Some`"),
        ({"Many": 1}, "unknown variant `Many`, expected `None` or `Some`"),
        ({"None": 1}, "None: invalid type: integer `1`, expected unit variant None"),
        ("Some", "invalid type: unit variant, expected a value for Some"),
        ({}, "invalid value: map with 0 keys, expected map with a single key"),
        ({"Some": 1, "None": None}, "invalid value: map with 2 keys, expected map with a single key"),
        (5, "invalid type: integer `5`, expected string or map"),
    ],
)
def test_refused_variants(value: Any, refusal: str) -> None:
    with pytest.raises(JsonError) as error:
        variant({"Some": u8}, units={"None": 0})(value, "")
    assert str(error.value) == refusal


def test_arrays_have_their_length() -> None:
    read = byte_array(2)
    assert read([1, 255], "") == b"\x01\xff"
    with pytest.raises(JsonError, match="invalid length 3, expected an array of length 2"):
        read([1, 2, 3], "")
    with pytest.raises(JsonError, match=r"blob\[1\]: invalid value: integer `256`, expected u8"):
        read([1, 256], "blob")


def test_a_refused_operation_tells_its_place_and_its_fault() -> None:
    value = mantle_tx_to_json(MantleTx())
    value["ops"] = [{"opcode": 2, "payload": {"channel": "00" * 32, "keys": ["02" * 32]}}]
    with pytest.raises(JsonError) as error:
        mantle_tx_from_json(value)
    assert str(error.value) == (
        "ops[0]: data did not match any variant of untagged enum OpDe "
        "(payload.keys[0]: Invalid Ed25519 public key bytes.)"
    )


def test_a_locator_that_has_no_binary_form_is_refused() -> None:
    zero = "00" * 32
    payload = {"service_type": "DA", "provider_id": zero, "zk_id": zero, "locked_note_id": zero}
    for locator, reason in (("/dns/" + 330 * "a", "at most 329 bytes"), ("nowhere", "does not start with '/'")):
        with pytest.raises(JsonError, match=reason):
            operation_from_json({"opcode": 32, "payload": {**payload, "locators": [locator]}})


def test_paths_reach_into_a_signed_transaction() -> None:
    value = {"mantle_tx": mantle_tx_to_json(MantleTx()), "ops_proofs": [{"ZkSig": {"pi_a": [1]}}]}
    with pytest.raises(JsonError) as error:
        transaction_from_json(value)
    assert error.value.path == "ops_proofs[0].ZkSig.pi_a"
    assert error.value.message == "invalid length 1, expected struct GenericArray<T, U32>"


def test_a_proof_is_a_name_or_a_map() -> None:
    with pytest.raises(JsonError, match="expected string or map"):
        proof_from_json([])


def test_a_refusal_can_always_be_sent() -> None:
    with pytest.raises(JsonError) as error:
        proof_from_json(json.loads(r'{"\ud800": 1}'))
    assert "unknown variant `?`" in str(error.value).encode().decode()
