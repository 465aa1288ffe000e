"""Shares and row commitments in JSON, as the HTTP API shows and takes them. All bytes are lists of integers.

Inside a share its index is a number. In the requests of the API it is the list of that number's two bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nomos_core.da.points import PointError
from nomos_core.da.shares import LightShare, Share, commitment_from_bytes, proof_from_bytes
from nomos_core.mantle.json_reading import JsonError, byte_array, byte_list, record, sequence, u16


def share_to_json(share: Share) -> dict[str, Any]:
    """Return a share as JSON values."""
    light = share.light
    return {
        "column": _chunks_to_json(light.column),
        "share_idx": light.share_idx,
        "combined_column_proof": list(light.combined_column_proof),
        "rows_commitments": _chunks_to_json(share.rows_commitments),
    }


def share_from_json(value: Any, path: str = "") -> Share:
    """Read a share. ``path`` is its place in the JSON text, for errors.

    Raises:
        JsonError: the value is not a share, or contains bytes that are not a point.
    """
    found = _share(value, path)
    return Share(
        LightShare(found["share_idx"], found["column"], found["combined_column_proof"]), found["rows_commitments"]
    )


def light_share_to_json(share: LightShare) -> dict[str, Any]:
    """Return a light share as JSON values."""
    return {
        "share_idx": share.share_idx,
        "column": _chunks_to_json(share.column),
        "combined_column_proof": list(share.combined_column_proof),
    }


def light_share_from_json(value: Any, path: str = "") -> LightShare:
    """Read a light share. ``path`` is its place in the JSON text, for errors.

    Raises:
        JsonError: the value is not a light share, or its proof is not a point.
    """
    return LightShare(**_light_share(value, path))


def commitments_to_json(rows_commitments: tuple[bytes, ...]) -> dict[str, Any]:
    """Return row commitments as JSON values."""
    return {"rows_commitments": _chunks_to_json(rows_commitments)}


def commitments_from_json(value: Any, path: str = "") -> tuple[bytes, ...]:
    """Read row commitments. ``path`` is their place in the JSON text, for errors.

    Raises:
        JsonError: the value holds no row commitments.
    """
    found: tuple[bytes, ...] = _commitments(value, path)["rows_commitments"]
    return found


def share_index_to_json(index: int) -> list[int]:
    """Return the index of a share as in the API's requests: its two bytes, little-endian."""
    return list(index.to_bytes(2, "little"))


def share_index_from_json(value: Any, path: str = "") -> int:
    """Read the index of a share from its two bytes, little-endian.

    Raises:
        JsonError: the value is not a list of two bytes.
    """
    return int.from_bytes(_two_bytes(value, path), "little")


def _chunks_to_json(chunks: tuple[bytes, ...]) -> list[list[int]]:
    return [list(chunk) for chunk in chunks]


def _point_bytes(parse: Callable[[bytes], bytes]) -> Callable[[Any, str], bytes]:
    def read(value: Any, path: str) -> bytes:
        try:
            return parse(byte_list(value, path))
        except PointError as error:
            raise JsonError(str(error), path) from None

    return read


_two_bytes = byte_array(2)
_column = sequence(byte_list)
_proof = _point_bytes(proof_from_bytes)
_rows_commitments = sequence(_point_bytes(commitment_from_bytes))
_share = record(
    "DaShare",
    {"column": _column, "share_idx": u16, "combined_column_proof": _proof, "rows_commitments": _rows_commitments},
)
_light_share = record("DaLightShare", {"share_idx": u16, "column": _column, "combined_column_proof": _proof})
_commitments = record("DaSharesCommitments", {"rows_commitments": _rows_commitments})
