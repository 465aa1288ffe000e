"""The data-availability parameters of a network, and the presets by which networks of common sizes are made.

A blob has ``num_subnets`` columns. Peers are assigned to ``subnetwork_size`` subnetworks, ``dispersal_factor`` of them
to each; the number of subnetworks grows with the network so that every node is in one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class DataAvailability:
    """``balancer_interval`` is in seconds, ``sampling_delay`` too, for slots of one second or more."""

    subnetwork_size: int = 2
    dispersal_factor: int = 1
    num_samples: int = 1
    num_subnets: int = 2
    min_dispersal_peers: int = 1
    """What executors ask for; validators disperse nothing and ask for none."""
    min_replication_peers: int = 1
    balancer_interval: float = 1.0
    sampling_delay: float = 5.0
    """From the moment a node sees a blob's transaction to its first sample."""

    def subnetworks(self, nodes: int) -> int:
        return max(self.subnetwork_size, nodes, 1)


def preset_for(nodes: int) -> DataAvailability:
    """The preset by node count, which scenarios get unless they choose another."""
    if nodes <= 1:
        return DataAvailability(
            subnetwork_size=1, num_subnets=1, dispersal_factor=1, min_dispersal_peers=0, min_replication_peers=0
        )
    return replace(two_nodes(), dispersal_factor=min(nodes, 2))


def two_nodes() -> DataAvailability:
    """Two validators, or a validator and an executor: both are members of both subnetworks."""
    return DataAvailability(dispersal_factor=2)


def many_subnetworks(*, num_subnets: int, dispersal_factor: int) -> DataAvailability:
    """Validators and one executor, which disperses to every subnetwork."""
    return DataAvailability(
        subnetwork_size=num_subnets,
        num_subnets=num_subnets,
        dispersal_factor=dispersal_factor,
        min_dispersal_peers=num_subnets,
        min_replication_peers=dispersal_factor - 1,
        balancer_interval=5.0,
    )
