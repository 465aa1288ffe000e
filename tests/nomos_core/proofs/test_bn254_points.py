"""BN254 points: compression and back, and what is no point."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from nomos_core.proofs.bn254_points import (
    G1,
    G2,
    Groth16Proof,
    PointError,
    Q,
    compress_g1,
    compress_g2,
    decompress_g1,
    decompress_g2,
)

coordinates = st.integers(0, Q - 1)
INFINITY_FLAG, LARGER_ROOT_FLAG = 0x40, 0x80


@given(coordinates, st.booleans())
def test_g1_reads_back(x: int, larger: bool) -> None:
    data = with_flags(x.to_bytes(32, "little"), LARGER_ROOT_FLAG if larger else 0)
    try:
        point = decompress_g1(data)
    except PointError:
        assume(False)
    assert (point.y**2 - point.x**3 - 3) % Q == 0
    assert compress_g1(point) == data


@given(coordinates, coordinates, st.booleans())
def test_g2_reads_back(c0: int, c1: int, larger: bool) -> None:
    data = with_flags(c0.to_bytes(32, "little") + c1.to_bytes(32, "little"), LARGER_ROOT_FLAG if larger else 0)
    try:
        point = decompress_g2(data)
    except PointError:
        assume(False)
    assert compress_g2(point) == data
    assert decompress_g2(compress_g2(G2(point.x, (-point.y[0] % Q, -point.y[1] % Q)))) != point


def test_the_flags_choose_the_root() -> None:
    x = (1).to_bytes(32, "little")
    assert {decompress_g1(x).y, decompress_g1(with_flags(x, LARGER_ROOT_FLAG)).y} == {2, Q - 2}
    assert decompress_g1(x).y == 2


def test_infinity_reads_back() -> None:
    assert decompress_g1(compress_g1(G1(0, 0))) == G1(0, 0)
    assert decompress_g2(compress_g2(G2((0, 0), (0, 0)))) == G2((0, 0), (0, 0))
    assert compress_g1(G1(0, 0)) == with_flags(bytes(32), INFINITY_FLAG)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (bytes(32), "no point of G1"),
        (Q.to_bytes(32, "little"), "must be below the modulus"),
        ((1).to_bytes(31, "little") + b"\xc0", "both set"),
    ],
)
def test_what_is_no_point_of_g1(data: bytes, reason: str) -> None:
    with pytest.raises(PointError, match=reason):
        decompress_g1(data)


@given(st.binary(max_size=200))
def test_garbage_is_a_proof_or_a_point_error(data: bytes) -> None:
    try:
        proof = Groth16Proof.decompress(data)
    except PointError:
        return
    assert len(proof.compress()) == len(data)


def with_flags(data: bytes, flags: int) -> bytes:
    return data[:-1] + bytes([data[-1] | flags])
