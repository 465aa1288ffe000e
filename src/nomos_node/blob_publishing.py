"""Work of ``nomos-cli``: requests to an executor, and files of shares."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from nomos_core.da.encoding import padded_to_chunks
from nomos_core.da.shares import Share
from nomos_core.da.shares_json import share_from_json
from nomos_core.identifiers import BlobId, bytes_from_hex
from nomos_core.keys import ed25519_public_from_hex
from nomos_core.mantle.json_reading import JsonError, byte_array, sequence

T = TypeVar("T")
PATH: Final = "/disperse-data"
PATIENCE: Final = 90.0
"""Seconds to wait for an answer: a dispersal with all its retries."""
_INDEX_BYTES: Final = 8
_REASONS: Final = {404: "that is no executor, and only executors disperse data"}
"""Reasons for statuses that nodes send without a text."""


class PublishingFailed(Exception):
    """Error: the executor did not take the data, or an argument is invalid. The message says which."""


@dataclass(frozen=True, slots=True)
class Executor:
    """Base URL of an executor, and the credentials for a proxy in front of it."""

    url: str
    username: str | None = None
    password: str | None = None


def blob_request(channel: str, parent: str, signer: str, data: bytes) -> dict[str, Any]:
    """Make the JSON of a request to disperse ``data``, padded to whole chunks.

    Raises:
        PublishingFailed: one of the hex arguments can't be read, or there is no data.
    """
    if not data:
        raise PublishingFailed("there is no data to publish: 0 bytes")
    return {
        "channel_id": _hex("--channel-id", channel, bytes_from_hex).hex(),
        "parent_msg_id": _hex("--parent-msg-id", parent, bytes_from_hex).hex(),
        "signer": _hex("--signer", signer, ed25519_public_from_hex).hex(),
        "data": list(padded_to_chunks(data)),
    }


def disperse(executor: Executor, blob_request: dict[str, Any]) -> BlobId:
    """Send a request to disperse a blob and return the blob's id.

    Raises:
        PublishingFailed: the executor can't be reached or refuses, with its reason.
    """
    if urlsplit(executor.url).scheme not in {"http", "https"}:
        raise PublishingFailed(f"--addr {executor.url}: expected a URL like http://127.0.0.1:18080")
    url = executor.url.rstrip("/") + PATH
    request = urllib.request.Request(url, json.dumps(blob_request).encode(), _headers(executor))
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return _blob_id(answer.read())
    except urllib.error.HTTPError as error:
        reason = error.read().decode("utf-8", "replace") or _REASONS.get(error.code, error.reason)
        raise PublishingFailed(f"{url} answered {error.code}: {reason}") from None
    except urllib.error.URLError as error:
        raise PublishingFailed(f"{url}: {getattr(error.reason, 'strerror', None) or error.reason}") from None
    except (OSError, ValueError) as error:
        raise PublishingFailed(f"{url}: {error or type(error).__name__}") from None


def shares_from_text(text: bytes) -> list[Share]:
    """Read the shares of ``[[index, [share, ...]], ...]``. The indices are ignored.

    Raises:
        ValueError: the text is no JSON, or something else.
    """
    try:
        value = json.loads(text)
    except ValueError as error:
        raise ValueError(f"the shares are no JSON: {error}") from None
    return [share for shares in sequence(_indexed_shares)(value, "") for share in shares]


def _indexed_shares(value: Any, path: str) -> tuple[Share, ...]:
    if not isinstance(value, list) or len(value) != 2:
        raise JsonError("expected a list of an index and its shares", path)
    byte_array(_INDEX_BYTES)(value[0], f"{path}[0]")
    return sequence(share_from_json)(value[1], f"{path}[1]")


def _headers(executor: Executor) -> dict[str, str]:
    headers = {"content-type": "application/json"}
    if executor.username is not None:
        credentials = f"{executor.username}:{executor.password or ''}".encode()
        headers["authorization"] = f"Basic {base64.b64encode(credentials).decode()}"
    return headers


def _hex(option: str, text: str, parse: Callable[[str], T]) -> T:
    try:
        return parse(text)
    except ValueError as error:
        raise PublishingFailed(f"{option} {text}: {error}, expected 64 hex digits") from None


def _blob_id(body: bytes) -> BlobId:
    return BlobId(byte_array(32)(json.loads(body), ""))
