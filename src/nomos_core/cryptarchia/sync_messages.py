"""Messages of chain sync, by which a node asks a peer for its tip or for blocks that it lacks.

On a stream of ``/nomos/cryptarchia/sync/1.0.0`` every message is bincode, preceded by its length as ``u16``
little-endian. The asking node sends one request. The answer to ``GetTip`` is one message. The answer to
``DownloadBlocks`` is blocks, oldest first, and then ``NoMoreBlocks``; a ``Failure`` may end it at any point.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from nomos_core.codec import CodecError, Reader, Writer
from nomos_core.identifiers import HeaderId

PROTOCOL: Final = "/nomos/cryptarchia/sync/1.0.0"
"""Name of the libp2p protocol."""
MAX_ADDITIONAL_BLOCKS: Final = 5
"""Additional blocks that a request may name."""
MAX_FRAME: Final = 0xFFFF
"""Length of the longest message that a frame holds, in bytes."""
FRAME_PREFIX_BYTES: Final = 2
"""Length of a frame's prefix in bytes."""


@dataclass(frozen=True, slots=True)
class DownloadBlocks:
    """Request for the blocks after the newest of the named blocks that the peer knows, up to ``target``."""

    target: HeaderId
    """Last block that is wanted."""
    local_tip: HeaderId
    """Tip of the asking node."""
    latest_immutable: HeaderId
    """LIB of the asking node."""
    additional: frozenset[HeaderId] = frozenset()
    """Further blocks that the asking node has, at most ``MAX_ADDITIONAL_BLOCKS``."""


@dataclass(frozen=True, slots=True)
class GetTip:
    """Request for the peer's tip."""


@dataclass(frozen=True, slots=True)
class Tip:
    """Answer to ``GetTip``: the tip of the peer."""

    tip: HeaderId
    """Id of the tip."""
    slot: int
    """Slot of the tip."""
    height: int
    """Blocks between genesis and the tip."""


@dataclass(frozen=True, slots=True)
class BlockBytes:
    """One block of the answer to ``DownloadBlocks``."""

    data: bytes
    """Wire form of the block (``block_wire``)."""


@dataclass(frozen=True, slots=True)
class NoMoreBlocks:
    """End of the answer to ``DownloadBlocks``."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Refusal of a request, or an error while it was answered."""

    reason: str
    """Text of the answering node."""


Request = DownloadBlocks | GetTip
"""Message of the asking node."""
TipResponse = Tip | Failure
"""Answer to ``GetTip``."""
BlocksResponse = BlockBytes | NoMoreBlocks | Failure
"""One message of the answer to ``DownloadBlocks``."""


def request_to_wire(request: Request) -> bytes:
    """Return a request as bytes. Additional blocks are a set; they are written in ascending order."""
    match request:
        case DownloadBlocks(target, local_tip, latest_immutable, additional):
            writer = Writer().u32(0).raw(target).raw(local_tip).raw(latest_immutable).u64(len(additional))
            for block in sorted(additional):
                writer.raw(block)
            return writer.take()
        case GetTip():
            return Writer().u32(1).take()


def request_from_wire(data: bytes) -> Request:
    """Read a request.

    Raises:
        CodecError: the bytes are not a request.
    """
    reader = Reader(data)
    match reader.u32():
        case 0:
            request: Request = DownloadBlocks(
                _read_id(reader), _read_id(reader), _read_id(reader), _read_additional(reader)
            )
        case 1:
            request = GetTip()
        case tag:
            raise CodecError(f"unknown chain sync request {tag}, expected 0 (DownloadBlocks) or 1 (GetTip)")
    reader.end()
    return request


def tip_response_to_wire(response: TipResponse) -> bytes:
    """Return an answer to ``GetTip`` as bytes."""
    match response:
        case Tip(tip, slot, height):
            return Writer().u32(0).raw(tip).u64(slot).u64(height).take()
        case Failure(reason):
            return Writer().u32(1).byte_string(reason.encode()).take()


def tip_response_from_wire(data: bytes) -> TipResponse:
    """Read an answer to ``GetTip``.

    Raises:
        CodecError: the bytes are not an answer to ``GetTip``.
    """
    reader = Reader(data)
    match reader.u32():
        case 0:
            response: TipResponse = Tip(_read_id(reader), reader.u64(), reader.u64())
        case 1:
            response = Failure(_read_text(reader))
        case tag:
            raise CodecError(f"unknown answer {tag} to GetTip, expected 0 (Tip) or 1 (Failure)")
    reader.end()
    return response


def blocks_response_to_wire(response: BlocksResponse) -> bytes:
    """Return one message of the answer to ``DownloadBlocks`` as bytes."""
    match response:
        case BlockBytes(data):
            return Writer().u32(0).byte_string(data).take()
        case NoMoreBlocks():
            return Writer().u32(1).take()
        case Failure(reason):
            return Writer().u32(2).byte_string(reason.encode()).take()


def blocks_response_from_wire(data: bytes) -> BlocksResponse:
    """Read one message of the answer to ``DownloadBlocks``.

    Raises:
        CodecError: the bytes are not an answer to ``DownloadBlocks``.
    """
    reader = Reader(data)
    match reader.u32():
        case 0:
            response: BlocksResponse = BlockBytes(reader.byte_string())
        case 1:
            response = NoMoreBlocks()
        case 2:
            response = Failure(_read_text(reader))
        case tag:
            raise CodecError(
                f"unknown answer {tag} to DownloadBlocks, expected 0 (Block), 1 (NoMoreBlocks) or 2 (Failure)"
            )
    reader.end()
    return response


def frame(message: bytes) -> bytes:
    """Return the message with its length in front, as it goes on a stream.

    Raises:
        CodecError: it is longer than ``MAX_FRAME``.
    """
    if len(message) > MAX_FRAME:
        raise CodecError(f"a framed message has at most {MAX_FRAME} bytes, got {len(message)}")
    return len(message).to_bytes(FRAME_PREFIX_BYTES, "little") + message


def frame_length(prefix: bytes) -> int:
    """Return the length in bytes of the message that follows a frame's prefix."""
    return int.from_bytes(prefix, "little")


def _read_id(reader: Reader) -> HeaderId:
    return HeaderId(reader.raw(32))


def _read_additional(reader: Reader) -> frozenset[HeaderId]:
    return frozenset(_read_id(reader) for _ in range(reader.u64()))


def _read_text(reader: Reader) -> str:
    try:
        return reader.byte_string().decode()
    except UnicodeDecodeError as error:
        raise CodecError(f"the reason is not UTF-8 text: {error}") from None
