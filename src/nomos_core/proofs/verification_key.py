"""Verification key of a circuit: from the JSON file that snarkjs writes to the key with which groth16py checks proofs.

groth16py's own reader of that JSON refuses points at infinity, but a set-up may give such a point to a public input.
Its reader of arkworks' uncompressed form accepts them, so the key is brought into that form: coordinates little-endian,
and in the last byte of a point the same flags as in its compressed form.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from nomos_core.proofs.bn254_points import G1, G2, Q, compress_g1, compress_g2

if TYPE_CHECKING:
    import groth16py

_COORDINATE: Final = 32
_FLAGS: Final = 0xC0
_CURVES: Final = ("bn128", "bn254")


def read_verification_key(path: Path) -> groth16py.VerifyingKey:
    """Read a verification key from a snarkjs JSON file.

    Raises:
        OSError: the file can't be read.
        ValueError: it is not a Groth16 verification key over BN254 in snarkjs JSON.
        groth16py.EncodingError: a point is not on the curve.
        ImportError: groth16py is not installed.
    """
    import groth16py

    content = _arkworks_bytes(json.loads(path.read_text()))
    with tempfile.NamedTemporaryFile(prefix="verification-key-") as file:
        file.write(content)
        file.flush()
        return groth16py.VerifyingKey.load(file.name)


def _arkworks_bytes(key: Any) -> bytes:
    try:
        if key["protocol"] != "groth16" or key["curve"] not in _CURVES:
            raise ValueError(f"it is for {key['protocol']} over {key['curve']}, expected groth16 over bn128")
        if len(key["IC"]) != key["nPublic"] + 1:
            raise ValueError(f"it has {len(key['IC'])} IC points for {key['nPublic']} public inputs")
        return b"".join(
            (
                _g1(key["vk_alpha_1"]),
                *(_g2(key[name]) for name in ("vk_beta_2", "vk_gamma_2", "vk_delta_2")),
                len(key["IC"]).to_bytes(8, "little"),
                *map(_g1, key["IC"]),
            )
        )
    except (KeyError, TypeError, IndexError) as error:
        raise ValueError(f"not the JSON of a verification key: {error!r}") from None


def _g1(decimals: list[str]) -> bytes:
    """Return a point's bytes from projective ``[x, y, z]``, where ``z`` is 1, or 0 for the point at infinity."""
    x, y = map(_coordinate, decimals[:2])
    point = G1(0, 0) if decimals[2] == "0" else G1(x, y)
    return _uncompressed((point.x, point.y), compress_g1(point))


def _g2(decimals: list[list[str]]) -> bytes:
    (x0, x1), (y0, y1) = (map(_coordinate, part) for part in decimals[:2])
    point = G2((0, 0), (0, 0)) if decimals[2] == ["0", "0"] else G2((x0, x1), (y0, y1))
    return _uncompressed((*point.x, *point.y), compress_g2(point))


def _uncompressed(coordinates: tuple[int, ...], compressed: bytes) -> bytes:
    data = b"".join(coordinate.to_bytes(_COORDINATE, "little") for coordinate in coordinates)
    return data[:-1] + bytes([data[-1] | compressed[-1] & _FLAGS])


def _coordinate(decimal: str) -> int:
    coordinate = int(decimal)
    if not 0 <= coordinate < Q:
        raise ValueError(f"expected a coordinate below the modulus of BN254, got {decimal}")
    return coordinate
