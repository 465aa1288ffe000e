"""The opening of a run, which all deployers share: run directory, journal, reaper, readiness and block feed.

If the network does not come up, the journal says how the run ended, and the error says where the evidence is.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from nomos_core.proofs.prover import ProofError, Prover
from nomos_testing.blocks.block_feed import REQUEST_SECONDS, BlockFeed, BlockFeedError, poll_interval
from nomos_testing.cluster.interfaces import ClusterError, NodeHandle
from nomos_testing.deployers.shared.cluster import DeployedCluster
from nomos_testing.deployers.shared.errors import DeployError, LaunchError, persisting
from nomos_testing.deployers.shared.reaper_client import Reaper
from nomos_testing.deployers.shared.run_environment import run_environment
from nomos_testing.deployers.shared.usage_meter import ClusterUsageMeter
from nomos_testing.failure import is_failure
from nomos_testing.journal.events import Notice, RunEnded, RunStarted, WaitEnded
from nomos_testing.journal.journal import Journal, Listener
from nomos_testing.report.files import write_reports
from nomos_testing.runtime.background import Background, BackgroundFailed
from nomos_testing.runtime.deployment import Deployment
from nomos_testing.runtime.errors import described
from nomos_testing.runtime.phases import Phases
from nomos_testing.runtime.plan import RunPlan
from nomos_testing.runtime.raised import note_exception
from nomos_testing.runtime.readiness import (
    READINESS_SECONDS,
    MembershipAssigned,
    NetworkConnected,
    ReadinessCheck,
    SubnetworksConnected,
)
from nomos_testing.runtime.run_directory import RunDirectory
from nomos_testing.runtime.runner import Runner
from nomos_testing.scenario.scenario import Scenario
from nomos_testing.settings import Settings
from nomos_testing.surroundings import THIS_MACHINE, Surroundings
from nomos_testing.topology import GeneratedTopology
from nomos_testing.waiting.machine import Patience
from nomos_testing.waiting.waiting import WaitTimeout, tell_of_waits, wait_until

_EXPLAINED = (BlockFeedError, ClusterError, DeployError, LaunchError, OSError, ProofError, WaitTimeout)
"""Errors whose text explains why the network did not come up. All others are defects of the framework."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRun:
    """A run whose network is coming up."""

    scenario: Scenario
    settings: Settings
    run_directory: RunDirectory
    journal: Journal
    patience: Patience
    phases: Phases
    background: Background
    surroundings: Surroundings
    kept_seconds: float = 0.0
    """How long the network may stay up after the verdict."""
    resources: AsyncExitStack
    """Everything that was opened for the run. The runner closes it, or the opening if the network does not come up."""
    reaper: Reaper

    async def ready(self, cluster: DeployedCluster, network: GeneratedTopology, *, membership_check: bool) -> BlockFeed:
        """Wait until the nodes are connected, and follow their blocks from then on.

        Args:
            membership_check: wait for data availability memberships and subnetworks, too.

        Raises:
            NodeDied: a node ended meanwhile.
            WaitTimeout: the network did not become ready in time.
            BlockFeedError: no node tells its chain.
            BackgroundFailed: a task of the framework failed meanwhile.
        """
        for check in _readiness_checks(cluster.nodes, network, membership_check=membership_check):
            await self.background.guard(cluster.while_alive(self._wait(check), cluster.nodes))
        poll = poll_interval(self.scenario.metrics.slot_duration)
        feed = BlockFeed(
            [node.client for node in cluster.nodes],
            poll_seconds=poll,
            request_seconds=self.patience.seconds(REQUEST_SECONDS),
            watch=self.background.watch,
        )
        self.resources.push_async_callback(feed.close)
        await feed.start()
        cluster.on_join(lambda node: feed.add(node.client))
        return feed

    async def _wait(self, check: ReadinessCheck) -> None:
        """
        Raises:
            WaitTimeout: the check was not fulfilled in time.
        """
        timeout = self.patience.seconds(READINESS_SECONDS)
        _log.debug("waiting for %s, no longer than %g s", check.waited_for, timeout)
        try:
            waited = await wait_until(check.waited_for, check.look, timeout=timeout, poll=check.poll)
        except WaitTimeout as error:
            self._journal_wait(check, timeout, error.last_seen, fulfilled=False)
            raise
        self._journal_wait(check, waited.seconds, waited.last_seen, fulfilled=True)

    def note_environment(self, nodes: Mapping[str, str], *, proofs: str) -> None:
        """Write into the journal on which machine and with which programs the run takes place.

        Args:
            nodes: the program or image of each role.
            proofs: name of the prover.
        """
        self.journal.write(run_environment(self.settings, nodes, proofs=proofs))

    def write_plan(self, **deployed: Any) -> None:
        """Keep the plan of the run. ``deployed`` is what the deployer adds to it."""
        self.run_directory.write_plan(self._plan_record() | deployed)
        source = self.scenario.source
        if source.document is not None:
            self.run_directory.write_scenario(source.text(), source.copies())

    def runner(
        self, cluster: DeployedCluster, descriptors: GeneratedTopology, feed: BlockFeed, prover: Prover
    ) -> Runner:
        """Make the runner over a network that is ready, and hand ``resources`` over to it."""
        scenario, usage = self.scenario, ClusterUsageMeter(watch=self.background.watch)
        self.resources.push_async_callback(usage.close)
        for node in cluster.nodes:
            usage.follow(node)
        cluster.on_join(usage.follow)
        deployment = Deployment(
            plan=RunPlan(
                topology=scenario.topology,
                metrics=scenario.metrics,
                seed=scenario.seed,
                node_control=scenario.node_control,
                network_control=scenario.network_control,
                faults=scenario.faults,
            ),
            descriptors=descriptors,
            cluster=cluster,
            block_feed=feed,
            journal=self.journal,
            phases=self.phases,
            prover=prover,
            patience=self.patience,
            run_directory=self.run_directory,
            keep_everything=self.settings.keep_logs,
            background=self.background,
            usage=usage,
            resources=self.resources.pop_all(),
            report=partial(_report, self.run_directory, self.settings),
        )
        return Runner(deployment, scenario.workloads, scenario.expectations)

    def _journal_wait(self, check: ReadinessCheck, seconds: float, last_seen: str, *, fulfilled: bool) -> None:
        self.journal.write(
            WaitEnded(waited_for=check.waited_for, seconds=round(seconds, 6), last_seen=last_seen, fulfilled=fulfilled)
        )

    def _plan_record(self) -> dict[str, Any]:
        scenario = self.scenario
        return {
            "scenario": scenario.name,
            "seed": scenario.seed,
            "topology": asdict(scenario.topology),
            "metrics": asdict(scenario.metrics),
            "node_control": scenario.node_control,
            "network_control": scenario.network_control,
            "faults": scenario.faults.to_json(),
            "replay_obstacle": scenario.source.not_replayable_because or None,
            **scenario.source.plugin_records(),
            "workloads": [workload.name for workload in scenario.workloads],
            "expectations": [expectation.name for expectation in scenario.expectations],
        }


