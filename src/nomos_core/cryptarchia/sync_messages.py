"""The messages of chain sync, by which a node asks a peer for its tip or for blocks it lacks.

On a stream of ``/nomos/cryptarchia/sync/1.0.0`` every message is bincode behind its length as ``u16`` little-endian.
The asker sends one request. The answer to ``GetTip`` is one message; the answer to ``DownloadBlocks`` is blocks,
oldest first, then ``NoMoreBlocks``, or a ``Failure`` at any point.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from nomos_core.codec import CodecError, Reader, Writer
from nomos_core.identifiers import HeaderId

PROTOCOL: Final = "/nomos/cryptarchia/sync/1.0.0"
MAX_ADDITIONAL_BLOCKS: Final = 5
"""How many additional blocks a request may name."""
MAX_FRAME: Final = 0xFFFF
"""The longest message a frame holds, in bytes."""
FRAME_PREFIX_BYTES: Final = 2


@dataclass(frozen=True, slots=True)
class DownloadBlocks:
    """Asks for the blocks after the newest of the named ones that the peer knows, up to ``target``."""

    target: HeaderId
    local_tip: HeaderId
    latest_immutable: HeaderId
    additional: frozenset[HeaderId] = frozenset()


@dataclass(frozen=True, slots=True)
class GetTip:
    pass


@dataclass(frozen=True, slots=True)
class Tip:
    tip: HeaderId
    slot: int
    height: int


@dataclass(frozen=True, slots=True)
class BlockBytes:
    """A block of the answer, in its wire form."""

    data: bytes


@dataclass(frozen=True, slots=True)
class NoMoreBlocks:
    pass


@dataclass(frozen=True, slots=True)
class Failure:
    reason: str


Request = DownloadBlocks | GetTip
TipResponse = Tip | Failure
BlocksResponse = BlockBytes | NoMoreBlocks | Failure


def request_to_wire(request: Request) -> bytes:
    """Additional blocks, a set, are written in ascending order."""
    match request:
        case DownloadBlocks(target, local_tip, latest_immutable, additional):
            writer = Writer().u32(0).raw(target).raw(local_tip).raw(latest_immutable).u64(len(additional))
            for block in sorted(additional):
                writer.raw(block)
            return writer.take()
        case GetTip():
            return Writer().u32(1).take()


def request_from_wire(data: bytes) -> Request:
    """
    Raises:
        CodecError: the bytes are no request.
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
    match response:
        case Tip(tip, slot, height):
            return Writer().u32(0).raw(tip).u64(slot).u64(height).take()
        case Failure(reason):
            return Writer().u32(1).byte_string(reason.encode()).take()


def tip_response_from_wire(data: bytes) -> TipResponse:
    """
    Raises:
        CodecError: the bytes are no answer to ``GetTip``.
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
    match response:
        case BlockBytes(data):
            return Writer().u32(0).byte_string(data).take()
        case NoMoreBlocks():
            return Writer().u32(1).take()
        case Failure(reason):
            return Writer().u32(2).byte_string(reason.encode()).take()


def blocks_response_from_wire(data: bytes) -> BlocksResponse:
    """
    Raises:
        CodecError: the bytes are no answer to ``DownloadBlocks``.
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
    """The message as it goes on a stream.

    Raises:
        CodecError: it is longer than ``MAX_FRAME``.
    """
    if len(message) > MAX_FRAME:
        raise CodecError(f"a framed message has at most {MAX_FRAME} bytes, got {len(message)}")
    return len(message).to_bytes(FRAME_PREFIX_BYTES, "little") + message


def frame_length(prefix: bytes) -> int:
    """The length of the message that follows a frame's first ``FRAME_PREFIX_BYTES`` bytes."""
    return int.from_bytes(prefix, "little")


def _read_id(reader: Reader) -> HeaderId:
    return HeaderId(reader.raw(32))


def _read_additional(reader: Reader) -> frozenset[HeaderId]:
    return frozenset(_read_id(reader) for _ in range(reader.u64()))


def _read_text(reader: Reader) -> str:
    try:
        return reader.byte_string().decode()
    except UnicodeDecodeError as error:
        raise CodecError(f"reason is no UTF-8 text: {error}") from None
