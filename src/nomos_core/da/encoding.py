"""Encoding of a blob into shares: rows of chunks, a commitment to each row, and one proof for each column.

Data is cut into chunks of 31 bytes, which always fit in a field element. A row has half as many chunks as the blob has
columns; the other half of each row is zero. At this revision of the protocol a row is extended over its own domain, so
the extension adds no redundancy.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from py_arkworks_bls12381 import Scalar

from nomos_core.da.commitment_basis import CommitmentBasis, combined
from nomos_core.da.points import encode_point
from nomos_core.da.shares import CHUNK_BYTES, LightShare, Share, blob_id_of, proof_to_bytes, row_challenge
from nomos_core.identifiers import BlobId

DATA_CHUNK_BYTES: Final = 31
"""Bytes of data in a chunk. The length of a blob is a multiple of it."""
MAX_DATA_BYTES: Final = 32 * 1024 * 1024
"""Length of the longest blob in bytes.

It is more than can be sent in shares (``dispersal_messages.max_blob_bytes``).
"""
_ZERO_CHUNK: Final = bytes(CHUNK_BYTES)


class EncodingError(ValueError):
    """Refusal of data that is not a blob: empty, all zero, not a multiple of 31 bytes, or too long."""


@dataclass(frozen=True, slots=True)
class EncodedBlob:
    """Blob with its rows, commitments and proofs."""

    blob_id: BlobId
    """Id of the blob: Blake2b-256 of the row commitments in uncompressed form."""
    rows: tuple[tuple[bytes, ...], ...]
    """Rows of chunks of 32 bytes each. Every row has as many chunks as there are columns."""
    row_commitments: tuple[bytes, ...]
    """One compressed point (48 bytes) for each row."""
    column_proofs: tuple[bytes, ...]
    """One proof (49 bytes) for each column."""

    @property
    def columns(self) -> int:
        """Number of columns, a power of two."""
        return len(self.column_proofs)

    def share(self, index: int) -> Share:
        """Return the share of column ``index``, from 0 to ``columns - 1``."""
        column = tuple(row[index] for row in self.rows)
        return Share(LightShare(index, column, self.column_proofs[index]), self.row_commitments)

    def shares(self) -> Iterator[Share]:
        """Return the shares of all columns, in order."""
        return map(self.share, range(self.columns))


def encode(data: bytes, basis: CommitmentBasis, max_bytes: int = MAX_DATA_BYTES) -> EncodedBlob:
    """Encode a blob into as many columns as the basis has.

    The time grows with the length of the data and, for the proofs, with ``n log n`` of the columns. It is too long for
    an event loop. Data whose combined row happens to be a polynomial of lower degree is encoded like any other; the
    real encoder can't prove it.

    Raises:
        EncodingError: the real node panics on such data, or it is longer than ``max_bytes``.
    """
    _check(data, max_bytes)
    rows = chunk_rows(data, basis.columns)
    values = [[Scalar.from_le_bytes(chunk) for chunk in row] for row in rows]
    commitments = [basis.commit(row) for row in values]
    challenge = row_challenge(commitments)
    padded = [row + [Scalar(0)] * (basis.columns // 2 - len(row)) for row in values]
    return EncodedBlob(
        blob_id=blob_id_of(commitments),
        rows=tuple(_extended(row, basis.columns) for row in rows),
        row_commitments=tuple(map(encode_point, commitments)),
        column_proofs=tuple(map(proof_to_bytes, basis.prove(combined(padded, challenge)))),
    )


def chunk_rows(data: bytes, columns: int) -> list[tuple[bytes, ...]]:
    """Return rows of at most ``columns / 2`` chunks of 32 bytes. The last row may be shorter."""
    chunks = [data[start : start + DATA_CHUNK_BYTES] + b"\0" for start in range(0, len(data), DATA_CHUNK_BYTES)]
    width = columns // 2
    return [tuple(chunks[start : start + width]) for start in range(0, len(chunks), width)]


def padded_to_chunks(data: bytes) -> bytes:
    """Return the data with zeros up to a multiple of 31 bytes, as ``nomos-cli disseminate`` sends it."""
    return data + bytes(-len(data) % DATA_CHUNK_BYTES)


def _extended(row: tuple[bytes, ...], columns: int) -> tuple[bytes, ...]:
    return row + (_ZERO_CHUNK,) * (columns - len(row))


def _check(data: bytes, max_bytes: int) -> None:
    if not data:
        raise EncodingError("a blob needs data: got 0 bytes")
    if len(data) > max_bytes:
        raise EncodingError(f"the blob may have at most {max_bytes} bytes, got {len(data)}: split the data")
    if len(data) % DATA_CHUNK_BYTES:
        raise EncodingError(
            f"a blob's length must be a multiple of {DATA_CHUNK_BYTES}, got {len(data)} bytes: "
            f"append {-len(data) % DATA_CHUNK_BYTES} zeros"
        )
    if not any(data):
        raise EncodingError(f"a blob can't be all zeros: none of its {len(data)} bytes is different")
