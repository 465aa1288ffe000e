"""What a deployer hands to the runner."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nomos_core.proofs.prover import Prover
from nomos_testing.blocks.block_feed import BlockFeed
from nomos_testing.cluster.interfaces import Cluster
from nomos_testing.journal.journal import Journal
from nomos_testing.runtime.background import Background
from nomos_testing.runtime.phases import Phases
from nomos_testing.runtime.plan import RunPlan
from nomos_testing.runtime.run_directory import RunDirectory
from nomos_testing.waiting.machine import Patience

if TYPE_CHECKING:
    from nomos_testing.topology import GeneratedTopology


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """A network that is ready, and how to take it down."""

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
    """Logs and databases stay also after success."""
    background: Background
    """Already watches the tasks of the framework that observe the network."""
    resources: AsyncExitStack
    """Closing it takes the network down."""
