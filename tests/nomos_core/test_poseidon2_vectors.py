"""Both Poseidon2 permutations, and what stands on the chosen one, against the real node's hashes."""

from __future__ import annotations

import pytest

from nomos_core import field, poseidon2, poseidon2_constants
from nomos_core.poseidon2_selection import Permutation
from support.inputs.golden import Golden, entries, load


def elements(entry: Golden, name: str) -> list[int]:
    """A list of field elements that the vector gives in hex and in decimal."""
    decimal = [int(text) for text in entry[f"{name}_dec"].value]
    assert decimal == [field.from_hex(text) for text in entry[name].value]
    return decimal


def element(entry: Golden, name: str) -> int:
    decimal = int(entry[f"{name}_dec"].value)
    assert decimal == field.from_hex(entry[name].value)
    return decimal


def test_constants() -> None:
    constants = load("poseidon2_constants.json")
    assert int(constants["modulus"].value, 16) == field.MODULUS
    assert [[f"{x:064x}" for x in row] for row in poseidon2_constants.EXTERNAL_ROUND_CONSTANTS] == constants[
        "external_round_constants"
    ].value
    assert [f"{x:064x}" for x in poseidon2_constants.INTERNAL_ROUND_CONSTANTS] == constants[
        "internal_round_constants"
    ].value
    assert list(poseidon2_constants.INTERNAL_DIAGONAL_MINUS_ONE) == constants["internal_diagonal_minus_one"].value


@pytest.mark.parametrize("entry", entries("poseidon2.json", "permutations"))
def test_permutation(entry: Golden, permutation: Permutation) -> None:
    state, expected = elements(entry, "in"), elements(entry, "out")
    assert permutation.permute(state) == tuple(expected)
    assert poseidon2.permute(state) == tuple(expected)


@pytest.mark.parametrize("entry", entries("poseidon2.json", "compress"))
def test_compression(entry: Golden, permutation: Permutation) -> None:
    left, right, expected = element(entry, "left"), element(entry, "right"), element(entry, "out")
    assert permutation.compress_pairs([(left, right)]) == [expected]
    assert poseidon2.compress(left, right) == expected


@pytest.mark.parametrize("entry", entries("poseidon2.json", "digests"))
def test_digest(entry: Golden, permutation: Permutation) -> None:
    inputs, expected = elements(entry, "inputs"), element(entry, "digest")
    assert permutation.absorb_many([[*inputs, 1]]) == [expected]
    assert poseidon2.digest(inputs) == expected
    assert poseidon2.absorb([*inputs, 1]) == expected
    assert poseidon2.StateBatch([inputs[:2]]).finish(inputs[2:]) == [expected]
