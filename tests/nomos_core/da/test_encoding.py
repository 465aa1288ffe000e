"""Encoding: any blob comes back from its shares, every column's proof holds, and what is no blob is refused."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from py_arkworks_bls12381 import G1Point, Scalar

from nomos_core.da.commitment_basis import combined
from nomos_core.da.domain import MODULUS, inverse_transform, root_of_unity, roots_of_unity, transform
from nomos_core.da.encoding import DATA_CHUNK_BYTES, EncodingError, encode, padded_to_chunks
from nomos_core.da.kzg_params import KzgParams
from nomos_core.da.reconstruction import ReconstructionError, reconstruct, reconstruct_blob
from nomos_core.da.shares import LightShare
from nomos_core.da.shares_json import light_share_from_json, light_share_to_json, share_from_json, share_to_json
from nomos_core.da.shares_wire import light_share_from_wire, light_share_to_wire, share_from_wire, share_to_wire
from nomos_core.da.verification import verify_share

CHUNK = bytes(range(32))

chunks = st.one_of(st.just(bytes(DATA_CHUNK_BYTES)), st.binary(min_size=DATA_CHUNK_BYTES, max_size=DATA_CHUNK_BYTES))
blobs = st.lists(chunks, min_size=1, max_size=24).map(b"".join).filter(any)
scalars = st.integers(0, MODULUS - 1).map(Scalar)


@given(data=blobs, columns=st.sampled_from([2, 4, 8, 16]))
@settings(max_examples=25)
def test_every_blob_comes_back_and_every_share_verifies(small_params: KzgParams, data: bytes, columns: int) -> None:
    blob = encode(data, small_params.basis(columns))
    shares = list(blob.shares())
    assert len(shares) == blob.columns == columns
    for share in shares:
        assert share.blob_id == blob.blob_id
        verify_share(share, blob.blob_id, columns, small_params.verification_key)
        assert share_from_wire(share_to_wire(share)) == share
        assert share_from_json(share_to_json(share)) == share
        assert light_share_from_wire(light_share_to_wire(share.light)) == share.light
        assert light_share_from_json(light_share_to_json(share.light)) == share.light
    assert reconstruct_blob([share.light for share in reversed(shares)], columns, len(data)) == data


@given(values=st.lists(scalars, min_size=1, max_size=8))
@settings(max_examples=20)
def test_a_commitment_and_its_proofs_are_those_of_the_coefficients(
    small_params: KzgParams, values: list[Scalar]
) -> None:
    """Against the definition: commitments to ``f`` and to ``(f - f(u)) / (x - u)`` by powers of ``tau``."""
    basis = small_params.basis(16)
    padded = [*values, *[Scalar(0)] * (16 - len(values))]
    scale = Scalar(16).inverse()
    coefficients = [value * scale for value in inverse_transform(padded, roots_of_unity(16))]
    powers = small_params.powers(16)
    assert basis.commit(values) == G1Point.multiexp_unchecked(powers, coefficients)
    for root, proof in zip(roots_of_unity(16), basis.prove(values), strict=True):
        quotient = [coefficients[-1]]
        for coefficient in reversed(coefficients[1:-1]):
            quotient.insert(0, quotient[0] * root + coefficient)
        assert proof == G1Point.multiexp_unchecked(powers[:15], quotient)


@given(st.lists(scalars, min_size=8, max_size=8))
def test_transforms_evaluate_and_come_back(values: list[Scalar]) -> None:
    roots = roots_of_unity(8)
    evaluations = transform(values, roots)
    for root, evaluation in zip(roots, evaluations, strict=True):
        assert evaluation == sum((value * root.pow(Scalar(j)) for j, value in enumerate(values)), Scalar(0))
    assert inverse_transform(evaluations, roots) == [value * Scalar(8) for value in values]


def test_roots_are_primitive() -> None:
    for size in (1, 2, 4, 2048):
        root = root_of_unity(size)
        assert pow(root, size, MODULUS) == 1
        assert size == 1 or pow(root, size // 2, MODULUS) == MODULUS - 1


def test_rows_are_weighed_with_the_powers_of_the_challenge() -> None:
    rows = [[Scalar(value) for value in row] for row in ([1, 2], [3, 4], [5, 6])]
    assert combined(rows, Scalar(10)) == [Scalar(531), Scalar(642)]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "got 0 bytes"),
        (bytes(31), "can't be all zeros"),
        (bytes(62), "can't be all zeros"),
        (b"x" * 30, "multiple of 31, got 30 bytes: append 1 zeros"),
        (b"x" * 32, "multiple of 31, got 32 bytes: append 30 zeros"),
    ],
)
def test_what_is_no_blob_is_refused_with_the_reason(small_params: KzgParams, data: bytes, why: str) -> None:
    with pytest.raises(EncodingError, match=why):
        encode(data, small_params.basis(4))


def test_too_large_a_blob_is_refused_before_any_work(small_params: KzgParams) -> None:
    with pytest.raises(EncodingError, match="at most 62 bytes, got 93: split the data"):
        encode(b"x" * 93, small_params.basis(4), max_bytes=62)
    with pytest.raises(EncodingError, match="at most 33554432 bytes"):
        encode(bytes(64 * 1024 * 1024), small_params.basis(4))


def test_a_row_of_lower_degree_is_encoded_like_any_other(small_params: KzgParams) -> None:
    """The values 1 and ``w``, which is short enough for a chunk, give no term of degree 3 over four columns."""
    data = b"".join(value.to_bytes(DATA_CHUNK_BYTES, "little") for value in (1, root_of_unity(4)))
    blob = encode(data, small_params.basis(4))
    for share in blob.shares():
        verify_share(share, blob.blob_id, 4, small_params.verification_key)


@given(st.binary(max_size=100))
def test_padding_makes_whole_chunks(data: bytes) -> None:
    padded = padded_to_chunks(data)
    assert len(padded) % 31 == 0
    assert len(padded) - len(data) < 31
    assert padded.rstrip(b"\0") == data.rstrip(b"\0")


def light(index: int, *chunks: bytes) -> LightShare:
    return LightShare(index, chunks, bytes(49))


def test_columns_come_in_order_of_their_index() -> None:
    shares = [light(3, b"b" * 32), light(0, b"a" * 32), light(3, b"b" * 32)]
    assert reconstruct(shares) == b"a" * 31 + b"b" * 31


@pytest.mark.parametrize(
    ("shares", "why"),
    [
        ([], "no shares"),
        ([light(0, CHUNK), light(0, CHUNK[::-1])], "two different shares of column 0"),
        ([light(0, CHUNK), light(1, CHUNK, CHUNK)], "column 1 has 2 rows, column 0 has 1"),
        ([light(5, CHUNK, b"short")], "row 1 of column 5 has 5 bytes, expected 32"),
    ],
)
def test_shares_that_make_no_data_are_refused(shares: list[LightShare], why: str) -> None:
    with pytest.raises(ReconstructionError, match=why):
        reconstruct(shares)


def test_a_blob_needs_the_first_half_of_its_columns() -> None:
    with pytest.raises(ReconstructionError, match=r"of columns 0 to 3 these are missing: \[1, 3\]"):
        reconstruct_blob([light(0, CHUNK), light(2, CHUNK), light(6, CHUNK)], 8, 124)
    with pytest.raises(ReconstructionError, match="hold 31 bytes, expected a blob of 62"):
        reconstruct_blob([light(0, CHUNK)], 2, 62)
