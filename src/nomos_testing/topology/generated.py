"""A network that is ready to be started: each node's identity, ports and configuration, and their common genesis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nomos_core.mantle.transactions import SignedMantleTx
from nomos_core.node_identity import NodeIdentity
from nomos_testing.cluster.interfaces import Role
from nomos_testing.topology.addresses import NodeAddresses
from nomos_testing.topology.ports import NodePorts
from nomos_testing.topology.spec import TopologySpec
from nomos_testing.topology.wallets import WalletAccount

if TYPE_CHECKING:
    from nomos_core.config import NodeConfig, UtcTime


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratedNode:
    """One node that is ready to be started."""

    role: Role
    index: int
    """Its number among the nodes of its role, from 0."""
    identity: NodeIdentity = field(repr=False)
    ports: NodePorts
    addresses: NodeAddresses
    config: NodeConfig = field(repr=False)
    expected_peers: int
    """The number of its connections when all nodes run."""

    @property
    def name(self) -> str:
        """The node's name, like ``validator-0``."""
        return f"{self.role}-{self.index}"

    @property
    def host(self) -> str | None:
        """The address that it binds and dials from behind a relay; None without one."""
        return self.addresses.chain if self.addresses.relayed else None

    @property
    def label(self) -> str:
        """The node's name with its libp2p port, like ``validator#0@3000``."""
        return f"{self.role}#{self.index}@{self.ports.network}"

    def config_yaml(self) -> str:
        from nomos_core.config import dump_config

        return dump_config(self.config)


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratedTopology:
    """One network that is ready to be started."""

    spec: TopologySpec
    nodes: Sequence[GeneratedNode]
    """Validators first, then executors."""
    genesis_tx: SignedMantleTx = field(repr=False)
    chain_start: UtcTime
    """When slot 0 begins."""
    wallet_accounts: Sequence[WalletAccount] = field(repr=False)

    @property
    def validators(self) -> tuple[GeneratedNode, ...]:
        return tuple(node for node in self.nodes if node.role is Role.VALIDATOR)

    @property
    def executors(self) -> tuple[GeneratedNode, ...]:
        return tuple(node for node in self.nodes if node.role is Role.EXECUTOR)

    @property
    def expected_peer_counts(self) -> tuple[int, ...]:
        return tuple(node.expected_peers for node in self.nodes)
