"""One scenario that runs twice at the same time in one process: each run sees its own numbers and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nomos_testing import Expectation, ExpectationFailed, Observation, RunContext, RunPlan, ScenarioBuilder
from nomos_testing.expectations.continuous import Always
from nomos_testing.expectations.expectation_events import ExpectationBroken
from nomos_testing.expectations.run_view import RunView
from nomos_testing.journal.events import ExpectationJudged
from nomos_testing.journal.journal import read_journal
from nomos_testing.outcome import Verdict
from nomos_testing.scenario.scenario import Scenario
from support.processes.fake_node_scenario import fake_deployer, fake_scenario

ROUNDS = 5
BROKEN_FROM_SLOT = 3


class CountsRounds:
    """A workload as users write it: it keeps what it did in its fields."""

    name = "counts_rounds"

    def __init__(self) -> None:
        self.rounds: list[str] = []
        self.planned = 0

    def expectations(self) -> Sequence[Expectation]:
        return (RoundsOfThisRun(self),)

    def prepare(self, plan: RunPlan) -> None:
        self.planned = ROUNDS

    async def run(self, ctx: RunContext) -> None:
        blocks = ctx.block_feed().blocks()
        for _ in range(self.planned):
            self.rounds.append(run_of(ctx))
            await anext(blocks)


class RoundsOfThisRun:
    """An expectation as users write it: it looks into its workload."""

    name = "rounds_of_this_run"

    def __init__(self, load: CountsRounds) -> None:
        self._load = load
        self._run = ""

    def prepare(self, plan: RunPlan) -> None:
        """Nothing to check."""

    async def capture(self, ctx: RunContext) -> None:
        self._run = run_of(ctx)

    async def evaluate(self, ctx: RunContext) -> Observation:
        if self._run != run_of(ctx) or self._load.rounds != [self._run] * ROUNDS:
            raise ExpectationFailed(f"{run_of(ctx)} sees {self._load.rounds}, and began in {self._run}")
        return Observation(observed=len(self._load.rounds), required=ROUNDS)


def run_of(ctx: RunContext) -> str:
    """A name for the run: the generator is of the plan's seed, the journal of the run."""
    return str(ctx.journal().path)


def breaks(view: RunView) -> bool:
    return view.slot < BROKEN_FROM_SLOT


async def both_at_once(directory: Path, scenario: Scenario) -> list[Verdict]:
    async def one(name: str) -> Verdict:
        (directory / name).mkdir()
        async with fake_deployer(directory / name, keep_logs=True).deployed(scenario) as runner:
            return await runner.run()

    return list(await asyncio.gather(one("a"), one("b")))


def events(verdict: Verdict, kind: type) -> list[Any]:
    entries = read_journal(verdict.run_directory / "journal.jsonl")
    return [entry.event for entry in entries if isinstance(entry.event, kind)]


async def test_what_a_users_parts_keep_belongs_to_one_run(tmp_path: Path) -> None:
    builder = ScenarioBuilder.topology(validators=2).slot(seconds=0.1).seed(1).run_for(seconds=1)
    scenario = builder.with_workload(CountsRounds()).build()
    for verdict in await both_at_once(tmp_path, scenario):
        assert verdict.passed, verdict.failure
        (judged,) = events(verdict, ExpectationJudged)
        assert (judged.observed, judged.required) == (ROUNDS, ROUNDS)


async def test_a_breach_is_told_in_the_journal_of_each_run(tmp_path: Path) -> None:
    scenario = fake_scenario(seconds=1, expectations=[Always("holds", breaks)])
    for verdict in await both_at_once(tmp_path, scenario):
        assert verdict.outcome == "failed"
        (broken,) = events(verdict, ExpectationBroken)
        assert broken.expectation == "holds"
        (judged,) = events(verdict, ExpectationJudged)
        assert not judged.errored
        assert len(judged.evidence) == 1
