"""Shares: the part of a blob that a member of a subnetwork keeps, one column with the proof that it belongs to the
blob.

A light share does not contain the row commitments, which are the same for all columns. Points stay in their compressed
form: a share is a value, and is not decoded unless it must be. JSON is in ``shares_json`` and bincode in
``shares_wire``; both refuse bytes that are not a point.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from py_arkworks_bls12381 import G1Point, Scalar

from nomos_core.da.domain import MODULUS
from nomos_core.da.points import COMPRESSED_BYTES, PointError, decode_point, encode_point, uncompressed
from nomos_core.hashing import blake2b_256
from nomos_core.identifiers import BlobId

CHUNK_BYTES: Final = 32
"""Length of a chunk in a share: a field element, little-endian."""
_CHALLENGE_TAG: Final = b"NOMOS_DA_V1"
_CHALLENGE_BYTES: Final = 31
_OPTION_BYTES: Final = 1


@dataclass(frozen=True, slots=True)
class LightShare:
    """Column of a blob with its proof, without the row commitments."""

    share_idx: int
    """Number of the column, from 0 to 65535."""
    column: tuple[bytes, ...]
    """One chunk (32 bytes) of each row, from the first row on."""
    combined_column_proof: bytes
    """49 bytes: a compressed point, and the mark 0 of an option (a blinding value) that is not used."""

    @property
    def column_id(self) -> bytes:
        """Blake2b-256 of the chunks."""
        return blake2b_256(*self.column)


@dataclass(frozen=True, slots=True)
class Share:
    """Column of a blob with its proof and the row commitments."""

    light: LightShare
    """Column and proof."""
    rows_commitments: tuple[bytes, ...]
    """One compressed point (48 bytes) for each row."""

    @property
    def blob_id(self) -> BlobId:
        """Id of the blob with these row commitments.

        Raises:
            PointError: one of them is not a point.
        """
        return blob_id_of([decode_point(commitment) for commitment in self.rows_commitments])


def blob_id_of(commitments: Sequence[G1Point]) -> BlobId:
    """Return the id of a blob: Blake2b-256 of its row commitments in uncompressed form."""
    return BlobId(blake2b_256(*map(uncompressed, commitments)))


def row_challenge(commitments: Sequence[G1Point]) -> Scalar:
    """Return the scalar whose powers weigh the rows in the proof of a column (BDFG batch openings).

    It is the number of ``row_commitments_hash``, so it is bound to all commitments.
    """
    return Scalar.from_le_bytes_mod_order(row_commitments_hash(commitments))


def row_commitments_hash(commitments: Sequence[G1Point]) -> bytes:
    """Return 31 bytes of Blake2b over the tag ``NOMOS_DA_V1`` and the row commitments in uncompressed form."""
    state = blake2b(_CHALLENGE_TAG, digest_size=_CHALLENGE_BYTES)
    for commitment in commitments:
        state.update(uncompressed(commitment))
    return state.digest()


def commitment_from_bytes(data: bytes) -> bytes:
    """Return the canonical compressed form of a commitment that came from outside.

    Raises:
        PointError: the bytes don't start with a point.
    """
    return encode_point(decode_point(data))


def proof_to_bytes(point: G1Point) -> bytes:
    """Return arkworks' form of a proof: the point, then the mark 0 of an absent blinding value."""
    return encode_point(point) + bytes(_OPTION_BYTES)


def proof_from_bytes(data: bytes) -> bytes:
    """Return the canonical form of a proof that came from outside. Bytes after it are ignored, as in the real node.

    Raises:
        PointError: the bytes don't start with a proof.
    """
    point = commitment_from_bytes(data)
    end = COMPRESSED_BYTES + _OPTION_BYTES
    mark = data[COMPRESSED_BYTES:end]
    if not mark:
        raise PointError('I/O error: Error { kind: UnexpectedEof, message: "failed to fill whole buffer" }')
    if mark == b"\0":
        return point + mark
    blinding = data[end : end + CHUNK_BYTES]
    if mark != b"\1" or len(blinding) < CHUNK_BYTES or int.from_bytes(blinding, "little") >= MODULUS:
        raise PointError("the input buffer contained invalid data")
    return point + mark + blinding
