"""A share that is changed in any bit is refused, and so is one of another blob."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from py_arkworks_bls12381 import G1Point, Scalar

from nomos_core.codec import CodecError
from nomos_core.da.domain import MODULUS
from nomos_core.da.encoding import EncodedBlob, encode
from nomos_core.da.kzg_params import KzgParams
from nomos_core.da.points import PointError, decode_point, encode_point, uncompressed
from nomos_core.da.shares import LightShare, Share, proof_from_bytes, proof_to_bytes
from nomos_core.da.shares_wire import share_from_wire, share_to_wire
from nomos_core.da.verification import InvalidShare, verify_column, verify_share

COLUMNS = 8
INFINITY = encode_point(G1Point.identity())


@pytest.fixture(scope="module")
def blob(small_params: KzgParams) -> EncodedBlob:
    return encode(bytes(range(1, 32)) * 11, small_params.basis(COLUMNS))


@pytest.fixture(scope="module")
def other_blob(small_params: KzgParams) -> EncodedBlob:
    return encode(bytes(range(2, 33)) * 11, small_params.basis(COLUMNS))


def refused(share: Share, blob: EncodedBlob, params: KzgParams) -> str:
    with pytest.raises(InvalidShare) as caught:
        verify_share(share, blob.blob_id, COLUMNS, params.verification_key)
    return str(caught.value)


@given(data=st.data())
@settings(max_examples=300)
def test_a_share_with_any_flipped_bit_is_refused(
    small_params: KzgParams, blob: EncodedBlob, data: st.DataObject
) -> None:
    wire = bytearray(share_to_wire(blob.share(data.draw(st.integers(0, COLUMNS - 1), label="column"))))
    bit = data.draw(st.integers(0, 8 * len(wire) - 1), label="bit")
    wire[bit // 8] ^= 1 << bit % 8
    try:
        share = share_from_wire(bytes(wire))
    except CodecError:
        return
    refused(share, blob, small_params)


@given(index=st.integers(0, 65_535), column=st.integers(0, COLUMNS - 1))
@settings(max_examples=50)
def test_a_column_holds_only_at_its_own_index(
    small_params: KzgParams, blob: EncodedBlob, index: int, column: int
) -> None:
    share = blob.share(column)
    moved = replace(share, light=replace(share.light, share_idx=index))
    if index == column:
        verify_share(moved, blob.blob_id, COLUMNS, small_params.verification_key)
    else:
        refused(moved, blob, small_params)


@given(data=st.data())
@settings(max_examples=60)
def test_any_other_value_in_a_column_is_refused(
    small_params: KzgParams, blob: EncodedBlob, data: st.DataObject
) -> None:
    share = blob.share(data.draw(st.integers(0, COLUMNS - 1)))
    row = data.draw(st.integers(0, len(share.light.column) - 1))
    value = data.draw(st.integers(0, MODULUS - 1)).to_bytes(32, "little")
    column = (*share.light.column[:row], value, *share.light.column[row + 1 :])
    if column != share.light.column:
        refused(replace(share, light=replace(share.light, column=column)), blob, small_params)


@given(factor=st.integers(0, MODULUS - 1))
@settings(max_examples=20)
def test_any_other_proof_is_refused(small_params: KzgParams, blob: EncodedBlob, factor: int) -> None:
    share = blob.share(1)
    proof = proof_to_bytes(G1Point() * Scalar(factor))
    text = refused(replace(share, light=replace(share.light, combined_column_proof=proof)), blob, small_params)
    assert text == "the proof of column 1 does not hold"


def test_the_proof_of_another_column_is_refused(small_params: KzgParams, blob: EncodedBlob) -> None:
    share = blob.share(1)
    swapped = replace(share.light, combined_column_proof=blob.column_proofs[2])
    assert "the proof of column 1 does not hold" in refused(replace(share, light=swapped), blob, small_params)


def test_commitments_of_another_blob_are_named(
    small_params: KzgParams, blob: EncodedBlob, other_blob: EncodedBlob
) -> None:
    share = replace(blob.share(0), rows_commitments=other_blob.row_commitments)
    text = refused(share, blob, small_params)
    assert f"those of blob {other_blob.blob_id.hex()}, expected {blob.blob_id.hex()}" in text


def test_commitments_in_another_order_make_another_blob(small_params: KzgParams, blob: EncodedBlob) -> None:
    share = replace(blob.share(0), rows_commitments=(*blob.row_commitments[1:], blob.row_commitments[0]))
    assert "expected" in refused(share, blob, small_params)


def test_a_share_without_rows_is_refused_even_with_a_proof_of_nothing(
    small_params: KzgParams, blob: EncodedBlob
) -> None:
    """The pairing holds trivially: zero is the sum of nothing."""
    empty = LightShare(0, (), INFINITY + b"\0")
    assert verify_column(empty, (), COLUMNS, small_params.verification_key)
    assert "no rows" in refused(Share(empty, ()), blob, small_params)


@pytest.mark.parametrize("rows", [0, 1, 2, 4])
def test_as_many_commitments_as_rows_are_expected(small_params: KzgParams, blob: EncodedBlob, rows: int) -> None:
    share = blob.share(0)
    assert len(share.light.column) == 3
    light = replace(share.light, column=(share.light.column * 2)[:rows])
    with pytest.raises(InvalidShare, match=f"{rows} rows and 3 row commitments: expected one for each"):
        verify_column(light, share.rows_commitments, COLUMNS, small_params.verification_key)


def test_what_is_no_point_is_refused(small_params: KzgParams, blob: EncodedBlob) -> None:
    share = blob.share(0)
    assert "is not a point" in refused(replace(share, rows_commitments=(b"\0" * 48,) * 3), blob, small_params)
    light = replace(share.light, combined_column_proof=b"\x80" + b"\1" * 48)
    assert "is not a point" in refused(replace(share, light=light), blob, small_params)


def test_a_proof_may_carry_a_blinding_value_that_nobody_reads(blob: EncodedBlob) -> None:
    point = blob.column_proofs[0][:48]
    blinded = point + b"\1" + (MODULUS - 1).to_bytes(32, "little")
    assert proof_from_bytes(blinded + b"more") == blinded
    assert proof_from_bytes(point + b"\0more") == point + b"\0"
    for bad in (point + b"\2", point + b"\1", point + b"\1" + MODULUS.to_bytes(32, "little"), point):
        with pytest.raises(PointError):
            proof_from_bytes(bad)


@given(st.binary(min_size=40, max_size=60))
def test_random_bytes_are_no_point_or_one_in_canonical_form(data: bytes) -> None:
    try:
        point = decode_point(data)
    except PointError:
        return
    assert decode_point(encode_point(point)) == point


def test_infinity_has_both_forms() -> None:
    assert uncompressed(decode_point(INFINITY)) == b"\x40" + bytes(95)
    assert encode_point(G1Point.identity()) == b"\xc0" + bytes(47)
