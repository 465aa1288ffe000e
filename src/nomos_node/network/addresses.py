"""Multiaddresses of QUIC endpoints: ``/ip4/<address>/udp/<port>/quic-v1``, with or without ``/p2p/<peer id>``."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

_HOST_PROTOCOLS = frozenset({"ip4", "ip6", "dns", "dns4", "dns6"})
_EXPECTED = "expected /ip4|ip6|dns|dns4|dns6/<host>/udp/<port>/quic-v1, optionally followed by /p2p/<peer id>"


class AddressError(ValueError):
    """Error: a text is not the multiaddress of a QUIC endpoint."""


@dataclass(frozen=True, slots=True)
class QuicEndpoint:
    """Address at which a peer listens. ``host`` is an IP address or, for the dns protocols, a name."""

    protocol: str
    host: str
    port: int
    peer_id: str | None = None

    def __str__(self) -> str:
        suffix = "" if self.peer_id is None else f"/p2p/{self.peer_id}"
        return f"/{self.protocol}/{self.host}/udp/{self.port}/quic-v1{suffix}"


def parse_endpoint(text: str) -> QuicEndpoint:
    """Read a multiaddress.

    Raises:
        AddressError: ``text`` has other parts than those of a QUIC endpoint, or a bad host or port.
    """
    match text.rstrip("/").split("/"):
        case ["", protocol, host, "udp", port, "quic-v1"]:
            peer_id = None
        case ["", protocol, host, "udp", port, "quic-v1", "p2p", peer_id]:
            pass
        case _:
            raise AddressError(f"{text!r}: {_EXPECTED}")
    if protocol not in _HOST_PROTOCOLS or not host or not _host_fits(protocol, host):
        raise AddressError(f"{text!r}: bad host {host!r} for {protocol!r}; {_EXPECTED}")
    if not (port.isascii() and port.isdigit() and int(port) <= 65_535):
        raise AddressError(f"{text!r}: bad UDP port {port!r}; expected 0 to 65535")
    return QuicEndpoint(protocol, host, int(port), peer_id)


def endpoint_of(host: str, port: int) -> QuicEndpoint:
    """Return the endpoint of an IP address and a UDP port."""
    return QuicEndpoint(f"ip{ipaddress.ip_address(host).version}", host, port)


def _host_fits(protocol: str, host: str) -> bool:
    if protocol.startswith("dns"):
        return True
    try:
        return f"ip{ipaddress.ip_address(host).version}" == protocol
    except ValueError:
        return False
