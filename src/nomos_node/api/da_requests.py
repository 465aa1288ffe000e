"""Bodies of requests about blobs. A blob id is a list of 32 bytes, a share index a list of two bytes, little-endian."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from nomos_core.da.shares_json import share_index_from_json
from nomos_core.identifiers import BlobId, ChannelId, MsgId
from nomos_core.keys import ed25519_public_from_hex, peer_id_from_text
from nomos_core.mantle.json_reading import (
    JsonError,
    byte_array,
    byte_list,
    hex32,
    parsed_text,
    record,
    sequence,
    text,
    u64,
    wrong_type,
)
from nomos_node.da.dispersal import BlobMessage

_BLOB_ID_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class ShareSelection:
    """Selection among the shares of a blob: those in ``requested``.

    With ``return_available`` it also has all shares that are not in ``filtered``.
    """

    blob: BlobId
    requested: frozenset[int]
    filtered: frozenset[int]
    return_available: bool

    def has(self, column: int) -> bool:
        return column in self.requested or (self.return_available and column not in self.filtered)


def read_peer_id(value: Any, path: str) -> str:
    peer = text(value, path)
    try:
        peer_id_from_text(peer)
    except ValueError:
        shown = json.dumps(peer, ensure_ascii=False)
        raise JsonError(f"invalid value: string {shown}, expected valid peer id", path) from None
    return peer


def read_blob_message(value: Any, path: str) -> BlobMessage:
    found = _blob_message(value, path)
    return BlobMessage(ChannelId(found["channel_id"]), MsgId(found["parent_msg_id"]), found["data"])


def read_blob(value: Any, path: str) -> BlobId:
    return BlobId(_commitments_request(value, path)["blob_id"])


def read_blob_in_session(value: Any, path: str) -> tuple[BlobId, int]:
    found = _session_commitments_request(value, path)
    return BlobId(found["blob_id"]), found["session"]


def read_share_of_blob(value: Any, path: str) -> tuple[BlobId, int]:
    found = _share_request(value, path)
    return BlobId(found["blob_id"]), found["share_idx"]


def read_selection(value: Any, path: str) -> ShareSelection:
    found = _shares_request(value, path)
    requested, filtered = frozenset(found["requested_shares"]), frozenset(found["filter_shares"])
    return ShareSelection(BlobId(found["blob_id"]), requested, filtered, found["return_available"])


def read_historic_blobs(value: Any, path: str) -> dict[BlobId, int]:
    """Read blobs with their sessions. The block that the request names makes no difference."""
    return dict(_historic_request(value, path)["blob_ids"])


def _flag(value: Any, path: str) -> bool:
    if not isinstance(value, bool):
        raise wrong_type(value, path, "a boolean")
    return value


def _blob_and_session(value: Any, path: str) -> tuple[BlobId, int]:
    if not isinstance(value, list):
        raise wrong_type(value, path, "a tuple of size 2")
    if len(value) != 2:
        raise JsonError(f"invalid length {len(value)}, expected a tuple of size 2", path)
    return BlobId(_blob_id(value[0], f"{path}[0]")), u64(value[1], f"{path}[1]")


_blob_id = byte_array(_BLOB_ID_BYTES)
_indices = sequence(share_index_from_json)
_blob_message = record(
    "DispersalRequestBody",
    {
        "channel_id": hex32,
        "parent_msg_id": hex32,
        "signer": parsed_text(ed25519_public_from_hex),
        "data": byte_list,
    },
)
_commitments_request = record("DASharesCommitmentsRequest", {"blob_id": _blob_id})
_session_commitments_request = record("GetCommitmentsRequest", {"blob_id": _blob_id, "session": u64})
_share_request = record("DaSamplingRequest", {"blob_id": _blob_id, "share_idx": share_index_from_json})
_shares_request = record(
    "GetSharesRequest",
    {"blob_id": _blob_id, "requested_shares": _indices, "filter_shares": _indices, "return_available": _flag},
)
_historic_request = record("HistoricSamplingRequest", {"block_id": hex32, "blob_ids": sequence(_blob_and_session)})
