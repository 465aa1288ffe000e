"""The network that a deployer gives to the runner."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nomos_core.proofs.prover import Prover
from nomos_testing.blocks.block_feed import BlockFeed
from nomos_testing.cluster.interfaces import Cluster
from nomos_testing.journal.journal import Journal
from nomos_testing.runtime.background import Background
from nomos_testing.runtime.node_usage import UsageMeter
from nomos_testing.runtime.phases import Phases
from nomos_testing.runtime.plan import RunPlan
from nomos_testing.runtime.run_directory import RunDirectory
from nomos_testing.waiting.machine import Patience

if TYPE_CHECKING:
    from nomos_testing.topology import GeneratedTopology


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """A network that is ready, with everything that a run needs."""

    plan: RunPlan
    descriptors: GeneratedTopology
    cluster: Cluster
    block_feed: BlockFeed
    journal: Journal
    phases: Phases
    prover: Prover
    patience: Patience
    run_directory: RunDirectory
    keep_everything: bool
    """Keep logs and databases also after success."""
    background: Background
    """The tasks beside the workloads. It already watches the framework's observers of the network."""
    resources: AsyncExitStack
    """Close it to end the network."""
    usage: UsageMeter | None = None
    """Measures what the nodes use; None: nothing is known of it."""
    report: Callable[[], Awaitable[None]] | None = None
    """Writes the reports of the run into its directory. Called after the journal is closed.

    Called at the verdict, too, if the network is kept.
    """
