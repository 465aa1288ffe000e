"""A whole run over fake nodes: what comes up, what a verdict leaves behind, what a failure tells."""

from __future__ import annotations

import asyncio
import platform
from pathlib import Path

import pytest

from nomos_testing.deployers.shared.errors import NodeDied
from nomos_testing.journal.events import BlockSeen, PhaseEnded, RunEnded, RunEnvironment, RunStarted, Sample
from nomos_testing.journal.journal import Entry, read_journal
from nomos_testing.outcome import ExpectationFailed
from nomos_testing.report.files import WRITERS
from nomos_testing.runtime.interfaces import Observation, RunContext, RunPlan
from support.processes.fake_node_processes import processes_of
from support.processes.fake_node_scenario import fake_deployer, fake_scenario

pytestmark = pytest.mark.network


class Grows:
    """The chain has at least ``required`` blocks at the end."""

    name = "grows"

    def __init__(self, required: int) -> None:
        self._required = required

    def prepare(self, plan: RunPlan) -> None:
        """Nothing to check."""

    async def capture(self, ctx: RunContext) -> None:
        """Nothing is watched."""

    async def evaluate(self, ctx: RunContext) -> Observation:
        observed = len(ctx.block_feed().canonical_chain())
        if observed < self._required:
            raise ExpectationFailed(f"{observed} blocks", observed=observed, required=self._required)
        return Observation(observed, self._required)


def phases_of(entries: list[Entry]) -> list[str]:
    return [entry.event.phase for entry in entries if isinstance(entry.event, PhaseEnded)]


async def test_a_run_passes_and_keeps_journal_plan_and_configurations_only(tmp_path: Path) -> None:
    heard: list[Entry] = []
    deployer = fake_deployer(tmp_path, listeners=[heard.append])
    async with deployer.deployed(fake_scenario(expectations=[Grows(1)])) as runner:
        verdict = await runner.run()
    assert verdict.passed, verdict.failure
    assert not processes_of(tmp_path)
    (run,) = (tmp_path / "runs").iterdir()
    assert run == verdict.run_directory
    assert {str(path.relative_to(run)) for path in run.rglob("*") if path.is_file()} == {
        "journal.jsonl",
        "plan.json",
        "validator-0/validator.yaml",
        "validator-1/validator.yaml",
        *WRITERS,
    }
    written = list(read_journal(run / "journal.jsonl"))
    assert [entry.event for entry in written] == [entry.event for entry in heard]
    assert phases_of(written) == [
        *("configure", "start", "ready"),
        *("capture", "run", "cooldown", "settle", "evaluate"),
        "teardown",
    ]
    assert isinstance(written[0].event, RunStarted)
    (environment,) = [entry.event for entry in written if isinstance(entry.event, RunEnvironment)]
    assert set(environment.nodes) == {"validator"}
    assert environment.nodes["validator"].endswith("bin/nomos-node (the embedded node)")
    assert environment.proofs == "development"
    assert environment.processors >= 1
    assert environment.memory_bytes > 1 << 20
    assert environment.python == platform.python_version()
    assert written[-1].event == RunEnded("passed")
    assert any(isinstance(entry.event, BlockSeen) for entry in written)
    samples = [entry.event for entry in written if isinstance(entry.event, Sample)]
    assert samples[-1].nodes["validator-1"].height is not None


async def test_the_documented_calls_answer(tmp_path: Path) -> None:
    async with fake_deployer(tmp_path).deployed(fake_scenario()) as runner:
        ctx = runner.context
        assert ctx.telemetry().prometheus_endpoint() is None
        first = ctx.node_clients().validators().get(0)
        assert first is not None
        assert first.name == "validator-0"
        assert ctx.node_clients().validators().get(7) is None
        assert ctx.node_clients().random_executor() is None
        assert ctx.node_clients().any_client() in ctx.node_clients().all_clients()
        info = await ctx.cluster_client().try_all_clients(lambda client: client.consensus_info())
        assert info.height >= 0
        assert ctx.expected_blocks() == ctx.run_metrics().expected_blocks == 5
        assert ctx.node_control() is None
        assert ctx.run_duration() == 0.5


async def test_a_failed_expectation_keeps_everything(tmp_path: Path) -> None:
    async with fake_deployer(tmp_path).deployed(fake_scenario(expectations=[Grows(10_000)])) as runner:
        verdict = await runner.run()
    assert not verdict.passed
    assert verdict.failure is not None
    assert verdict.failure.startswith("expectations failed:\ngrows: ")
    assert (verdict.run_directory / "validator-0" / "db" / "starts").exists()
    assert "fake node" in (verdict.run_directory / "validator-0" / "stdout.log").read_text()
    assert not processes_of(tmp_path)


async def test_node_directories_stay_after_success_when_asked_for(tmp_path: Path) -> None:
    async with fake_deployer(tmp_path, keep_logs=True).deployed(fake_scenario(expectations=[Grows(1)])) as runner:
        verdict = await runner.run()
    assert verdict.passed
    assert (verdict.run_directory / "validator-0" / "db").exists()


async def test_a_node_that_dies_at_start_fails_the_deployment_at_once(tmp_path: Path) -> None:
    fakes = {1: {"say": ["ERROR no keys"], "exit_code": 1}}
    async with asyncio.timeout(20):
        with pytest.raises(NodeDied, match="validator-1 ended before it was ready: exit code 1") as caught:
            await fake_deployer(tmp_path, fakes=fakes).deploy(fake_scenario())
    assert "| ERROR no keys" in str(caught.value)
    assert caught.value.run_directory is not None
    assert (caught.value.run_directory / "validator-1" / "validator.yaml").exists()
    assert not processes_of(tmp_path)
    *_, last = read_journal(caught.value.run_directory / "journal.jsonl")
    assert isinstance(last.event, RunEnded)
    assert last.event.outcome == "failed"


async def test_teardown_is_fast(tmp_path: Path) -> None:
    async with fake_deployer(tmp_path).deployed(fake_scenario(validators=4)) as runner:
        run = runner.run_directory.path
    teardown = [
        entry.event.seconds
        for entry in read_journal(run / "journal.jsonl")
        if isinstance(entry.event, PhaseEnded) and entry.event.phase == "teardown"
    ]
    assert teardown[0] < 1.0
