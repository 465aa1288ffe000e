"""Reconstruction of data from shares.

The first half of the columns holds the data itself, so nothing is interpolated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from nomos_core.da.encoding import DATA_CHUNK_BYTES
from nomos_core.da.shares import CHUNK_BYTES, LightShare


class ReconstructionError(ValueError):
    """Refusal of shares that do not make up data. The message names the share that does not fit."""


def reconstruct(shares: Iterable[LightShare]) -> bytes:
    """Return the data of the given columns, row by row. The last byte of each chunk is dropped.

    For the first half of a blob's columns this is the blob, with zeros up to a full last row. Further columns add their
    zeros to each row. The order of the shares does not matter, and a share may be given twice.

    Raises:
        ReconstructionError: no shares, different numbers of rows, a chunk of another size, or two shares of one column
            that differ.
    """
    columns = _by_index(shares)
    if not columns:
        raise ReconstructionError("no shares: nothing to reconstruct from")
    rows = zip(*(columns[index].column for index in sorted(columns)), strict=True)
    return b"".join(chunk[:DATA_CHUNK_BYTES] for row in rows for chunk in row)


def reconstruct_blob(shares: Iterable[LightShare], columns: int, size: int) -> bytes:
    """Return the blob of ``size`` bytes with these shares.

    All of the first half of its ``columns`` columns are needed.

    Raises:
        ReconstructionError: one of them is missing, they hold fewer bytes, or as for ``reconstruct``.
    """
    found = _by_index(shares)
    missing = [index for index in range(columns // 2) if index not in found]
    if missing:
        raise ReconstructionError(f"of columns 0 to {columns // 2 - 1} these are missing: {missing}")
    data = reconstruct(found[index] for index in range(columns // 2))
    if len(data) < size:
        raise ReconstructionError(f"the shares hold {len(data)} bytes, expected a blob of {size}")
    return data[:size]


def _by_index(shares: Iterable[LightShare]) -> Mapping[int, LightShare]:
    columns: dict[int, LightShare] = {}
    for share in shares:
        index = share.share_idx
        if columns.setdefault(index, share).column != share.column:
            raise ReconstructionError(f"there are two different shares of column {index}")
        first = next(iter(columns.values()))
        if len(share.column) != len(first.column):
            raise ReconstructionError(
                f"column {index} has {len(share.column)} rows, column {first.share_idx} has {len(first.column)}"
            )
        for row, chunk in enumerate(share.column):
            if len(chunk) != CHUNK_BYTES:
                raise ReconstructionError(f"row {row} of column {index} has {len(chunk)} bytes, expected {CHUNK_BYTES}")
    return columns