@asynccontextmanager
async def opened_run(
    deployer: str,
    scenario: Scenario,
    settings: Settings,
    *,
    runs_directory: Path,
    listeners: Sequence[Listener],
    kept_seconds: float = 0.0,
    surroundings: Surroundings = THIS_MACHINE,
) -> AsyncIterator[OpenRun]:
    """Open a run for the block that brings its network up. If the block fails, close everything it has opened.

    Raises:
        DeployError: the network did not come up; the text says why and which directory explains it. Any other error is
            a defect of the framework. Its traceback is in the log and in the journal.
    """
    patience = Patience(surroundings.machine_factor(), settings.slow_environment, scenario.metrics.slot_duration or 1.0)
    run_directory, journal = _opened(runs_directory, scenario, surroundings)
    for listener in listeners:
        journal.listen(listener)
    tell_of_waits(journal.write)
    journal.write(_run_started(scenario, run_directory, deployer, patience))
    _write_notices(journal, scenario, settings)
    try:
        async with AsyncExitStack() as resources:
            reaper = Reaper(journal.path, journal.opened)
            resources.callback(reaper.dismiss)
            yield OpenRun(
                scenario=scenario,
                settings=settings,
                run_directory=run_directory,
                journal=journal,
                patience=patience,
                phases=Phases(journal),
                background=Background(),
                surroundings=surroundings,
                kept_seconds=kept_seconds,
                resources=resources,
                reaper=reaper,
            )
    except BaseException as error:
        if _is_defect(error):
            _note_defect(journal, error)
        journal.write(RunEnded(_outcome(error), described(error), str(run_directory.path)))
        journal.close()
        await _report(run_directory, settings)
        if not isinstance(error, _EXPLAINED):
            raise
        failure = error if isinstance(error, DeployError) else DeployError(_explained(error, run_directory))
        failure.run_directory = run_directory.path
        raise failure from error.__cause__


