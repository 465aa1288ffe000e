"""Shares and row commitments as they are sent and stored: bincode, with the length of every list and byte string in
front.

The ``write_`` and ``read_`` functions are for messages that contain shares.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from nomos_core.codec import CodecError, Reader, Writer
from nomos_core.da.points import PointError
from nomos_core.da.shares import LightShare, Share, commitment_from_bytes, proof_from_bytes

T = TypeVar("T")


def share_to_wire(share: Share) -> bytes:
    """Return a share as bytes.

    Raises:
        CodecError: the share is larger than the wire limit.
    """
    return write_share(Writer(), share).take()


def share_from_wire(data: bytes) -> Share:
    """Read a share from its bytes.

    Raises:
        CodecError: the bytes are not a share, or contain bytes that are not a point.
    """
    return _whole(data, read_share)


def light_share_to_wire(share: LightShare) -> bytes:
    """Return a light share as bytes.

    Raises:
        CodecError: the share is larger than the wire limit.
    """
    return write_light_share(Writer(), share).take()


def light_share_from_wire(data: bytes) -> LightShare:
    """Read a light share from its bytes.

    Raises:
        CodecError: the bytes are not a light share, or its proof is not a point.
    """
    return _whole(data, read_light_share)


def commitments_to_wire(rows_commitments: tuple[bytes, ...]) -> bytes:
    """Return row commitments as bytes.

    Raises:
        CodecError: the commitments are larger than the wire limit.
    """
    return write_commitments(Writer(), rows_commitments).take()


def commitments_from_wire(data: bytes) -> tuple[bytes, ...]:
    """Read row commitments from their bytes.

    Raises:
        CodecError: the bytes are not row commitments.
    """
    return _whole(data, read_commitments)


def write_share(writer: Writer, share: Share) -> Writer:
    """Write a share into a message, and return its writer."""
    light = share.light
    _write_list(writer, light.column).u16(light.share_idx).byte_string(light.combined_column_proof)
    return write_commitments(writer, share.rows_commitments)


def read_share(reader: Reader) -> Share:
    """Read a share from a message.

    Raises:
        CodecError: the bytes that come next are not a share.
    """
    column, index, proof = _read_column(reader), reader.u16(), _read_proof(reader)
    return Share(LightShare(index, column, proof), read_commitments(reader))


def write_light_share(writer: Writer, share: LightShare) -> Writer:
    """Write a light share into a message, and return its writer."""
    return _write_list(writer.u16(share.share_idx), share.column).byte_string(share.combined_column_proof)


def read_light_share(reader: Reader) -> LightShare:
    """Read a light share from a message.

    Raises:
        CodecError: the bytes that come next are not a light share.
    """
    return LightShare(reader.u16(), _read_column(reader), _read_proof(reader))


def write_commitments(writer: Writer, rows_commitments: tuple[bytes, ...]) -> Writer:
    """Write row commitments into a message, and return its writer."""
    return _write_list(writer, rows_commitments)


def read_commitments(reader: Reader) -> tuple[bytes, ...]:
    """Read row commitments from a message.

    Raises:
        CodecError: the bytes that come next are not row commitments.
    """
    return tuple(_point(commitment_from_bytes, reader.byte_string()) for _ in range(_bounded_count(reader)))


def _write_list(writer: Writer, items: tuple[bytes, ...]) -> Writer:
    writer.u64(len(items))
    for item in items:
        writer.byte_string(item)
    return writer


def _read_column(reader: Reader) -> tuple[bytes, ...]:
    return tuple(reader.byte_string() for _ in range(_bounded_count(reader)))


def _read_proof(reader: Reader) -> bytes:
    return _point(proof_from_bytes, reader.byte_string())


def _point(parse: Callable[[bytes], bytes], data: bytes) -> bytes:
    try:
        return parse(data)
    except PointError as error:
        raise CodecError(str(error)) from None


def _bounded_count(reader: Reader) -> int:
    """Read the length of a list. Refuse it at once when that many byte strings can't follow."""
    count = reader.u64()
    if count * 8 > reader.remaining:
        raise CodecError(f"{count} items are announced, {reader.remaining} bytes are left")
    return count


def _whole(data: bytes, read: Callable[[Reader], T]) -> T:
    reader = Reader(data)
    value = read(reader)
    reader.end()
    return value
