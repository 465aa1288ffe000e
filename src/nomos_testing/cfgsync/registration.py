"""The announcement of a node's container, as JSON: ``{"ip": "172.18.0.5", "identifier": "validator-0", ...}``."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, Self

from nomos_testing.cluster.roles import Role
from nomos_testing.topology.ports import NodePorts

DEFAULT_NETWORK_PORT: Final = 3000
DEFAULT_DA_PORT: Final = 3300
DEFAULT_BLEND_PORT: Final = 3400
DEFAULT_API_PORT: Final = 18_080
DEFAULT_TESTING_HTTP_PORT: Final = 18_081

_HIGHEST_PORT: Final = 65_535
_SUFFIX: Final = re.compile(r"-([0-9]+)\Z")


class RegistrationError(ValueError):
    """A registration is not valid. The text begins with the field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """One host. A port of None means the port that the server's file gives, or the default."""

    role: Role
    ip: str
    """IPv4."""
    identifier: str
    network_port: int | None = None
    da_port: int | None = None
    blend_port: int | None = None
    api_port: int | None = None
    testing_http_port: int | None = None

    @classmethod
    def from_json(cls, value: Any, role: Role) -> Self:
        """Read what the client sent.

        Raises:
            RegistrationError: it is no object, or a field is missing or not valid.
        """
        if not isinstance(value, dict):
            raise RegistrationError(f"expected a JSON object, got {type(value).__name__}")
        ports = {name: _port(value, name) for name in _PORTS}
        return cls(role=role, ip=_ip(value), identifier=_identifier(value), **ports)

    def to_json(self) -> dict[str, Any]:
        """Return what the client sends. The role is in the request's path."""
        return {item.name: getattr(self, item.name) for item in fields(self) if item.name != "role"}

    @property
    def order(self) -> tuple[bool, int, str, str]:
        """The key to sort by: validators first, then the number at the identifier's end. Names without one are last."""
        number = _SUFFIX.search(self.identifier)
        return (self.role is Role.EXECUTOR, int(number[1]) if number else 2**64, self.identifier, self.ip)

    def ports(self, *, da: int | None, blend: int | None) -> NodePorts:
        """Return the host's ports, with ``da`` and ``blend`` for those that it named none for."""
        return NodePorts(
            network=self.network_port or DEFAULT_NETWORK_PORT,
            da=self.da_port or da or DEFAULT_DA_PORT,
            blend=self.blend_port or blend or DEFAULT_BLEND_PORT,
            api=self.api_port or DEFAULT_API_PORT,
            testing_http=self.testing_http_port or DEFAULT_TESTING_HTTP_PORT,
        )

    def __str__(self) -> str:
        return f"{self.identifier} at {self.ip}"


_PORTS: Final = ("network_port", "da_port", "blend_port", "api_port", "testing_http_port")


def _ip(value: Mapping[str, Any]) -> str:
    text = value.get("ip")
    try:
        return str(ipaddress.IPv4Address(text if isinstance(text, str) else ""))
    except ValueError:
        raise RegistrationError(f"ip: expected an IPv4 address, got {text!r}") from None


def _identifier(value: Mapping[str, Any]) -> str:
    text = value.get("identifier")
    if not isinstance(text, str) or not text:
        raise RegistrationError(f"identifier: expected a name like validator-0, got {text!r}")
    return text


def _port(value: Mapping[str, Any], name: str) -> int | None:
    port = value.get(name)
    if port is None:
        return None
    if isinstance(port, bool) or not isinstance(port, int) or not 0 < port <= _HIGHEST_PORT:
        raise RegistrationError(f"{name}: expected a port from 1 to {_HIGHEST_PORT} or null, got {port!r}")
    return port