async def _report(run_directory: RunDirectory, settings: Settings) -> None:
    await asyncio.to_thread(write_reports, run_directory.path, settings.otlp_endpoint)


def _opened(runs_directory: Path, scenario: Scenario, surroundings: Surroundings) -> tuple[RunDirectory, Journal]:
    with usable(runs_directory):
        run_directory = RunDirectory.create(runs_directory, scenario.name, surroundings=surroundings)
        return run_directory, Journal(run_directory.journal, surroundings=surroundings)


@contextmanager
def usable(runs_directory: Path) -> Iterator[None]:
    """Explain an error of the block, which makes something in the runs directory.

    Raises:
        DeployError: it cannot be made.
    """
    try:
        yield
    except OSError as error:
        raise DeployError(
            f"the runs directory {runs_directory} cannot be used: {error.strerror}\n"
            "  -> point --runs-dir to a place you can write to"
        ) from error


def _readiness_checks(
    nodes: Sequence[NodeHandle], network: GeneratedTopology, *, membership_check: bool
) -> list[ReadinessCheck]:
    """Return the conditions of a ready network, in the order in which they are waited for."""
    checks: list[ReadinessCheck] = []
    if len(nodes) > 1:  # a single node has no peers
        checks.append(NetworkConnected(nodes, {node.name: node.expected_peers for node in network.nodes}))
    if membership_check:
        subnetworks = {node.name: node.config.da_network.subnet_threshold for node in network.nodes}
        checks += [MembershipAssigned(nodes), SubnetworksConnected(nodes, subnetworks)]
    return checks


def _run_started(scenario: Scenario, run_directory: RunDirectory, deployer: str, patience: Patience) -> RunStarted:
    return RunStarted(
        run_id=run_directory.run_id,
        scenario=scenario.name,
        deployer=deployer,
        seed=scenario.seed,
        run_seconds=scenario.metrics.run_duration,
        slot_seconds=scenario.metrics.slot_duration,
        expected_blocks=scenario.metrics.expected_blocks,
        lottery_expected_blocks=scenario.metrics.lottery_expected_blocks,
        machine_factor=round(patience.machine_factor, 2),
        directory=str(run_directory.path),
    )


def _write_notices(journal: Journal, scenario: Scenario, settings: Settings) -> None:
    for notice in scenario.notices:
        journal.write(Notice(notice))
    for warning in settings.warnings:
        journal.write(Notice(warning, "warning"))
    if settings.pol_proof_dev_mode is None:
        journal.write(Notice("POL_PROOF_DEV_MODE is not set; assuming true (development proofs)", "warning"))


def _is_defect(error: BaseException) -> bool:
    return isinstance(error, Exception) and not isinstance(error, _EXPLAINED) and not is_failure(error)


def _note_defect(journal: Journal, error: BaseException) -> None:
    where, cause = "the deployment", error
    if isinstance(error, BackgroundFailed):
        where, cause = error.task.name, error.task.error
    note_exception(journal, where, cause, failures_too=True)


def _outcome(error: BaseException) -> str:
    if isinstance(error, asyncio.CancelledError | KeyboardInterrupt):
        return "interrupted"
    return "errored" if _is_defect(error) else "failed"


def _explained(error: BaseException, run_directory: RunDirectory) -> str:
    prefix = "readiness probe failed: " if isinstance(error, WaitTimeout) else ""
    return f"{prefix}{described(error)}\n{persisting(run_directory.path)}"
