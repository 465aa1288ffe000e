"""Name resolution: from the host part of a multiaddress to an IP address, and from a wildcard to this machine's
addresses.
"""

from __future__ import annotations

import ipaddress
import socket

import trio

from nomos_node.network.addresses import QuicEndpoint, endpoint_of
from nomos_node.network.errors import PeerUnreachable


async def resolve(endpoint: QuicEndpoint) -> str:
    """Return the IP address of an endpoint. Names are looked up.

    Raises:
        PeerUnreachable: the name is not known.
    """
    if endpoint.protocol.startswith("ip"):
        return endpoint.host
    family = {"dns4": socket.AF_INET, "dns6": socket.AF_INET6}.get(endpoint.protocol, socket.AF_UNSPEC)
    try:
        found = await trio.socket.getaddrinfo(endpoint.host, endpoint.port, family, socket.SOCK_DGRAM)
    except OSError as error:
        raise PeerUnreachable(f"cannot resolve {endpoint}: {error}") from error
    return str(found[0][4][0])


def reachable_endpoints(bound: QuicEndpoint) -> list[QuicEndpoint]:
    """Return the endpoints at which a socket can be reached. A wildcard stands for every address of this machine."""
    if not ipaddress.ip_address(bound.host).is_unspecified:
        return [bound]
    import psutil

    family = socket.AF_INET if bound.protocol == "ip4" else socket.AF_INET6
    entries = (entry for addresses in psutil.net_if_addrs().values() for entry in addresses)
    hosts = (entry.address.partition("%")[0] for entry in entries if entry.family == family)
    return [endpoint_of(host, bound.port) for host in hosts]
