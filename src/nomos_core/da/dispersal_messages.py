"""What goes over the dispersal and replication protocols: shares and the transaction that names their blob.

An executor disperses, a member answers each request; members replicate the same requests to each other without
answers. On a stream a message is bincode behind its length as ``u16`` little-endian
(``cryptarchia.sync_messages.frame``), which bounds the rows a blob can have.
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
REPLICATION_PROTOCOL: Final = "/nomos/da/1.0.0/replication"

# tag, blob id, two list lengths, share index, proof behind its length, subnetwork
_SHARE_REQUEST_BYTES: Final = 4 + 32 + 2 * 8 + 2 + (8 + COMPRESSED_BYTES + 1) + 2
_ROW_BYTES: Final = (8 + CHUNK_BYTES) + (8 + COMPRESSED_BYTES)
MAX_ROWS: Final = (MAX_FRAME - _SHARE_REQUEST_BYTES) // _ROW_BYTES
"""With more rows a share doesn't fit in a frame."""
_REPLICATION_ID_BYTES: Final = 34


@dataclass(frozen=True, slots=True)
class ShareRequest:
    blob_id: BlobId
    share: Share
    subnetwork: int

    @classmethod
    def of(cls, share: Share) -> ShareRequest:
        """Column ``i`` belongs to subnetwork ``i``."""
        return cls(share.blob_id, share, share.light.share_idx)


Request = ShareRequest | SignedMantleTx


class DispersalErrorKind(IntEnum):
    CHUNK_SIZE = 0
    BLOB_VERIFICATION = 1
    TX_VERIFICATION = 2


@dataclass(frozen=True, slots=True)
class TxAccepted:
    blob_id: BlobId


@dataclass(frozen=True, slots=True)
class ShareAccepted:
    blob_id: BlobId


@dataclass(frozen=True, slots=True)
class DispersalError:
    blob_id: BlobId
    kind: DispersalErrorKind
    description: str


DispersalResponse = TxAccepted | ShareAccepted | DispersalError


def max_blob_bytes(columns: int) -> int:
    """The largest blob of so many columns whose shares can be sent."""
    return MAX_ROWS * (columns // 2) * DATA_CHUNK_BYTES


def blob_id_of_request(request: Request) -> BlobId | None:
    """The blob that is dispersed; ``None`` when a transaction's first operation is no blob."""
    if isinstance(request, ShareRequest):
        return request.blob_id
    operations = request.mantle_tx.operations
    return operations[0].blob if operations and isinstance(operations[0], ChannelBlob) else None


def replication_id(request: Request) -> bytes:
    """34 bytes by which members know what they have seen."""
    if isinstance(request, ShareRequest):
        return request.blob_id + request.subnetwork.to_bytes(2, "little")
    return blake2b(field.signing_bytes(request.hash), digest_size=_REPLICATION_ID_BYTES).digest()


def request_to_wire(request: Request) -> bytes:
    """
    Raises:
        CodecError: the message would be larger than the wire limit.
    """
    if isinstance(request, ShareRequest):
        writer = Writer().u32(0).raw(request.blob_id)
        return write_share(writer, request.share).u16(request.subnetwork).take()
    return write_transaction(Writer().u32(1), request).take()


def request_from_wire(data: bytes) -> Request:
    """
    Raises:
        CodecError: the bytes are no request.
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
    match response:
        case TxAccepted(blob_id):
            return Writer().u32(0).raw(blob_id).take()
        case ShareAccepted(blob_id):
            return Writer().u32(1).raw(blob_id).take()
        case DispersalError(blob_id, kind, description):
            return Writer().u32(2).raw(blob_id).u32(kind).byte_string(description.encode()).take()


def response_from_wire(data: bytes) -> DispersalResponse:
    """
    Raises:
        CodecError: the bytes are no answer to a dispersal request.
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
    return BlobId(reader.raw(32))


def read_text(reader: Reader) -> str:
    try:
        return reader.byte_string().decode()
    except UnicodeDecodeError as error:
        raise CodecError(f"the description is no UTF-8 text: {error}") from None


def _read_error_kind(reader: Reader) -> DispersalErrorKind:
    tag = reader.u32()
    if tag not in list(DispersalErrorKind):
        raise CodecError(f"{tag} is no kind of dispersal error, expected 0 to {len(DispersalErrorKind) - 1}")
    return DispersalErrorKind(tag)
