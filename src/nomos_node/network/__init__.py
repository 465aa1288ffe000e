"""Network of the node: gossip and request streams over libp2p QUIC, for asyncio code.

Only this package uses trio and libp2p. ``NetworkService`` runs a py-libp2p host in a thread of its own. Everything else
here is plain values and interfaces. Names are loaded on first use, so that importing the package costs nothing.
``preload`` imports the heavy part and starts neither a thread nor an event loop, so that a process may fork nodes after
it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nomos_node.network.addresses import AddressError, QuicEndpoint, parse_endpoint
    from nomos_node.network.errors import (
        FrameTooLarge,
        ListenAddressUnavailable,
        MessageTooLarge,
        NetworkClosed,
        NetworkError,
        PeerUnreachable,
        RequestFailed,
        StreamBroken,
    )
    from nomos_node.network.events import GossipMessage, NetworkInfo, PeerConnected, PeerDisconnected, PeerEvent
    from nomos_node.network.feed import Feed
    from nomos_node.network.service import NetworkService
    from nomos_node.network.settings import GossipsubSettings, NetworkSettings
    from nomos_node.network.streams import Stream

_HOMES = {
    "addresses": ("AddressError", "QuicEndpoint", "parse_endpoint"),
    "errors": (
        "FrameTooLarge",
        "ListenAddressUnavailable",
        "MessageTooLarge",
        "NetworkClosed",
        "NetworkError",
        "PeerUnreachable",
        "RequestFailed",
        "StreamBroken",
    ),
    "events": ("GossipMessage", "NetworkInfo", "PeerConnected", "PeerDisconnected", "PeerEvent"),
    "feed": ("Feed",),
    "service": ("NetworkService",),
    "settings": ("GossipsubSettings", "NetworkSettings"),
    "streams": ("Stream",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "AddressError",
    "Feed",
    "FrameTooLarge",
    "GossipMessage",
    "GossipsubSettings",
    "ListenAddressUnavailable",
    "MessageTooLarge",
    "NetworkClosed",
    "NetworkError",
    "NetworkInfo",
    "NetworkService",
    "NetworkSettings",
    "PeerConnected",
    "PeerDisconnected",
    "PeerEvent",
    "PeerUnreachable",
    "QuicEndpoint",
    "RequestFailed",
    "Stream",
    "StreamBroken",
    "parse_endpoint",
    "preload",
]


def preload() -> None:
    """Import trio and libp2p now. Starts no thread and no event loop: safe before ``os.fork``."""
    import_module("nomos_node.network.libp2p_host.host")


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)
