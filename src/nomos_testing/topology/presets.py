"""The data-availability parameters of a network, and presets for networks of common sizes.

A blob has ``num_subnets`` columns. Column ``i`` goes to the members of subnetwork ``i``. There are ``subnetwork_size``
subnetworks, and each has at least ``dispersal_factor`` members. There must be as many subnetworks as columns, because a
real node samples in a subnetwork of its choice, and nobody serves a column that does not exist.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

_COLUMNS: Final = 2
"""The smallest blob: one column of data, and one of its extension."""
_PRACTICALLY_NEVER: Final = 1000
"""A limit of failures that no run reaches."""


class Preset(StrEnum):
    """The names of parameters in a scenario. Their numbers depend on the number of nodes."""

    STANDARD = "standard"
    """The parameters with which real nodes can sample; see ``standard_parameters``."""
    ORIGINAL = "original"
    """The parameters of the original framework; see ``original_parameters``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataAvailability:
    """The parameters. Durations are in seconds. Those of sampling shrink with slots shorter than one second."""

    subnetwork_size: int = 2
    """The number of subnetworks, not the number of members in each."""
    dispersal_factor: int = 1
    """The least number of members in each subnetwork."""
    num_samples: int = 1
    """The number of good samples that makes a blob available."""
    sampled_subnetworks: int | None = None
    """The number of subnetworks that a node asks for samples; None: ``num_samples``."""
    num_subnets: int = 2
    """The number of columns of a blob."""
    min_dispersal_peers: int = 1
    """The number of peers that an executor needs to disperse. Validators disperse nothing and need none."""
    min_replication_peers: int = 1
    balancer_interval: float = 1.0
    sampling_delay: float = 2.0
    """The time from a blob's transaction to a node's first sample."""
    sampling_stagger: float = 0.0
    """The time that each node waits longer than the node before it."""
    max_failures: int | None = None
    """The number of failures of one kind after which a node leaves a peer alone; None: ``DataAvailabilityLimits``'."""
    malicious_threshold: int | None = None
    """The number of failures after which a node bans a peer for ever; None: ``DataAvailabilityLimits``'."""


def named_parameters(name: str, nodes: int) -> DataAvailability:
    """Return the parameters of a preset.

    Raises:
        ValueError: there is no preset of this name.
    """
    return original_parameters(nodes) if Preset(name) is Preset.ORIGINAL else standard_parameters(nodes)


def standard_parameters(nodes: int) -> DataAvailability:
    """Return the parameters of scenarios that choose none.

    With the original's parameters real nodes lose blobs. From three nodes on these differ in five points. With one or
    two nodes they differ in the delay and in the limits only.

    * There are as many subnetworks as columns. With more, a node asks for a column that no blob has.
    * Every node is a member of every subnetwork. A real node passes shares on only if the dispersal reached it before
      the gossip of the blob's transaction did. With fewer members a column may have a single holder.
    * A node asks both subnetworks, and one good sample is enough. A real node drops a request silently while its queue
      for the peer is full.
    * The delay of 2 seconds is long enough for the shares to arrive, and leaves time for the block. The stagger keeps
      nodes from asking at the same time, which fills the queues.
    * No peer is banned. At the original's limit of 0, a real node bans a peer for ever after one failed read.
    """
    if nodes <= 2:
        return replace(
            original_parameters(nodes),
            sampling_delay=2.0,
            max_failures=_PRACTICALLY_NEVER,
            malicious_threshold=_PRACTICALLY_NEVER,
        )
    return DataAvailability(
        subnetwork_size=_COLUMNS,
        num_subnets=_COLUMNS,
        dispersal_factor=nodes,
        sampled_subnetworks=_COLUMNS,
        num_samples=1,
        sampling_delay=2.0,
        sampling_stagger=0.05,
        max_failures=_PRACTICALLY_NEVER,
        malicious_threshold=_PRACTICALLY_NEVER,
    )


def original_parameters(nodes: int) -> DataAvailability:
    """Return the original's parameters: as many subnetworks as nodes, two members in each, a delay of 5 seconds."""
    if nodes <= 1:
        return DataAvailability(
            subnetwork_size=1, num_subnets=1, min_dispersal_peers=0, min_replication_peers=0, sampling_delay=5.0
        )
    return DataAvailability(subnetwork_size=max(_COLUMNS, nodes), dispersal_factor=2, sampling_delay=5.0)


def two_nodes() -> DataAvailability:
    """Return the parameters of two nodes that are both members of both subnetworks."""
    return DataAvailability(dispersal_factor=2)


def many_subnetworks(*, num_subnets: int, dispersal_factor: int) -> DataAvailability:
    """Return the parameters of a network whose only executor disperses to every subnetwork."""
    return DataAvailability(
        subnetwork_size=num_subnets,
        num_subnets=num_subnets,
        dispersal_factor=dispersal_factor,
        min_dispersal_peers=num_subnets,
        min_replication_peers=dispersal_factor - 1,
        balancer_interval=5.0,
    )
