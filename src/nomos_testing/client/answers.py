"""The answers of a node's HTTP API as values, and how they are read from JSON.

Reading is lenient where the API may grow (unknown keys are ignored) and strict about what it promises: a missing key or
a wrong type raises, and the client reports it as ``NodeAnswerInvalid``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from nomos_core import field
from nomos_core.identifiers import BlobId, HeaderId, TxHash, ZkPublicKey, bytes_from_hex

if TYPE_CHECKING:
    from nomos_core.da.shares import LightShare


class Mode(StrEnum):
    BOOTSTRAPPING = "Bootstrapping"
    ONLINE = "Online"


@dataclass(frozen=True, slots=True)
class ConsensusInfo:
    lib: HeaderId
    tip: HeaderId
    slot: int
    """The slot of the tip, not of the clock."""
    height: int
    mode: Mode

    @classmethod
    def from_json(cls, value: Any) -> ConsensusInfo:
        return cls(
            lib=header_id(value["lib"]),
            tip=header_id(value["tip"]),
            slot=int(value["slot"]),
            height=int(value["height"]),
            mode=Mode(value["mode"]),
        )


@dataclass(frozen=True, slots=True)
class NetworkInfo:
    listen_addresses: tuple[str, ...]
    n_peers: int
    n_connections: int
    n_pending_connections: int

    @classmethod
    def from_json(cls, value: Any) -> NetworkInfo:
        return cls(
            listen_addresses=tuple(value["listen_addresses"]),
            n_peers=int(value["n_peers"]),
            n_connections=int(value["n_connections"]),
            n_pending_connections=int(value["n_pending_connections"]),
        )


@dataclass(frozen=True, slots=True)
class MempoolMetrics:
    pending_items: int
    last_item_timestamp: int
    """Milliseconds since 1970; 0 before the first item."""

    @classmethod
    def from_json(cls, value: Any) -> MempoolMetrics:
        return cls(int(value["pending_items"]), int(value["last_item_timestamp"]))


@dataclass(frozen=True, slots=True)
class TransactionStatus:
    """What a node says of a transaction. A proposer leaves its own ones ``Pending``: never judge inclusion by it."""

    state: str
    """``Unknown``, ``Pending``, ``Rejected`` or ``InBlock``."""
    block: HeaderId | None = None

    @classmethod
    def from_json(cls, value: Any) -> TransactionStatus:
        if isinstance(value, str):
            return cls(value)
        ((state, detail),) = value.items()
        return cls(state, header_id(detail["block"]))


@dataclass(frozen=True, slots=True)
class WalletBalance:
    tip: HeaderId
    balance: int
    address: ZkPublicKey

    @classmethod
    def from_json(cls, value: Any) -> WalletBalance:
        address = ZkPublicKey(field.from_hex(value["address"]))
        return cls(header_id(value["tip"]), int(value["balance"]), address)


@dataclass(frozen=True, slots=True)
class SubnetworkConnections:
    inbound: int
    outbound: int


@dataclass(frozen=True, slots=True)
class PeerFailureRates:
    """Failures a second, as the fixed-point text of the node."""

    dispersal: str
    sampling: str
    replication: str


@dataclass(frozen=True, slots=True)
class Membership:
    """Who serves which data availability subnetwork in a session."""

    assignations: Mapping[int, tuple[str, ...]]
    """Subnetwork to peer ids."""
    addressbook: Mapping[str, str]
    """Peer id to multiaddress."""

    @classmethod
    def from_json(cls, value: Any) -> Membership:
        return cls(
            {int(subnetwork): tuple(peers) for subnetwork, peers in value["assignations"].items()},
            dict(value["addressbook"]),
        )


@dataclass(frozen=True, slots=True)
class LibUpdate:
    """The last immutable block moved."""

    height: int
    header_id: HeaderId

    @classmethod
    def from_json(cls, value: Any) -> LibUpdate:
        return cls(int(value["height"]), header_id(value["header_id"]))


def header_id(value: Any) -> HeaderId:
    return HeaderId(bytes_from_hex(value))


def header_ids(value: Any) -> tuple[HeaderId, ...]:
    return tuple(map(header_id, value))


def tx_hash_from_json(value: Any) -> TxHash:
    return TxHash(field.from_hex(value["hash"]))


def blob_id(value: Any) -> BlobId:
    identifier = bytes(value)
    if len(identifier) != 32:
        raise ValueError(f"expected a blob id of 32 bytes, got {len(identifier)}")
    return BlobId(identifier)


def share_index(index: int) -> list[int]:
    """How a request names a column: the two bytes of its number."""
    return list(index.to_bytes(2, "little"))


def some_light_share(value: Any) -> LightShare:
    from nomos_core.da.shares_json import light_share_from_json

    return light_share_from_json(value)


def light_share(value: Any) -> LightShare | None:
    return None if value is None else some_light_share(value)


def commitments(value: Any) -> tuple[bytes, ...] | None:
    from nomos_core.da.shares_json import commitments_from_json

    return None if value is None else commitments_from_json(value)


def balancer_stats(value: Any) -> Mapping[int, SubnetworkConnections]:
    return {
        int(subnetwork): SubnetworkConnections(int(stats["inbound"]), int(stats["outbound"]))
        for subnetwork, stats in value.items()
    }


def monitor_stats(value: Any) -> Mapping[str, PeerFailureRates]:
    return {
        peer: PeerFailureRates(
            str(rates["dispersal_failure_rate"]),
            str(rates["sampling_failure_rate"]),
            str(rates["replication_failure_rate"]),
        )
        for peer, rates in value.items()
    }


def strings(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TypeError(f"expected a list, got {type(value).__name__}")
    return tuple(map(str, value))


def boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"expected true or false, got {value!r}")
    return value
