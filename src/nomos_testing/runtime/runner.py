"""Drives a run over a cluster that is ready: capture, run, heal, cooldown, settle, evaluate, and at the end teardown.

Phases and error texts are those of the original framework, with one difference: a run lasts its duration even where its
workloads end early or there are none.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Self

from nomos_core.proofs.prover import Prover
from nomos_testing.cluster.interfaces import Cluster
from nomos_testing.runtime.background import Background
from nomos_testing.runtime.block_feed import BlockFeed, FeedEvent, NewBlock
from nomos_testing.runtime.context import RunContext
from nomos_testing.runtime.counters import Counters
from nomos_testing.runtime.errors import (
    ExpectationCaptureFailed,
    ExpectationsFailed,
    RunFailed,
    WatchFailed,
    WorkloadFailed,
    described,
)
from nomos_testing.runtime.interfaces import Expectation, Workload
from nomos_testing.runtime.journal import Journal
from nomos_testing.runtime.journal_events import (
    BlockSeen,
    ExpectationJudged,
    Reorganised,
    RunEnded,
    VerdictReached,
    WorkloadEnded,
)
from nomos_testing.runtime.outcome import ExpectationFailed, Judgement, Verdict
from nomos_testing.runtime.phases import Phases
from nomos_testing.runtime.plan import RunPlan
from nomos_testing.runtime.run_directory import RunDirectory
from nomos_testing.runtime.sampling import Sampler

if TYPE_CHECKING:
    from nomos_testing.topology import GeneratedTopology


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """What a deployer hands to the runner: a network that is ready, and how to take it down."""

    plan: RunPlan
    descriptors: GeneratedTopology
    cluster: Cluster
    block_feed: BlockFeed
    journal: Journal
    phases: Phases
    prover: Prover
    run_directory: RunDirectory
    keep_everything: bool
    """Logs and databases stay also after success."""
    resources: AsyncExitStack
    """Closing it takes the network down."""


class Runner:
    """Runs a scenario once. Use it as a context manager, or ``close`` it yourself."""

    def __init__(
        self, deployment: Deployment, workloads: Sequence[Workload], expectations: Sequence[Expectation]
    ) -> None:
        self._deployment = deployment
        self._workloads = tuple(workloads)
        self._expectations = tuple(expectations)
        self._background = Background()
        self._counters = Counters()
        self._journal = deployment.journal
        self._phases = deployment.phases
        self._verdict: Verdict | None = None
        self._closed = False
        self._context = RunContext(
            plan=deployment.plan,
            descriptors=deployment.descriptors,
            cluster=deployment.cluster,
            block_feed=deployment.block_feed,
            journal=deployment.journal,
            counters=self._counters,
            background=self._background,
            prover=deployment.prover,
        )
        deployment.block_feed.listen(self._journal_feed_event)

    @property
    def context(self) -> RunContext:
        """For what stands outside of workloads and expectations, such as a test's own code."""
        return self._context

    @property
    def run_directory(self) -> RunDirectory:
        return self._deployment.run_directory

    async def run(self) -> Verdict:
        """Run every phase and judge. A failed run is a verdict, not an exception; an interrupted one has no verdict."""
        sampler = Sampler(
            self._deployment.cluster.nodes, self._deployment.block_feed, self._counters, self._deployment.journal
        )
        sampling = asyncio.create_task(sampler.run(), name="sampling")
        judgements: tuple[Judgement, ...] = ()
        failure: RunFailed | None = None
        try:
            await self._load()
            judgements = await self._evaluate()
        except RunFailed as error:
            failure = error
        finally:
            sampling.cancel()
            await asyncio.gather(sampling, return_exceptions=True)
        await sampler.sample()
        if failure is None and not all(judgement.passed for judgement in judgements):
            failure = ExpectationsFailed([judgement for judgement in judgements if not judgement.passed])
        return self._conclude(judgements, failure)

    async def close(self, error: BaseException | None = None) -> None:
        """Take the network down and keep what is to be kept. Idempotent."""
        if self._closed:
            return
        self._closed = True
        outcome = self._outcome(error)
        try:
            with self._phases.phase("teardown"):
                await self._background.close()
                await self._deployment.resources.aclose()
        finally:
            if outcome == "passed" and not self._deployment.keep_everything:
                self._deployment.run_directory.prune()
            evidence = None if outcome == "passed" else str(self._deployment.run_directory.path)
            self._journal.write(RunEnded(outcome, described(error) if error else None, evidence))
            self._journal.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close(error)

    async def _load(self) -> None:
        """Everything up to the verdict."""
        metrics, node_control = self._deployment.plan.metrics, self._deployment.plan.node_control
        with self._phases.phase("capture"):
            await self._capture()
        running = [asyncio.create_task(self._run_workload(each), name=each.name) for each in self._workloads]
        try:
            with self._phases.phase("run", metrics.run_duration):
                await self._drive(running, metrics.run_duration)
            await self._heal()
            cooldown = metrics.cooldown(node_control=node_control)
            with self._phases.phase("cooldown", cooldown):
                await self._drive(running, cooldown)
        finally:
            await _cancelled(running)
        settle = metrics.settle(node_control=node_control)
        with self._phases.phase("settle", settle):
            await self._drive([], settle)

    async def _capture(self) -> None:
        for expectation in self._expectations:
            try:
                await expectation.capture(self._context)
            except Exception as error:
                raise ExpectationCaptureFailed(expectation.name, error) from error

    async def _run_workload(self, workload: Workload) -> None:
        try:
            await workload.run(self._context)
        except asyncio.CancelledError:
            self._journal.write(WorkloadEnded(workload.name, "stopped"))
            raise
        except Exception as error:
            self._journal.write(WorkloadEnded(workload.name, "failed", described(error)))
            raise WorkloadFailed(workload.name, error) from error
        self._journal.write(WorkloadEnded(workload.name, "finished"))

    async def _drive(self, running: Sequence[asyncio.Task[None]], seconds: float) -> None:
        """Let time pass, ``seconds`` of it; a workload or a watch that fails ends it at once."""
        deadline = time.monotonic() + seconds
        watch = asyncio.create_task(self._background.first_failure(), name="watch for failures")
        pending: set[asyncio.Task[None] | asyncio.Task[BaseException]] = {watch, *running}
        try:
            while (left := deadline - time.monotonic()) > 0:
                done, pending = await asyncio.wait(pending, timeout=left, return_when=asyncio.FIRST_COMPLETED)
                if watch in done:
                    raise WatchFailed(watch.result())
                for workload in done:
                    workload.result()
        finally:
            await _cancelled([watch])

    async def _heal(self) -> None:
        """Undo what faults left behind: first the nodes, because a link can only be seen to work between running ones."""
        nodes, network = self._context.node_control(), self._context.network_control()
        if nodes is None and network is None:
            return
        with self._phases.phase("heal"):
            if nodes is not None:
                await nodes.heal()
            if network is not None:
                await network.heal()

    async def _evaluate(self) -> tuple[Judgement, ...]:
        with self._phases.phase("evaluate"):
            return tuple([await self._judge(expectation) for expectation in self._expectations])

    async def _judge(self, expectation: Expectation) -> Judgement:
        try:
            seen = await expectation.evaluate(self._context)
        except ExpectationFailed as failure:
            judgement = Judgement(
                expectation.name, False, failure.observed, failure.required, str(failure), failure.evidence
            )
        except Exception as error:
            judgement = Judgement(expectation.name, False, message=described(error))
        else:
            judgement = (
                Judgement(expectation.name, True)
                if seen is None
                else Judgement(expectation.name, True, seen.observed, seen.required)
            )
        self._journal.write(_judged(judgement))
        return judgement

    def _conclude(self, judgements: tuple[Judgement, ...], failure: RunFailed | None) -> Verdict:
        self._verdict = Verdict(
            passed=failure is None,
            failure=None if failure is None else str(failure),
            judgements=judgements,
            phases=self._phases.timings,
            run_directory=self._deployment.run_directory.path,
        )
        self._journal.write(VerdictReached(self._verdict.passed, self._verdict.failure))
        return self._verdict

    def _outcome(self, error: BaseException | None) -> str:
        if isinstance(error, asyncio.CancelledError | KeyboardInterrupt):
            return "interrupted"
        return "passed" if self._verdict is not None and self._verdict.passed and error is None else "failed"

    def _journal_feed_event(self, event: FeedEvent) -> None:
        self._journal.write(_feed_event(event))


async def _cancelled(tasks: Sequence[asyncio.Task[None]] | Sequence[asyncio.Task[BaseException]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _judged(judgement: Judgement) -> ExpectationJudged:
    return ExpectationJudged(
        expectation=judgement.name,
        passed=judgement.passed,
        observed=judgement.observed,
        required=judgement.required,
        message=judgement.message,
        evidence=judgement.evidence,
    )


def _feed_event(event: FeedEvent) -> BlockSeen | Reorganised:
    if isinstance(event, NewBlock):
        record = event.record
        return BlockSeen(
            block=record.id.hex(),
            parent=record.parent.hex(),
            slot=record.slot,
            height=record.height,
            transactions=len(record.block.transactions),
            node=record.first_node,
        )
    return Reorganised(
        node=event.node,
        old_tip=event.old_tip.hex(),
        new_tip=event.new_tip.hex(),
        common_ancestor=event.common_ancestor.hex(),
        abandoned=len(event.abandoned),
        adopted=len(event.adopted),
    )
