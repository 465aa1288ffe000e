"""Points of BLS12-381's first group in the two byte forms the protocol uses, both the ZCash ones.

Compressed (48 bytes, the form of values on the wire) is the x coordinate big-endian with three flag bits; uncompressed
(96 bytes, the form that is hashed) is x, then y, and one flag for infinity.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from py_arkworks_bls12381 import G1Point

COMPRESSED_BYTES: Final = 48
UNCOMPRESSED_BYTES: Final = 96
_INFINITY: Final = bytes([0x40]) + bytes(UNCOMPRESSED_BYTES - 1)
_DECODED_POINTS: Final = 2048


class PointError(ValueError):
    """Bytes that are no point of the group, in the real node's words."""


def decode_point(data: bytes) -> G1Point:
    """A point from its compressed form; bytes behind the first 48 are ignored, as the real node does.

    Raises:
        PointError: too few bytes, wrong flags, not on the curve or not in the group.
    """
    if len(data) < COMPRESSED_BYTES:
        raise PointError('I/O error: Error { kind: UnexpectedEof, message: "failed to fill whole buffer" }')
    return _decode(data[:COMPRESSED_BYTES])


@lru_cache(maxsize=_DECODED_POINTS)
def _decode(data: bytes) -> G1Point:
    """The last points are kept: the shares of a blob repeat its commitments, and decoding them is most of the work."""
    try:
        return G1Point.from_compressed_bytes(data)
    except ValueError:
        is_compressed = data[0] & 0x80
        raise PointError(
            "the input buffer contained invalid data" if is_compressed else "the call expects empty flags"
        ) from None


def encode_point(point: G1Point) -> bytes:
    return point.to_compressed_bytes()


def uncompressed(point: G1Point) -> bytes:
    """What arkworks writes for ``serialize_uncompressed``."""
    coordinates = point.to_xy_bytes_be()
    return coordinates if any(coordinates) else _INFINITY
