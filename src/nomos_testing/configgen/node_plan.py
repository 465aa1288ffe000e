"""The decisions about one node from which its configuration is made."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from nomos_core import field
from nomos_core.node_identity import NodeIdentity
from nomos_testing.cluster.interfaces import Role
from nomos_testing.configgen.options import ConfigOptions
from nomos_testing.configgen.wallet_keys import WalletKeys
from nomos_testing.topology.addresses import NodeAddresses
from nomos_testing.topology.ports import NodePorts
from nomos_testing.topology.spec import TopologySpec

if TYPE_CHECKING:
    from nomos_core.config import Genesis, UtcTime


def quic_address(port: int, host: str) -> str:
    """Return the multiaddress of a libp2p swarm."""
    return f"/ip4/{host}/udp/{port}/quic-v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkPlan:
    """The decisions that all nodes of a network share."""

    spec: TopologySpec
    options: ConfigOptions
    genesis: Genesis
    chain_start: UtcTime
    wallet_keys: WalletKeys


@dataclass(frozen=True, kw_only=True)
class NodePlan:
    """The decisions about one node."""

    network: NetworkPlan
    role: Role
    index: int
    position: int
    """The node's number among all nodes of the network."""
    identity: NodeIdentity
    ports: NodePorts
    addresses: NodeAddresses
    initial_peers: tuple[str, ...]
    expected_peers: int
    directory: Path | None
    """None: paths in the configuration are relative to the directory that the node is started in."""

    @property
    def spec(self) -> TopologySpec:
        return self.network.spec

    @property
    def options(self) -> ConfigOptions:
        return self.network.options

    @cached_property
    def provider_key_id(self) -> str:
        """The id of the provider's zero-knowledge key in ``key_management``: its public key in hex."""
        return field.to_hex(self.identity.provider.public)

    def listening_address(self, port: int) -> str:
        """Return the address at which a swarm other than the chain's listens."""
        return quic_address(port, self.addresses.services)

    def path(self, name: str) -> str:
        """Return the path of a file in the node's directory, or of the directory itself if ``name`` is empty."""
        return f"./{name}" if self.directory is None else str(self.directory / name)
