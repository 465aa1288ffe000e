"""A runner over a cluster that exists in memory only, with workloads and expectations that do what a test says."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nomos_core.cryptarchia.block import Block
from nomos_core.identifiers import HeaderId
from nomos_core.proofs.development import DevelopmentProver
from nomos_testing.blocks.block_feed import BlockFeed
from nomos_testing.client.answers import ConsensusInfo, MempoolMetrics, Mode, NetworkInfo
from nomos_testing.cluster.roles import Role
from nomos_testing.journal.events import PhaseEnded
from nomos_testing.journal.journal import Journal, read_journal
from nomos_testing.outcome import Verdict
from nomos_testing.runtime.background import Background
from nomos_testing.runtime.deployment import Deployment
from nomos_testing.runtime.interfaces import Expectation, Observation, RunContext, RunPlan, Workload
from nomos_testing.runtime.phases import Phases
from nomos_testing.runtime.run_directory import RunDirectory
from nomos_testing.runtime.runner import Runner
from nomos_testing.surroundings import THIS_MACHINE, Surroundings
from nomos_testing.topology import TopologySpec
from nomos_testing.topology.timing import RunTiming
from nomos_testing.waiting.machine import Patience
from support.fakes.fake_chain import GENESIS_ID

RunBody = Callable[[RunContext], Awaitable[None]]


async def nothing(ctx: RunContext) -> None:
    """Ends at once."""


async def forever(ctx: RunContext) -> None:
    await asyncio.Event().wait()


@dataclass
class Load:
    name: str = "load"
    body: RunBody = nothing

    def expectations(self) -> Sequence[Expectation]:
        return ()

    def prepare(self, plan: RunPlan) -> None:
        """Nothing to check."""

    async def run(self, ctx: RunContext) -> None:
        await self.body(ctx)


@dataclass
class Expect:
    """An expectation whose tests look at it after the run: the object itself runs."""

    name: str
    on_capture: RunBody = nothing
    outcome: Observation | Exception | None = None
    on_evaluate: RunBody = nothing
    evaluated: list[float] = field(default_factory=list)

    def prepare(self, plan: RunPlan) -> None:
        """Nothing to check."""

    def begin(self, ctx: RunContext) -> Expect:
        return self

    async def capture(self, ctx: RunContext) -> None:
        await self.on_capture(ctx)

    async def evaluate(self, ctx: RunContext) -> Observation | None:
        self.evaluated.append(time.monotonic())
        await self.on_evaluate(ctx)
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


class Healer:
    """A node control that only counts."""

    def __init__(self) -> None:
        self.healed = 0

    async def heal(self) -> None:
        self.healed += 1


@dataclass
class MemoryNode:
    """A node and its client in one. A test sets its chain, and the exceptions that asking it raises."""

    name: str = "validator-0"
    role: Role = Role.VALIDATOR
    chain: Sequence[Block] = ()
    raises: dict[str, Exception] = field(default_factory=dict)
    pending: int = 0
    """Transactions in its mempool."""

    @property
    def client(self) -> MemoryNode:
        return self

    async def consensus_info(self, *, timeout: float | None = None) -> ConsensusInfo:
        self._answer("consensus_info")
        tip = self.chain[-1].id if self.chain else GENESIS_ID
        return ConsensusInfo(lib=GENESIS_ID, tip=tip, slot=0, height=len(self.chain), mode=Mode.ONLINE)

    async def network_info(self, *, timeout: float | None = None) -> NetworkInfo:
        self._answer("network_info")
        return NetworkInfo((), 0, 0, 0)

    async def mempool_metrics(self, *, timeout: float | None = None) -> MempoolMetrics:
        self._answer("mempool_metrics")
        return MempoolMetrics(self.pending, 0)

    async def storage_block(self, block_id: HeaderId, *, timeout: float | None = None) -> Block | None:
        return next((block for block in self.chain if block.id == block_id), None)

    def _answer(self, request: str) -> None:
        if request in self.raises:
            raise self.raises[request]


@dataclass
class MemoryCluster:
    nodes: Sequence[Any] = ()
    control: Any = None
    metrics_url: str | None = None

    def node_control(self) -> Any:
        return self.control

    def network_control(self) -> None:
        """There is none."""

    async def close(self) -> None:
        """Nothing runs."""


@dataclass
class Bench:
    runner: Runner
    directory: RunDirectory
    cluster: MemoryCluster
    closed: list[str]

    def events(self) -> list[Any]:
        return [entry.event for entry in read_journal(self.directory.journal)]

    def phases(self) -> list[str]:
        return [event.phase for event in self.events() if isinstance(event, PhaseEnded)]


@asynccontextmanager
async def bench(
    directory: Path,
    *,
    workloads: Sequence[Workload] = (),
    expectations: Sequence[Expectation] = (),
    seconds: float = 0.05,
    slot: float = 0.01,
    node_control: bool = False,
    nodes: Sequence[Any] = (),
    poll_seconds: float = 0.01,
    background: Background | None = None,
    surroundings: Surroundings = THIS_MACHINE,
) -> AsyncIterator[Bench]:
    """A runner over a cluster of these nodes; ``client`` of each is what the block feed asks."""
    run_directory = RunDirectory.create(directory, "bench", surroundings=surroundings)
    run_directory.node("validator-0").joinpath("db").write_text("data")
    journal = Journal(run_directory.journal, surroundings=surroundings)
    background, closed, resources = background or Background(), list[str](), AsyncExitStack()
    cluster = MemoryCluster(nodes, control=Healer())
    resources.callback(closed.append, "network")
    feed = BlockFeed([node.client for node in nodes], poll_seconds=poll_seconds, watch=background.watch)
    if nodes:
        await feed.start()
        resources.push_async_callback(feed.close)
    metrics = RunTiming(run_duration=seconds, slot_duration=slot, active_slot_coeff=0.9, security_param=1)
    nowhere: Any = None
    deployment = Deployment(
        plan=RunPlan(topology=TopologySpec(validators=1), metrics=metrics, seed=7, node_control=node_control),
        descriptors=nowhere,
        cluster=cluster,
        block_feed=feed,
        journal=journal,
        phases=Phases(journal),
        prover=DevelopmentProver(),
        patience=Patience(),
        run_directory=run_directory,
        keep_everything=False,
        background=background,
        resources=resources,
    )
    async with Runner(deployment, workloads, expectations) as runner:
        yield Bench(runner, run_directory, cluster, closed)


async def verdict_of(directory: Path, **options: Any) -> tuple[Verdict, Bench]:
    async with bench(directory, **options) as made:
        verdict = await made.runner.run()
    return verdict, made
