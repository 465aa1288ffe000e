"""Journal and samples of a run cost less than a hundredth of its processor time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import pytest

from nomos_testing.journal.events import Sample
from nomos_testing.journal.journal import Entry, Journal, read_journal
from nomos_testing.runtime.process_usage import process_state
from nomos_testing.runtime.runner import Runner
from nomos_testing.runtime.sampling import TURNS, Sampler
from nomos_testing.scenario.file.loader import parse_scenario
from support.processes.live_network import live

SCENARIO = """
name: cost
topology: {validators: 2, executors: 1, layout: full}
slot: {seconds: 0.5}
wallets: {users: 400, total: 40000}
workloads:
  - transactions: {rate: 15}
expectations:
  - consensus_liveness: {lag_allowance: 5}
run_for: {slots: 16}
seed: 7
"""
SAMPLES = 100


def processor_seconds(nodes: Sequence[Any]) -> float:
    """Used so far by the runner and the nodes."""
    states = [process_state(node.host.pid) for node in nodes]
    return time.process_time() + sum(state.cpu_seconds for state in states if state is not None)


async def seconds_of_a_sample(runner: Runner) -> float:
    """The runner's processor time for one of many samples of the running network."""
    deployment = runner._deployment
    assert deployment.usage is not None
    sampler = Sampler(
        deployment.cluster,
        deployment.block_feed,
        runner.context.counters(),
        deployment.journal,
        deployment.patience,
        usage=deployment.usage,
    )
    await sampler.sample()
    began = time.process_time()
    for questions in islice(cycle(TURNS), SAMPLES):
        await sampler.sample(questions)
    return (time.process_time() - began) / SAMPLES


def seconds_of_writing(entries: Sequence[Entry], path: Path) -> float:
    journal = Journal(path)
    began = time.process_time()
    for entry in entries:
        journal.write(entry.event)
    took = time.process_time() - began
    journal.close()
    return took


@pytest.mark.network
@pytest.mark.slow
async def test_journal_and_samples_cost_less_than_a_hundredth_of_a_run(tmp_path: Path) -> None:
    async with live(tmp_path / "runs", parse_scenario(SCENARIO, "cost")) as runner:
        nodes = runner._deployment.cluster.nodes
        began = processor_seconds(nodes)
        await runner.run()
        whole = processor_seconds(nodes) - began
        written = list(read_journal(runner.run_directory.journal))
        a_sample = await seconds_of_a_sample(runner)
    samples = sum(isinstance(entry.event, Sample) for entry in written)
    others = [entry for entry in written if not isinstance(entry.event, Sample)]
    assert samples >= 5
    cost = samples * a_sample + seconds_of_writing(others, tmp_path / "journal.jsonl")
    figures = f"{samples} samples of {1000 * a_sample:.2f} ms and {len(others)} other events cost {1000 * cost:.1f} ms"
    print(f"{figures} of {1000 * whole:.0f} ms")
    assert cost < whole / 100, f"{figures} of {1000 * whole:.0f} ms"
