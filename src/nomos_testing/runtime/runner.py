"""Runs the phases of a run on a ready cluster: capture, run, heal, cooldown, settle, evaluate, teardown.

Phases and error texts are those of the original framework, with one difference: a run lasts for its duration even if
its workloads end early or it has none.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Final, Self

from nomos_testing.blocks.feed_journal import journal_feed
from nomos_testing.blocks.lottery_odds import LotteryOdds
from nomos_testing.failure import is_failure, raise_all
from nomos_testing.faults.fault_events import FaultsPlanned
from nomos_testing.faults.recovery import watch_recoveries
from nomos_testing.journal.events import (
    ExpectationJudged,
    NetworkKept,
    NodeExited,
    NodeStarted,
    Notice,
    RunEnded,
    VerdictReached,
)
from nomos_testing.journal.journal import Entry
from nomos_testing.outcome import ExpectationFailed, Judgement, Verdict, VerdictKind
from nomos_testing.proof_cache import CachingProver
from nomos_testing.runtime.background import BackgroundFailed, FailedTask
from nomos_testing.runtime.context import RunContext
from nomos_testing.runtime.counters import Counters
from nomos_testing.runtime.deployment import Deployment
from nomos_testing.runtime.errors import (
    ExpectationCaptureFailed,
    ExpectationsFailed,
    HealFailed,
    ObserverFailed,
    RunFailed,
    WatchFailed,
    WorkloadFailed,
    described,
)
from nomos_testing.runtime.interfaces import (
    AnyExpectation,
    AnyWorkload,
    DescribesLoad,
    GetsReady,
    RunningExpectation,
    RunningWorkload,
)
from nomos_testing.runtime.machine_load import MachineFellBehind
from nomos_testing.runtime.machine_watch import MachineWatch
from nomos_testing.runtime.network_by_hand import NetworkByHand
from nomos_testing.runtime.raised import note_exception
from nomos_testing.runtime.run_directory import RunDirectory
from nomos_testing.runtime.sampling import Sampler
from nomos_testing.runtime.specifications import Specification
from nomos_testing.runtime.workload_driver import WorkloadDriver
from nomos_testing.surroundings import monotonic
from nomos_testing.waiting.waiting import narrated

_SAMPLING: Final = "sampling"


class Runner:
    """The run of one scenario, once. Use it as a context manager, or ``close`` it yourself."""

    def __init__(
        self, deployment: Deployment, workloads: Sequence[AnyWorkload], expectations: Sequence[AnyExpectation]
    ) -> None:
        self._deployment = deployment
        self._wanted_workloads = tuple(workloads)
        self._wanted_expectations = tuple(expectations)
        self._workloads: tuple[RunningWorkload, ...] = ()
        self._expectations: tuple[RunningExpectation, ...] = ()
        self._background = deployment.background
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
            patience=deployment.patience,
        )
        self._machine = MachineWatch(
            deployment.block_feed,
            self._context.faults(),
            deployment.plan.metrics,
            deployment.journal,
            LotteryOdds.of(deployment.plan.topology),
        )
        self._load_began = monotonic()
        self._by_hand = NetworkByHand(self._context, self._background, run_began=lambda: self._load_began)
        self._ended: dict[str, str] = {}
        """How nodes ended that the run had not asked to, and that did not start again. By name."""
        journal_feed(deployment.block_feed, self._journal)
        self._journal.listen(self._note_end_of_node)

    @property
    def context(self) -> RunContext:
        """The context, for code that is neither a workload nor an expectation, such as a test."""
        return self._context

    @property
    def run_directory(self) -> RunDirectory:
        """The directory of the run: journal, plan, configurations."""
        return self._deployment.run_directory

    @property
    def by_hand(self) -> NetworkByHand:
        """The actions that a person does by hand."""
        return self._by_hand

    async def run(self) -> Verdict:
        """Run every phase and return the verdict. A failed run raises nothing. An interrupted run has no verdict."""
        return await self._observed(self._loaded_and_judged())

    async def serve(self, use: Coroutine[Any, Any, None]) -> Verdict:
        """Keep the network up while ``use`` uses it and judges it, and return the verdict.

        Workloads and expectations do not run. ``use`` raises ``RunFailed`` if the network did not do what it should.
        """
        return await self._observed(self._used(use))

    async def _observed(self, work: Coroutine[Any, Any, tuple[Judgement, ...]]) -> Verdict:
        sampler = self._sampler()
        sampling = self._background.spawn(sampler.run(), name=_SAMPLING, of_framework=True)
        judgements: tuple[Judgement, ...] = ()
        failure: RunFailed | None = None
        try:
            judgements = await self._background.guard(work)
        except BackgroundFailed as error:
            failure = self._noted(error.task)
        except RunFailed as error:
            failure = error
        finally:
            sampling.cancel()
            await asyncio.gather(sampling, return_exceptions=True)
        if not isinstance(failure, ObserverFailed):
            failure = await self._last_sample(sampler) or failure
        if failure is None and not all(judgement.passed for judgement in judgements):
            failure = ExpectationsFailed([judgement for judgement in judgements if not judgement.passed])
        return self._conclude(judgements, failure)

    @asynccontextmanager
    async def kept(self, seconds: float) -> AsyncIterator[float]:
        """Keep the network after the verdict while the block runs. Reports are written at once.

        The block gets the end of ``seconds``, in seconds of the Unix epoch. Expectations no longer watch, and the
        framework still samples the nodes.
        """
        await self._background.close()
        until = self._journal.began + self._journal.elapsed + seconds
        self._journal.write(NetworkKept(round(until, 3), os.getpid()))
        if self._deployment.report is not None:
            await self._deployment.report()
        observers = (
            self._background.spawn(self._sampler().run(), name=_SAMPLING, of_framework=True),
            self._by_hand.watch_recoveries(),
        )
        try:
            yield until
        finally:
            for observer in observers:
                observer.cancel()
            await asyncio.gather(*observers, return_exceptions=True)

    async def close(self, error: BaseException | None = None) -> None:
        """End the network, and keep the evidence of a run that did not pass. Idempotent."""
        if self._closed:
            return
        self._closed = True
        outcome = self._outcome(error)
        try:
            with self._phases.phase("teardown"):
                async with narrated("the network's end"):
                    await self._background.close()
                    await self._deployment.resources.aclose()
        finally:
            evidence = None if outcome == "passed" else str(self._deployment.run_directory.path)
            self._journal.write(RunEnded(outcome, described(error) if error else None, evidence))
            self._journal.close()
            if self._deployment.report is not None:
                await self._deployment.report()  # while the logs are there
            if outcome == "passed" and not self._deployment.keep_everything:
                self._deployment.run_directory.prune()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close(error)

    def _sampler(self) -> Sampler:
        return Sampler(
            self._deployment.cluster,
            self._deployment.block_feed,
            self._counters,
            self._deployment.journal,
            self._deployment.patience,
            usage=self._deployment.usage,
        )

    async def _loaded_and_judged(self) -> tuple[Judgement, ...]:
        await self._load()
        return await self._evaluate()

    async def _used(self, use: Coroutine[Any, Any, None]) -> tuple[Judgement, ...]:
        with self._phases.phase("run"):
            await use
        await self._heal()
        return ()

    async def _last_sample(self, sampler: Sampler) -> ObserverFailed | None:
        try:
            await sampler.sample()
        except Exception as error:
            note_exception(self._journal, _SAMPLING, error, failures_too=True)
            return ObserverFailed(_SAMPLING, error)
        return None

    def _noted(self, failed: FailedTask) -> RunFailed:
        note_exception(self._journal, failed.name, failed.error, failures_too=failed.of_framework)
        return ObserverFailed(failed.name, failed.error) if failed.of_framework else WatchFailed(failed.error)

    async def _load(self) -> None:
        """Run every phase before the evaluation."""
        metrics, node_control = self._deployment.plan.metrics, self._deployment.plan.node_control
        self._begin()
        self._announce_load()
        await self._get_ready()
        with self._phases.phase("capture"):
            await self._capture()
        self._announce_faults()
        driver = WorkloadDriver(self._workloads, self._context)
        watching = self._background.spawn(self._machine.run(), name="watch of the machine", of_framework=True)
        driver.start()
        self._load_began = monotonic()
        try:
            with self._phases.phase("run", metrics.run_duration):
                await driver.let_pass(metrics.run_duration)
            await self._heal()
            cooldown = metrics.cooldown(node_control=node_control)
            with self._phases.phase("cooldown", cooldown):
                await driver.let_pass(cooldown)
        finally:
            watching.cancel()
            await driver.stop()
        settle = metrics.settle(node_control=node_control)
        with self._phases.phase("settle", settle):
            await driver.let_pass(settle)

    def _begin(self) -> None:
        """Make this run's workloads and expectations from those that the scenario holds."""
        parts = self._context.parts
        wanted = [
            *((f"workload {part.name}", part, WorkloadFailed) for part in self._wanted_workloads),
            *((f"expectation {part.name}", part, ExpectationCaptureFailed) for part in self._wanted_expectations),
        ]
        # Specifications come first, because the copy of another part may refer to what they make.
        for where, part, failed in sorted(wanted, key=lambda item: not isinstance(item[1], Specification)):
            try:
                parts.of(part)
            except Exception as error:
                note_exception(self._journal, where, error)
                raise failed(part.name, error) from error
        self._workloads = tuple(parts.of(workload) for workload in self._wanted_workloads)
        self._expectations = tuple(parts.of(expectation) for expectation in self._wanted_expectations)

    async def _get_ready(self) -> None:
        """Make real proofs before the load. Development proofs cost nothing."""
        preparing = [workload for workload in self._workloads if isinstance(workload, GetsReady)]
        if not preparing or not isinstance(self._deployment.prover, CachingProver):
            return
        with self._phases.phase("prove"):
            for workload in preparing:
                try:
                    await workload.get_ready(self._context)
                except Exception as error:
                    note_exception(self._journal, f"workload {workload.name}", error)
                    raise WorkloadFailed(workload.name, error) from error

    async def _capture(self) -> None:
        for expectation in self._expectations:
            try:
                async with narrated(f"{expectation.name} to begin watching"):
                    await expectation.capture(self._context)
            except Exception as error:
                note_exception(self._journal, f"expectation {expectation.name}", error)
                raise ExpectationCaptureFailed(expectation.name, error) from error

    def _announce_load(self) -> None:
        for workload in self._wanted_workloads:
            if isinstance(workload, DescribesLoad):
                for sentence in workload.describe_load(self._deployment.plan):
                    self._journal.write(Notice(f"{workload.name}: {sentence}"))

    def _announce_faults(self) -> None:
        plan = self._deployment.plan
        if plan.faults:
            slot = plan.metrics.slot_duration
            self._journal.write(FaultsPlanned(tuple(plan.faults.to_json()), tuple(plan.faults.lines(slot or 1.0))))
            feed, log = self._deployment.block_feed, self._context.faults()
            watch = watch_recoveries(feed, log, self._journal, slot_seconds=slot)
            self._background.spawn(watch, name="watch for recoveries", of_framework=True)

    async def _heal(self) -> None:
        """Undo what faults left. Nodes come first, because a link can only be checked between running nodes."""
        nodes, network, healers = self._context.node_control(), self._context.network_control(), self._context.healers
        if nodes is None and network is None and not healers:
            return
        with self._phases.phase("heal"):
            try:
                async with narrated("what faults left to be undone"):
                    outcomes = await asyncio.gather(*(heal() for heal in healers), return_exceptions=True)
                    raise_all("several healers failed", outcomes)
                    if nodes is not None:
                        await nodes.heal()
                    verification = await network.heal() if network is not None else None
            except Exception as error:
                note_exception(self._journal, "a healer", error)
                raise HealFailed(described(error), errored=not is_failure(error)) from error
            if verification is not None and not verification.verified:
                raise HealFailed(f"the network is not seen to be whole: {verification.reason}")

    async def _evaluate(self) -> tuple[Judgement, ...]:
        with self._phases.phase("evaluate"):
            return tuple([await self._judge(expectation) for expectation in self._expectations])

    async def _judge(self, expectation: RunningExpectation) -> Judgement:
        try:
            async with narrated(f"the judgement of {expectation.name}"):
                seen = await expectation.evaluate(self._context)
        except ExpectationFailed as failure:
            judgement = Judgement(
                expectation.name, False, failure.observed, failure.required, str(failure), failure.evidence
            )
        except Exception as error:
            note_exception(self._journal, f"expectation {expectation.name}", error)
            judgement = Judgement(expectation.name, False, message=described(error), errored=not is_failure(error))
        else:
            judgement = (
                Judgement(expectation.name, True)
                if seen is None
                else Judgement(expectation.name, True, seen.observed, seen.required)
            )
        self._journal.write(_judged(judgement))
        return judgement

    def _conclude(self, judgements: tuple[Judgement, ...], failure: RunFailed | None) -> Verdict:
        machine = None if failure is None or failure.errored else self._machine.explanation()
        self._verdict = Verdict(
            passed=failure is None,
            failure=None if failure is None else self._explained(failure, machine),
            judgements=judgements,
            phases=self._phases.timings,
            run_directory=self._deployment.run_directory.path,
            errored=failure is not None and failure.errored,
            kind=VerdictKind.PASSED if failure is None else self._kind_of(failure, machine),
        )
        verdict = self._verdict
        self._journal.write(VerdictReached(verdict.passed, verdict.failure, verdict.errored, verdict.kind))
        return verdict

    def _kind_of(self, failure: RunFailed, machine: MachineFellBehind | None) -> VerdictKind:
        """Return the kind of a failure. A network that still moves on an overloaded machine is slow."""
        if failure.kind is VerdictKind.FAILED and machine is not None and machine.blocks > 0 and not self._ended:
            return VerdictKind.SLOW
        return failure.kind

    def _note_end_of_node(self, entry: Entry) -> None:
        match entry.event:
            case NodeStarted(node=name):
                self._ended.pop(name, None)
            case NodeExited(node=name, status=status, expected=False):
                self._ended[name] = status

    def _explained(self, failure: RunFailed, machine: MachineFellBehind | None) -> str:
        """Return the text of a failure. Nodes that ended come first, because they are the likely cause of the rest."""
        ended = (f"{name} ended: {status}" for name, status in self._ended.items())
        return "\n".join([*ended, str(failure), *([] if machine is None else [str(machine)])])

    def _outcome(self, error: BaseException | None) -> str:
        if isinstance(error, asyncio.CancelledError | KeyboardInterrupt):
            return "interrupted"
        if error is not None:
            return "failed" if is_failure(error) or not isinstance(error, Exception) else "errored"
        return "failed" if self._verdict is None else self._verdict.outcome


def _judged(judgement: Judgement) -> ExpectationJudged:
    return ExpectationJudged(
        expectation=judgement.name,
        passed=judgement.passed,
        observed=judgement.observed,
        required=judgement.required,
        message=judgement.message,
        evidence=judgement.evidence,
        errored=judgement.errored,
    )
