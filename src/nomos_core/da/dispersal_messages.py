"""Messages of the dispersal and replication protocols: shares, and the transaction that names their blob.

An executor disperses a blob, and a member answers each request. Members replicate the same requests to each other,
without answers. On a stream a message is bincode with its length in front as ``u16`` little-endian
(``cryptarchia.sync_messages.frame``). This length limits the number of rows of a blob.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from hashlib import blake2b
from typing import Final

from nomos_core import field
from nomos_core.codec import CodecError, Reader, Writer
from nomos_core.cryptarchia.sync_messages import MAX_FRAME
from nomos_core.da.encoding import DATA_CHUNK_BYTES
from nomos_core.da.points import COMPRESSED_BYTES
from nomos_core.da.shares import CHUNK_BYTES, Share
from nomos_core.da.shares_wire import read_share, write_share
from nomos_core.identifiers import BlobId
from nomos_core.mantle.operations import ChannelBlob
from nomos_core.mantle.transactions import SignedMantleTx
from nomos_core.mantle.transactions_binary import read_transaction, write_transaction

DISPERSAL_PROTOCOL: Final = "/nomos/da/1.0.0/dispersal"
"""Name of the libp2p protocol by which an executor disperses a blob to members."""
REPLICATION_PROTOCOL: Final = "/nomos/da/1.0.0/replication"
"""Name of the libp2p protocol by which members pass requests on to each other."""

# tag, blob id, two list lengths, share index, proof behind its length, subnetwork
_SHARE_REQUEST_BYTES: Final = 4 + 32 + 2 * 8 + 2 + (8 + COMPRESSED_BYTES + 1) + 2
_ROW_BYTES: Final = (8 + CHUNK_BYTES) + (8 + COMPRESSED_BYTES)
MAX_ROWS: Final = (MAX_FRAME - _SHARE_REQUEST_BYTES) // _ROW_BYTES
"""Rows of a blob. With more rows a share does not fit in a frame."""
_REPLICATION_ID_BYTES: Final = 34


@dataclass(frozen=True, slots=True)
class ShareRequest:
    """Request to keep one share."""

    blob_id: BlobId
    """Id of the blob that the share belongs to."""
    share: Share
    """Column of the blob, with its proof and the commitments."""
    subnetwork: int
    """Number of the subnetwork that keeps the share, from 0 to 65535."""

    @classmethod
    def of(cls, share: Share) -> ShareRequest:
        """Return the request for a share: column ``i`` belongs to subnetwork ``i``."""
        return cls(share.blob_id, share, share.light.share_idx)


Request = ShareRequest | SignedMantleTx
"""Request of a dispersing or replicating node: a share, or the transaction that names the blob."""


class DispersalErrorKind(IntEnum):
    """Reason why a member refuses a request."""

    CHUNK_SIZE = 0
    """A chunk of the share has the wrong size."""
    BLOB_VERIFICATION = 1
    """The share does not belong to the blob."""
    TX_VERIFICATION = 2
    """The transaction is not valid."""


@dataclass(frozen=True, slots=True)
class TxAccepted:
    """Answer to a transaction."""

    blob_id: BlobId
    """Blob that the transaction names."""


@dataclass(frozen=True, slots=True)
class ShareAccepted:
    """Answer to a share. The member may not have verified the share yet."""

    blob_id: BlobId
    """Blob that the share belongs to."""


@dataclass(frozen=True, slots=True)
class DispersalError:
    """Refusal of a share or a transaction."""

    blob_id: BlobId
    """Blob of the refused request."""
    kind: DispersalErrorKind
    """Reason."""
    description: str
    """Text of the answering member."""


DispersalResponse = TxAccepted | ShareAccepted | DispersalError
"""Answer of a member to a request."""


def max_blob_bytes(columns: int) -> int:
    """Return the length in bytes of the largest blob of so many columns whose shares can be sent."""
    return MAX_ROWS * (columns // 2) * DATA_CHUNK_BYTES


def blob_id_of_request(request: Request) -> BlobId | None:
    """Return the blob that is dispersed; None for a transaction whose first operation is not a blob."""
    if isinstance(request, ShareRequest):
        return request.blob_id
    operations = request.mantle_tx.operations
    return operations[0].blob if operations and isinstance(operations[0], ChannelBlob) else None


def replication_id(request: Request) -> bytes:
    """Return the 34 bytes by which members recognize a request that they have seen."""
    if isinstance(request, ShareRequest):
        return request.blob_id + request.subnetwork.to_bytes(2, "little")
    return blake2b(field.signing_bytes(request.hash), digest_size=_REPLICATION_ID_BYTES).digest()


def request_to_wire(request: Request) -> bytes:
    """Return a request as bytes, without the frame.

    Raises:
        CodecError: the message would be larger than the wire limit.
    """
    if isinstance(request, ShareRequest):
        writer = Writer().u32(0).raw(request.blob_id)
        return write_share(writer, request.share).u16(request.subnetwork).take()
    return write_transaction(Writer().u32(1), request).take()


def request_from_wire(data: bytes) -> Request:
    """Read a request from its bytes, and check the proofs of a transaction's operations.

    Raises:
        CodecError: the bytes are not a request.
        OperationProofError: the proof of an operation of the transaction is missing, of the wrong kind, or does not
            hold.
    """
    reader = Reader(data)
    match reader.u32():
        case 0:
            request: Request = ShareRequest(read_blob_id(reader), read_share(reader), reader.u16())
        case 1:
            request = read_transaction(reader)
        case tag:
            raise CodecError(f"unknown dispersal request {tag}, expected 0 (Share) or 1 (Tx)")
    reader.end()
    return request


def response_to_wire(response: DispersalResponse) -> bytes:
    """Return the answer to a request as bytes, without the frame."""
    match response:
        case TxAccepted(blob_id):
            return Writer().u32(0).raw(blob_id).take()
        case ShareAccepted(blob_id):
            return Writer().u32(1).raw(blob_id).take()
        case DispersalError(blob_id, kind, description):
            return Writer().u32(2).raw(blob_id).u32(kind).byte_string(description.encode()).take()


def response_from_wire(data: bytes) -> DispersalResponse:
    """Read the answer to a request from its bytes.

    Raises:
        CodecError: the bytes are not an answer to a dispersal request.
    """
    reader = Reader(data)
    match reader.u32():
        case 0:
            response: DispersalResponse = TxAccepted(read_blob_id(reader))
        case 1:
            response = ShareAccepted(read_blob_id(reader))
        case 2:
            response = DispersalError(read_blob_id(reader), _read_error_kind(reader), read_text(reader))
        case tag:
            raise CodecError(f"unknown dispersal response {tag}, expected 0 (Tx), 1 (BlobId) or 2 (Error)")
    reader.end()
    return response


def read_blob_id(reader: Reader) -> BlobId:
    """Read the id of a blob from a message.

    Raises:
        CodecError: fewer than 32 bytes are left.
    """
    return BlobId(reader.raw(32))


def read_text(reader: Reader) -> str:
    """Read a text from a message.

    Raises:
        CodecError: the bytes that come next are not UTF-8 text with its length in front.
    """
    try:
        return reader.byte_string().decode()
    except UnicodeDecodeError as error:
        raise CodecError(f"the description is not UTF-8 text: {error}") from None


def _read_error_kind(reader: Reader) -> DispersalErrorKind:
    tag = reader.u32()
    if tag not in list(DispersalErrorKind):
        raise CodecError(f"unknown dispersal error {tag}, expected 0 to {len(DispersalErrorKind) - 1}")
    return DispersalErrorKind(tag)
