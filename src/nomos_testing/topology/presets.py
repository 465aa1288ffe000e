"""The data-availability parameters of a network, and the presets by which networks of common sizes are made.

A blob has ``num_subnets`` columns. Column ``i`` goes to the members of subnetwork ``i``; there are ``subnetwork_size``
subnetworks with at least ``dispersal_factor`` members each. Real nodes sample among the subnetworks, so that there
must be as many of them as columns: nobody serves a column that does not exist.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

_COLUMNS: Final = 2
"""The smallest blob: one column of data, and one of its extension."""
_PRACTICALLY_NEVER: Final = 1000
"""Failures of a peer."""


class Preset(StrEnum):
    """The parameters that a scenario can name; their numbers follow the number of nodes."""

    STANDARD = "standard"
    """With these, real nodes can sample; see ``standard_parameters``."""
    ORIGINAL = "original"
    """Those of the original framework; see ``original_parameters``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataAvailability:
    """The parameters. Times are in seconds; those of sampling shrink with slots shorter than one second."""

    subnetwork_size: int = 2
    """The number of subnetworks, not the number of members in each."""
    dispersal_factor: int = 1
    """The least number of members in each subnetwork."""
    num_samples: int = 1
    """A blob is available once so many samples were good."""
    sampled_subnetworks: int | None = None
    """A node asks for samples from so many subnetworks; None: from ``num_samples``."""
    num_subnets: int = 2
    """The number of columns of a blob."""
    min_dispersal_peers: int = 1
    """What executors ask for; validators disperse nothing and ask for none."""
    min_replication_peers: int = 1
    balancer_interval: float = 1.0
    sampling_delay: float = 2.0
    """From the moment a node sees a blob's transaction to its first sample."""
    sampling_stagger: float = 0.0
    """Each node waits so much longer than the node before it."""
    max_failures: int | None = None
    """A node leaves a peer alone after so many failures of one kind; None: the deployer's limit."""
    malicious_threshold: int | None = None
    """A node bans a peer for ever after so many failures; None: the deployer's limit."""


def named_parameters(name: str, nodes: int) -> DataAvailability:
    """
    Raises:
        ValueError: there is no preset of this name.
    """
    return original_parameters(nodes) if Preset(name) is Preset.ORIGINAL else standard_parameters(nodes)


def standard_parameters(nodes: int) -> DataAvailability:
    """The parameters that scenarios get unless they choose others.

    From three nodes on they differ from the original's, with which real nodes lose blobs:

    * As many subnetworks as columns. With more, a node asks for a column that no blob has.
    * Every node is a member of every subnetwork. A real node passes shares on only if the dispersal reached it before
      the gossip of the blob's transaction did; with fewer members a column may end with a single holder.
    * A node asks both subnetworks, and one good sample suffices. A real node drops a request without a word while the
      queue of the peer is full.
    * The delay of 2 seconds is long enough for the shares to arrive, and leaves time for the block. The stagger keeps
      nodes from asking all at once, which is what fills the queues.
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
    """The parameters of the original framework: as many subnetworks as nodes, two members in each, 5 seconds' delay."""
    if nodes <= 1:
        return DataAvailability(
            subnetwork_size=1, num_subnets=1, min_dispersal_peers=0, min_replication_peers=0, sampling_delay=5.0
        )
    return DataAvailability(subnetwork_size=max(_COLUMNS, nodes), dispersal_factor=2, sampling_delay=5.0)


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
