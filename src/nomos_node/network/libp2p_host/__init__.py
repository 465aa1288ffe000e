"""The trio side of the network: py-libp2p, and only as much of it as a QUIC gossip host uses.

``import libp2p`` runs the package's ``__init__``, which loads every transport, HTTP clients for certificate
authorities, mDNS, relays, metrics exporters and DNS: 0.25 s and 30 MB for a node that speaks QUIC to configured
addresses. So the two packages whose ``__init__`` does that are registered without running it, and modules this host
never calls are replaced by empty ones. Nothing is changed when libp2p has been imported already.
"""

from __future__ import annotations

import sys
from importlib.machinery import PathFinder
from types import ModuleType
from typing import Any

_WITHOUT_INIT = ("libp2p", "libp2p.transport")
_NEVER_CALLED = (
    "libp2p.discovery.bootstrap.bootstrap",
    "libp2p.discovery.mdns.mdns",
    "libp2p.discovery.upnp.upnp",
    "libp2p.rcmgr.prometheus_exporter",
    "libp2p.relay.circuit_v2.nat",
    "libp2p.security.tls.autotls.acme",
    "libp2p.security.tls.autotls.broker",
    "multiaddr.resolvers",
)


class _Unused(ModuleType):
    """A module of which importers get empty classes."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {"__module__": self.__name__})


def _register_without_init(name: str) -> None:
    parent, _, child = name.rpartition(".")
    spec = PathFinder.find_spec(name, sys.modules[parent].__path__ if parent else None)
    if spec is None or spec.submodule_search_locations is None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    package = ModuleType(name)
    package.__spec__ = spec
    package.__path__ = list(spec.submodule_search_locations)
    sys.modules[name] = package
    if parent:
        setattr(sys.modules[parent], child, package)


def _prepare_lean_import() -> None:
    if "libp2p" in sys.modules:
        return
    for name in _WITHOUT_INIT:
        _register_without_init(name)
    for name in _NEVER_CALLED:
        sys.modules.setdefault(name, _Unused(name))


_prepare_lean_import()
