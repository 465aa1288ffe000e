"""What workloads and expectations may use of a run."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from nomos_testing.cluster.interfaces import Cluster, NetworkControl, NodeControl
from nomos_testing.cluster.node_clients import ClusterClient, NodeClients
from nomos_testing.faults.fault_log import FaultLog
from nomos_testing.observability.telemetry import Telemetry
from nomos_testing.runtime.background import Background
from nomos_testing.runtime.counters import Counters
from nomos_testing.runtime.plan import RunPlan
from nomos_testing.runtime.specifications import RunningParts, Specification
from nomos_testing.topology.timing import RunTiming

if TYPE_CHECKING:
    from nomos_core.proofs.prover import Prover
    from nomos_testing.blocks.block_feed import BlockFeed
    from nomos_testing.journal.journal import Journal
    from nomos_testing.topology import GeneratedTopology, WalletAccount

Healer = Callable[[], Awaitable[None]]
Running = TypeVar("Running")


class RunContext:
    """Handed to every workload and expectation of a run; the same object for all of them."""

    def __init__(
        self,
        *,
        plan: RunPlan,
        descriptors: GeneratedTopology,
        cluster: Cluster,
        block_feed: BlockFeed,
        journal: Journal,
        counters: Counters,
        background: Background,
        prover: Prover,
    ) -> None:
        self._plan = plan
        self._descriptors = descriptors
        self._cluster = cluster
        self._block_feed = block_feed
        self._journal = journal
        self._counters = counters
        self._background = background
        self._prover = prover
        self._node_clients = NodeClients.of(cluster, self.random("node clients"))
        self._faults = FaultLog()
        self._healers: list[Healer] = []
        self._parts = RunningParts(self)

    def plan(self) -> RunPlan:
        return self._plan

    def running(self, specification: Specification[Running]) -> Running:
        """Return the object that runs for a specification in this run. The first call makes it."""
        running: Running = self._parts.of(specification)
        return running

    @property
    def parts(self) -> RunningParts:
        """The objects of this run, also those of parts that are no specifications."""
        return self._parts

    def descriptors(self) -> GeneratedTopology:
        """The network as generated: genesis, identities, ports, accounts."""
        return self._descriptors

    def cluster(self) -> Cluster:
        return self._cluster

    def node_clients(self) -> NodeClients:
        """Of all nodes there are now."""
        if len(self._node_clients.all_clients()) != len(self._cluster.nodes):  # one has joined
            self._node_clients = NodeClients.of(self._cluster, self.random("node clients"))
        return self._node_clients

    def cluster_client(self) -> ClusterClient:
        """Asks one node after the other until one does it."""
        return ClusterClient(self.node_clients())

    def block_feed(self) -> BlockFeed:
        """Every block any node has seen, once each, parents first."""
        return self._block_feed

    def wallet_accounts(self) -> Sequence[WalletAccount]:
        """The accounts that genesis funds, in the order of their labels."""
        return self._descriptors.wallet_accounts

    def telemetry(self) -> Telemetry:
        return Telemetry(self._cluster.metrics_url)

    def run_metrics(self) -> RunTiming:
        return self._plan.metrics

    def run_duration(self) -> float:
        """Seconds."""
        return self._plan.metrics.run_duration

    def expected_blocks(self) -> int:
        return self._plan.metrics.expected_blocks

    def prover(self) -> Prover:
        """Who proves and verifies in this run; every node uses the same one."""
        return self._prover

    def node_control(self) -> NodeControl | None:
        """None unless the scenario enabled it and the deployer can."""
        return self._cluster.node_control() if self._plan.node_control else None

    def network_control(self) -> NetworkControl | None:
        """None unless the scenario enabled it and the deployer can."""
        return self._cluster.network_control() if self._plan.network_control else None

    def faults(self) -> FaultLog:
        """What has been done to nodes and links so far, and what has become of it."""
        return self._faults

    def on_heal(self, healer: Healer) -> None:
        """Have ``healer`` called at the end of the run's duration, before the cooldown: it undoes what is left."""
        self._healers.append(healer)

    @property
    def healers(self) -> Sequence[Healer]:
        return tuple(self._healers)

    def journal(self) -> Journal:
        return self._journal

    def counters(self) -> Counters:
        """Numbers to show while the run lasts, such as ``transactions_sent``."""
        return self._counters

    def random(self, name: str) -> random.Random:
        """A generator of its own for ``name``, the same for every run with the plan's seed."""
        return random.Random(f"{self._plan.seed}/{name}")

    def spawn(self, work: Coroutine[Any, Any, None], *, name: str) -> asyncio.Task[None]:
        """Run something beside the workloads until the verdict. Raising in it fails the run."""
        return self._background.spawn(work, name=name)
