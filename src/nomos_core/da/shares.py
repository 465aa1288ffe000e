"""Shares: what a member of a subnetwork keeps of a blob, one column with the proof that it is the blob's.

A light share goes without the row commitments, which are the same for all columns. Points stay in their compressed
form: a share is a value, and what is not looked at is not decoded. JSON is in ``shares_json``, bincode in
``shares_wire``; both refuse what is no point.
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
"""A field element, little-endian: how a chunk of data is stored in a share."""
_CHALLENGE_TAG: Final = b"NOMOS_DA_V1"
_CHALLENGE_BYTES: Final = 31
_OPTION_BYTES: Final = 1


@dataclass(frozen=True, slots=True)
class LightShare:
    share_idx: int
    """Which column it is, counted from 0."""
    column: tuple[bytes, ...]
    """One chunk of each row."""
    combined_column_proof: bytes
    """A compressed point and the mark of an option that is not used: 49 bytes."""

    @property
    def column_id(self) -> bytes:
        return blake2b_256(*self.column)


@dataclass(frozen=True, slots=True)
class Share:
    light: LightShare
    rows_commitments: tuple[bytes, ...]
    """One compressed point for each row."""

    @property
    def blob_id(self) -> BlobId:
        """The id of the blob with these commitments.

        Raises:
            PointError: one of them is no point.
        """
        return blob_id_of([decode_point(commitment) for commitment in self.rows_commitments])


def blob_id_of(commitments: Sequence[G1Point]) -> BlobId:
    """Blake2b-256 of the row commitments in uncompressed form."""
    return BlobId(blake2b_256(*map(uncompressed, commitments)))


def row_challenge(commitments: Sequence[G1Point]) -> Scalar:
    """The scalar whose powers weigh the rows, bound to all commitments (BDFG batch openings)."""
    return Scalar.from_le_bytes_mod_order(row_commitments_hash(commitments))


def row_commitments_hash(commitments: Sequence[G1Point]) -> bytes:
    """31 bytes."""
    state = blake2b(_CHALLENGE_TAG, digest_size=_CHALLENGE_BYTES)
    for commitment in commitments:
        state.update(uncompressed(commitment))
    return state.digest()


def commitment_from_bytes(data: bytes) -> bytes:
    """The canonical compressed form of a commitment that came from outside.

    Raises:
        PointError: the bytes don't start with a point.
    """
    return encode_point(decode_point(data))


def proof_to_bytes(point: G1Point) -> bytes:
    """arkworks' proof: the point, then the mark of an absent blinding value."""
    return encode_point(point) + bytes(_OPTION_BYTES)


def proof_from_bytes(data: bytes) -> bytes:
    """The canonical form of a proof that came from outside; bytes behind it are ignored, as the real node does.

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
