"""The access of workloads and expectations to their run."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from random import Random
from typing import TYPE_CHECKING, Any, Final, TypeVar

from nomos_testing.cluster.interfaces import Cluster, NetworkControl, NodeControl
from nomos_testing.cluster.node_clients import ClusterClient, NodeClients
from nomos_testing.faults.fault_log import FaultLog
from nomos_testing.observability.prometheus import QUERY_SECONDS
from nomos_testing.observability.telemetry import Telemetry
from nomos_testing.runtime.background import Background
from nomos_testing.runtime.counters import Counters
from nomos_testing.runtime.plan import RunPlan
from nomos_testing.runtime.specifications import RunningParts, Specification
from nomos_testing.topology.timing import RunTiming
from nomos_testing.waiting.machine import Patience

if TYPE_CHECKING:
    from nomos_core.proofs.prover import Prover
    from nomos_testing.blocks.block_feed import BlockFeed
    from nomos_testing.journal.journal import Journal
    from nomos_testing.topology import GeneratedTopology, WalletAccount

Healer = Callable[[], Awaitable[None]]
Running = TypeVar("Running")

_DEFAULT_PATIENCE: Final = Patience()


class RunContext:
    """The access of workloads and expectations to their run. All of them get the same object."""

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
        patience: Patience = _DEFAULT_PATIENCE,
    ) -> None:
        self._plan = plan
        self._descriptors = descriptors
        self._cluster = cluster
        self._block_feed = block_feed
        self._journal = journal
        self._counters = counters
        self._background = background
        self._prover = prover
        self._patience = patience
        self._node_clients = NodeClients.of(cluster, self.random("node clients"))
        self._faults = FaultLog()
        self._healers: list[Healer] = []
        self._parts = RunningParts(self)

    def plan(self) -> RunPlan:
        """Return the plan of the run: topology, duration, seed, faults."""
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
        """Return the generated network: genesis, identities, ports, accounts."""
        return self._descriptors

    def cluster(self) -> Cluster:
        """Return the running network, with a handle for each node."""
        return self._cluster

    def node_clients(self) -> NodeClients:
        """Return the HTTP clients of all nodes that the network has now."""
        if len(self._node_clients.all_clients()) != len(self._cluster.nodes):  # one has joined
            self._node_clients = NodeClients.of(self._cluster, self.random("node clients"))
        return self._node_clients

    def cluster_client(self) -> ClusterClient:
        """Return a client that asks one node after the other until one answers."""
        return ClusterClient(self.node_clients())

    def block_feed(self) -> BlockFeed:
        """Return the feed of blocks: every block that any node has shown, once each, parents first."""
        return self._block_feed

    def wallet_accounts(self) -> Sequence[WalletAccount]:
        """Return the accounts that genesis funds, in the order of their labels."""
        return self._descriptors.wallet_accounts

    def telemetry(self) -> Telemetry:
        """Return access to the nodes' metrics in PromQL."""
        return Telemetry(self._cluster.metrics_url, self._patience.seconds(QUERY_SECONDS))

    def run_metrics(self) -> RunTiming:
        """Return the timing of the run: duration, slots, expected blocks."""
        return self._plan.metrics

    def run_duration(self) -> float:
        """Return the planned duration of the run, in seconds."""
        return self._plan.metrics.run_duration

    def expected_blocks(self) -> int:
        """Return the number of blocks that the thresholds expect of the run."""
        return self._plan.metrics.expected_blocks

    def prover(self) -> Prover:
        """Return the prover of this run. Every node uses the same kind."""
        return self._prover

    def patience(self) -> Patience:
        """Return the patience of the run. Take the limit of every wait from it: ``ctx.patience().slots(60)``.

        It turns a number of slots or seconds into seconds that fit the speed of this machine.
        """
        return self._patience

    def node_control(self) -> NodeControl | None:
        """Return the control that stops and starts nodes.

        It is None unless the scenario enabled it and the deployer can.
        """
        return self._cluster.node_control() if self._plan.node_control else None

    def network_control(self) -> NetworkControl | None:
        """Return the control that cuts and slows links.

        It is None unless the scenario enabled it and the deployer can.
        """
        return self._cluster.network_control() if self._plan.network_control else None

    def faults(self) -> FaultLog:
        """Return the log of faults: what was done to nodes and links so far, and which of it is healed."""
        return self._faults

    def on_heal(self, healer: Healer) -> None:
        """Register a function that undoes something.

        The function runs at the end of the run's duration, before the cooldown.
        """
        self._healers.append(healer)

    @property
    def healers(self) -> Sequence[Healer]:
        """The functions that ``on_heal`` registered."""
        return tuple(self._healers)

    def journal(self) -> Journal:
        """Return the journal of the run. Write events of your own with ``journal().write(kind, **fields)``."""
        return self._journal

    def counters(self) -> Counters:
        """Return the counters that the progress view shows, such as ``transactions_sent``."""
        return self._counters

    def random(self, name: str) -> Random:
        """Return a random generator for ``name``. It gives the same numbers in every run with the plan's seed."""
        return Random(f"{self._plan.seed}/{name}")

    def spawn(self, work: Coroutine[Any, Any, None], *, name: str) -> asyncio.Task[None]:
        """Start a task that runs beside the workloads until the verdict. An error in it ends the run."""
        return self._background.spawn(work, name=name)
