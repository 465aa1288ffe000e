"""The nodes of a scenario, their connections, keys and ports, and the accounts that hold the tokens.

``TopologySpec`` says what a scenario asks for. ``nomos_testing.configgen`` makes a ``GeneratedTopology`` from it: the
network that is started.
"""

from nomos_testing.topology.addresses import NodeAddresses
from nomos_testing.topology.generated import GeneratedNode, GeneratedTopology
from nomos_testing.topology.layouts import Layout
from nomos_testing.topology.placement import PodPlacement
from nomos_testing.topology.ports import NodePorts, PortReservation, own_hosts, reserve_ports
from nomos_testing.topology.presets import DataAvailability
from nomos_testing.topology.spec import TopologyError, TopologySpec, with_sampling_delay
from nomos_testing.topology.wallets import WalletAccount, WalletSpec

__all__ = [
    "DataAvailability",
    "GeneratedNode",
    "GeneratedTopology",
    "Layout",
    "NodeAddresses",
    "NodePorts",
    "PodPlacement",
    "PortReservation",
    "TopologyError",
    "TopologySpec",
    "WalletAccount",
    "WalletSpec",
    "own_hosts",
    "reserve_ports",
    "with_sampling_delay",
]
