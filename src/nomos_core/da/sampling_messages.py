"""Messages of the sampling protocol, and the message that closes a connection to a member.

By the sampling protocol a node asks members for shares and commitments of a blob. On a stream a message is bincode with
its length in front as ``u16`` little-endian (``cryptarchia.sync_messages.frame``).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from nomos_core.codec import CodecError, Reader, Writer
from nomos_core.da.dispersal_messages import read_blob_id, read_text
from nomos_core.da.shares import LightShare
from nomos_core.da.shares_wire import read_commitments, read_light_share, write_commitments, write_light_share
from nomos_core.identifiers import BlobId

SAMPLING_PROTOCOL: Final = "/nomos/da/1.0.0/sampling"
"""Name of the libp2p protocol."""
_NOT_FOUND: Final = 0


@dataclass(frozen=True, slots=True)
class SampleShare:
    """Request for one share of a blob."""

    blob_id: BlobId
    """Blob."""
    share_idx: int
    """Column, from 0 to 65535."""


@dataclass(frozen=True, slots=True)
class SampleCommitments:
    """Request for the row commitments of a blob."""

    blob_id: BlobId
    """Blob."""


@dataclass(frozen=True, slots=True)
class SampledShare:
    """Answer with a share."""

    blob_id: BlobId
    """Blob."""
    share: LightShare
    """Share, without the row commitments."""


@dataclass(frozen=True, slots=True)
class SampledCommitments:
    """Answer with row commitments."""

    rows_commitments: tuple[bytes, ...]
    """One compressed point (48 bytes) for each row."""


@dataclass(frozen=True, slots=True)
class ShareNotFound:
    """Answer of a member that does not have the share."""

    blob_id: BlobId
    """Blob."""
    column: int
    """Column, from 0 to 65535."""
    description: str
    """Text of the answering member."""


@dataclass(frozen=True, slots=True)
class CommitmentsNotFound:
    """Answer of a member that does not have the commitments."""

    blob_id: BlobId
    """Blob."""
    description: str
    """Text of the answering member."""


SampleRequest = SampleShare | SampleCommitments
"""Request of a sampling node."""
SampleError = ShareNotFound | CommitmentsNotFound
"""Answer without the thing that was asked for."""
SampleResponse = SampledShare | SampledCommitments | SampleError
"""Answer of a member."""


class CloseReason(IntEnum):
    """Reason why a node closes its connection to a member."""

    GRACEFUL_SHUTDOWN = 0
    """The node shuts down."""
    SUBNET_CHANGE = 1
    """The members of the subnetworks changed."""
    SUBNET_SAMPLE_FAILURE = 2
    """Sampling from the member failed."""


def request_to_wire(request: SampleRequest) -> bytes:
    """Return a request as bytes, without the frame."""
    match request:
        case SampleShare(blob_id, share_idx):
            return Writer().u32(0).raw(blob_id).u16(share_idx).take()
        case SampleCommitments(blob_id):
            return Writer().u32(1).raw(blob_id).take()


def request_from_wire(data: bytes) -> SampleRequest:
    """Read a request from its bytes.

    Raises:
        CodecError: the bytes are not a request.
    """
    reader = Reader(data)
    match reader.u32():
        case 0:
            request: SampleRequest = SampleShare(read_blob_id(reader), reader.u16())
        case 1:
            request = SampleCommitments(read_blob_id(reader))
        case tag:
            raise CodecError(f"unknown sampling request {tag}, expected 0 (Share) or 1 (Commitments)")
    reader.end()
    return request


def response_to_wire(response: SampleResponse) -> bytes:
    """Return an answer as bytes, without the frame.

    Raises:
        CodecError: the message would be larger than the wire limit.
    """
    match response:
        case SampledShare(blob_id, share):
            return write_light_share(Writer().u32(0).raw(blob_id), share).take()
        case SampledCommitments(rows_commitments):
            return write_commitments(Writer().u32(1), rows_commitments).take()
        case ShareNotFound(blob_id, column, description):
            writer = Writer().u32(2).u32(0).raw(blob_id).u16(column)
        case CommitmentsNotFound(blob_id, description):
            writer = Writer().u32(2).u32(1).raw(blob_id)
    return writer.u32(_NOT_FOUND).byte_string(description.encode()).take()


def response_from_wire(data: bytes) -> SampleResponse:
    """Read an answer from its bytes.

    Raises:
        CodecError: the bytes are not an answer to a sampling request.
    """
    reader = Reader(data)
    match reader.u32():
        case 0:
            response: SampleResponse = SampledShare(read_blob_id(reader), read_light_share(reader))
        case 1:
            response = SampledCommitments(read_commitments(reader))
        case 2:
            response = _read_error(reader)
        case tag:
            raise CodecError(f"unknown sampling response {tag}, expected 0 (Share), 1 (Commitments) or 2 (Error)")
    reader.end()
    return response


def close_to_wire(reason: CloseReason) -> bytes:
    """Return the closing message as bytes, without the frame."""
    return Writer().u32(reason).take()


def close_from_wire(data: bytes) -> CloseReason:
    """Read the closing message from its bytes.

    Raises:
        CodecError: the bytes are not a closing message.
    """
    reader = Reader(data)
    tag = reader.u32()
    reader.end()
    if tag not in list(CloseReason):
        raise CodecError(f"unknown reason {tag} to close a connection, expected 0 to {len(CloseReason) - 1}")
    return CloseReason(tag)


def _read_error(reader: Reader) -> SampleError:
    match reader.u32():
        case 0:
            blob_id, column = read_blob_id(reader), reader.u16()
            return ShareNotFound(blob_id, column, _read_not_found(reader))
        case 1:
            return CommitmentsNotFound(read_blob_id(reader), _read_not_found(reader))
        case tag:
            raise CodecError(f"unknown sampling error {tag}, expected 0 (Share) or 1 (Commitments)")


def _read_not_found(reader: Reader) -> str:
    tag = reader.u32()
    if tag != _NOT_FOUND:
        raise CodecError(f"unknown kind {tag} of sampling error, expected {_NOT_FOUND} (NotFound)")
    return read_text(reader)
