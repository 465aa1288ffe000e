"""Points of BLS12-381's first group, in the two byte forms of the protocol. Both are the ZCash forms.

The compressed form (48 bytes) is used on the wire: the x coordinate, big-endian, with three flag bits. The uncompressed
form (96 bytes) is hashed: x, then y, and one flag for infinity.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from py_arkworks_bls12381 import G1Point

COMPRESSED_BYTES: Final = 48
"""Length of a compressed point."""
UNCOMPRESSED_BYTES: Final = 96
"""Length of an uncompressed point."""
_INFINITY: Final = bytes([0x40]) + bytes(UNCOMPRESSED_BYTES - 1)
# The commitments of three blobs of the greatest size (dispersal_messages.MAX_ROWS).
_DECODED_POINTS: Final = 2048


class PointError(ValueError):
    """Refusal of bytes that are not a point of the group, in the real node's words."""


def decode_point(data: bytes) -> G1Point:
    """Read a point from its compressed form. Bytes after the first 48 are ignored, as in the real node.

    Raises:
        PointError: too few bytes, wrong flags, not on the curve or not in the group.
    """
    if len(data) < COMPRESSED_BYTES:
        raise PointError('I/O error: Error { kind: UnexpectedEof, message: "failed to fill whole buffer" }')
    return _decode(data[:COMPRESSED_BYTES])


@lru_cache(maxsize=_DECODED_POINTS)
def _decode(data: bytes) -> G1Point:
    """Decode a point. The results of the last calls are kept.

    The shares of a blob repeat its commitments, and decoding them is most of the work of reading a share.
    """
    try:
        return G1Point.from_compressed_bytes(data)
    except ValueError:
        is_compressed = data[0] & 0x80
        raise PointError(
            "the input buffer contained invalid data" if is_compressed else "the call expects empty flags"
        ) from None


def encode_point(point: G1Point) -> bytes:
    """Return the compressed form of a point, 48 bytes."""
    return point.to_compressed_bytes()


def uncompressed(point: G1Point) -> bytes:
    """Return the uncompressed form of a point, 96 bytes, as arkworks' ``serialize_uncompressed`` writes it."""
    coordinates = point.to_xy_bytes_be()
    return coordinates if any(coordinates) else _INFINITY
