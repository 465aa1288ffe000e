"""The answers of a node's HTTP API as values, and their reading from JSON.

Unknown keys are ignored, because the API may grow. A missing key or a wrong type raises, and the client reports it as
``NodeAnswerInvalid``.
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

__all__ = [
    "ConsensusInfo",
    "LibUpdate",
    "Membership",
    "MempoolMetrics",
    "Mode",
    "NetworkInfo",
    "PeerFailureRates",
    "SubnetworkConnections",
    "TransactionStatus",
    "WalletBalance",
]


class Mode(StrEnum):
    """The mode of a node's chain service."""

    BOOTSTRAPPING = "Bootstrapping"
    """It catches up with its peers."""
    ONLINE = "Online"
    """It follows the chain."""


@dataclass(frozen=True, slots=True)
class ConsensusInfo:
    """The state of a node's chain."""

    lib: HeaderId
    """Last irreversible block."""
    tip: HeaderId
    """Last block of the chain that the node follows."""
    slot: int
    """Slot of the tip, not of the clock."""
    height: int
    """Height of the tip; genesis has 0."""
    mode: Mode
    """Mode of the node."""

    @classmethod
    def from_json(cls, value: Any) -> ConsensusInfo:
        """Read it from the node's JSON."""
        return cls(
            lib=header_id(value["lib"]),
            tip=header_id(value["tip"]),
            slot=int(value["slot"]),
            height=int(value["height"]),
            mode=Mode(value["mode"]),
        )


@dataclass(frozen=True, slots=True)
class NetworkInfo:
    """The state of a node's network."""

    listen_addresses: tuple[str, ...]
    """Multiaddresses on which it listens."""
    n_peers: int
    """Number of peers."""
    n_connections: int
    """Number of connections."""
    n_pending_connections: int
    """Number of connections that are being made."""

    @classmethod
    def from_json(cls, value: Any) -> NetworkInfo:
        """Read it from the node's JSON."""
        return cls(
            listen_addresses=tuple(value["listen_addresses"]),
            n_peers=int(value["n_peers"]),
            n_connections=int(value["n_connections"]),
            n_pending_connections=int(value["n_pending_connections"]),
        )


@dataclass(frozen=True, slots=True)
class MempoolMetrics:
    """The state of a mempool."""

    pending_items: int
    """Items that wait for a block."""
    last_item_timestamp: int
    """When the last item came, in milliseconds since 1970; 0 before the first item."""

    @classmethod
    def from_json(cls, value: Any) -> MempoolMetrics:
        """Read it from the node's JSON."""
        return cls(int(value["pending_items"]), int(value["last_item_timestamp"]))


@dataclass(frozen=True, slots=True)
class TransactionStatus:
    """The state of a transaction in a node. A proposer leaves its own ``Pending``, so this never shows inclusion."""

    state: str
    """``Unknown``, ``Pending``, ``Rejected`` or ``InBlock``."""
    block: HeaderId | None = None
    """The block that contains it."""

    @classmethod
    def from_json(cls, value: Any) -> TransactionStatus:
        """Read it from the node's JSON."""
        if isinstance(value, str):
            return cls(value)
        ((state, detail),) = value.items()
        return cls(state, header_id(detail["block"]))


@dataclass(frozen=True, slots=True)
class WalletBalance:
    """The balance of a key."""

    tip: HeaderId
    """The block as of which it holds."""
    balance: int
    """Tokens."""
    address: ZkPublicKey
    """The public key."""

    @classmethod
    def from_json(cls, value: Any) -> WalletBalance:
        """Read it from the node's JSON."""
        address = ZkPublicKey(field.from_hex(value["address"]))
        return cls(header_id(value["tip"]), int(value["balance"]), address)


@dataclass(frozen=True, slots=True)
class SubnetworkConnections:
    """Connections of a node in one subnetwork."""

    inbound: int
    """Opened by peers."""
    outbound: int
    """Opened by the node."""


@dataclass(frozen=True, slots=True)
class PeerFailureRates:
    """Failures of a peer per second, as the node's fixed-point text."""

    dispersal: str
    """Of dispersal."""
    sampling: str
    """Of sampling."""
    replication: str
    """Of replication."""


@dataclass(frozen=True, slots=True)
class Membership:
    """The peers that serve each data availability subnetwork in a session."""

    assignations: Mapping[int, tuple[str, ...]]
    """Subnetwork to peer ids."""
    addressbook: Mapping[str, str]
    """Peer id to multiaddress."""

    @classmethod
    def from_json(cls, value: Any) -> Membership:
        """Read it from the node's JSON."""
        return cls(
            {int(subnetwork): tuple(peers) for subnetwork, peers in value["assignations"].items()},
            dict(value["addressbook"]),
        )


@dataclass(frozen=True, slots=True)
class LibUpdate:
    """The last irreversible block moved."""

    height: int
    """Height of the block."""
    header_id: HeaderId
    """Id of the block."""

    @classmethod
    def from_json(cls, value: Any) -> LibUpdate:
        """Read it from the node's JSON."""
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
    """Write a column index as requests have it: the two bytes of its number."""
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
