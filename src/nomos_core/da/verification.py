"""Verification of a share: the pairing check of its column, and the form of the share.

``verify_column`` accepts exactly what the real node's verifier accepts. That is more than one encoding of the same
column: an index beyond the domain, and chunks that are not reduced. ``verify_share`` refuses those too, so that no bit
of a share can change unnoticed.
"""

from __future__ import annotations

from collections.abc import Sequence

from py_arkworks_bls12381 import GT, G1Point, Scalar

from nomos_core.da.domain import MODULUS, root_of_unity
from nomos_core.da.kzg_params import VerificationKey
from nomos_core.da.points import PointError, decode_point
from nomos_core.da.shares import CHUNK_BYTES, LightShare, Share, blob_id_of, row_challenge
from nomos_core.identifiers import BlobId


class InvalidShare(ValueError):
    """Refusal of a share. The message says what is wrong with it."""


def verify_share(share: Share, blob_id: BlobId, columns: int, key: VerificationKey) -> None:
    """Check a share that should belong to a blob of ``columns`` columns.

    Raises:
        InvalidShare: wrong form, commitments of another blob, or the proof does not hold.
    """
    light = share.light
    if light.share_idx >= columns:
        raise InvalidShare(f"share {light.share_idx} of a blob with {columns} columns: expected 0 to {columns - 1}")
    if not light.column:
        raise InvalidShare("the column has no rows")
    for row, chunk in enumerate(light.column):
        if len(chunk) != CHUNK_BYTES or int.from_bytes(chunk, "little") >= MODULUS:
            raise InvalidShare(f"row {row} is not a field element of {CHUNK_BYTES} bytes: {chunk[:64].hex()}")
    found = blob_id_of(_points(share.rows_commitments))
    if found != blob_id:
        raise InvalidShare(f"the row commitments are those of blob {found.hex()}, expected {blob_id.hex()}")
    if not verify_column(light, share.rows_commitments, columns, key):
        raise InvalidShare(f"the proof of column {light.share_idx} does not hold")


def verify_column(share: LightShare, rows_commitments: Sequence[bytes], columns: int, key: VerificationKey) -> bool:
    """Tell whether the proof of a column holds: ``e(proof, h^tau) e(v g - C - w^i proof, h) = 1``.

    ``v`` and ``C`` are the column and the commitments, weighed with the powers of the challenge. The index counts
    modulo the domain, whose size is ``columns`` rounded up to a power of two.

    Raises:
        InvalidShare: the numbers of rows and commitments differ, or the bytes of one are not a point.
    """
    if len(share.column) != len(rows_commitments):
        raise InvalidShare(
            f"{len(share.column)} rows and {len(rows_commitments)} row commitments: expected one for each"
        )
    commitments = _points(rows_commitments)
    proof = _points([share.combined_column_proof])[0]
    weights = _powers(row_challenge(commitments), len(commitments))
    value = Scalar(0)
    for chunk, weight in zip(share.column, weights, strict=True):
        value += Scalar.from_le_bytes_mod_order(chunk) * weight
    difference = G1Point.multiexp_unchecked(
        [key.g, proof, *commitments], [value, -_position(share.share_idx, columns), *(-weight for weight in weights)]
    )
    return GT.pairing_check([proof, difference], [key.beta_h, key.h])


def _position(index: int, columns: int) -> Scalar:
    """Return the root of unity at which a column is evaluated."""
    domain = 1 << (columns - 1).bit_length()
    return Scalar(pow(root_of_unity(domain), index % domain, MODULUS))


def _powers(base: Scalar, count: int) -> list[Scalar]:
    powers = [Scalar(1)]
    while len(powers) < count:
        powers.append(powers[-1] * base)
    return powers[:count]


def _points(encoded: Sequence[bytes]) -> list[G1Point]:
    try:
        return [decode_point(point) for point in encoded]
    except PointError as error:
        raise InvalidShare(f"a commitment or proof is not a point: {error}") from None
