"""Host of the real network: py-libp2p, and only as much of it as a QUIC gossip host uses.

``import libp2p`` runs the ``__init__`` of the package. It loads every transport, HTTP clients for certificate
authorities, mDNS, relays, metrics exporters and DNS: 0.25 s and 30 MB for a node that speaks QUIC to configured
addresses. Python can't import a submodule without its package. So an import hook answers for some names: packages are
made without running their ``__init__``, and modules that this host never calls are empty.

The hook must be installed before the first import of libp2p, so this module installs it. If libp2p is imported already,
nothing changes.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

_WITHOUT_INIT = (
    "libp2p",
    "libp2p.discovery",
    "libp2p.discovery.bootstrap",
    "libp2p.discovery.mdns",
    "libp2p.discovery.upnp",
    "libp2p.relay",
    "libp2p.relay.circuit_v2",
    "libp2p.transport",
)
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


class _LeanImport(MetaPathFinder, Loader):
    """Import hook that loads the modules above. It leaves all others to Python."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname in _NEVER_CALLED:
            return ModuleSpec(fullname, self)
        if fullname not in _WITHOUT_INIT:
            return None
        spec = PathFinder.find_spec(fullname, path)
        if spec is not None:
            spec.loader = self
        return spec

    def exec_module(self, module: ModuleType) -> None:
        if module.__name__ in _NEVER_CALLED:
            module.__dict__["__getattr__"] = partial(_empty_class, module.__name__)


def _empty_class(module: str, name: str) -> type:
    """Make what importers get for any name of an empty module."""
    if name.startswith("__"):
        raise AttributeError(name)
    return type(name, (), {"__module__": module})


if "libp2p" not in sys.modules:
    sys.meta_path.insert(0, _LeanImport())
