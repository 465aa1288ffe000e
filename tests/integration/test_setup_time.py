"""From the command until every node is ready: containers against plain processes of the same machine."""

from __future__ import annotations

import os
import time
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from live_network import live
from live_stack import live_stack
from node_image import node_image
from nomos_testing import Runner, ScenarioBuilder
from nomos_testing.runtime.journal import read_journal
from nomos_testing.runtime.journal_events import NodeReady, PhaseEnded

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.network, pytest.mark.nightly, pytest.mark.timeout(600)]

TRIES = 3
MOST_TIMES = 3.0


async def seconds_until_ready(deployed: AbstractAsyncContextManager[Runner], shown: str) -> float:
    started = time.monotonic()
    async with deployed as runner:
        seconds = time.monotonic() - started
        events = [entry.event for entry in read_journal(runner.run_directory.journal)]
    phases = [f"{event.phase} {event.seconds:.1f}" for event in events if isinstance(event, PhaseEnded)]
    nodes = [f"{event.node} {event.seconds:.1f}" for event in events if isinstance(event, NodeReady)]
    print(f"{shown}: {seconds:.2f} s; phases: {', '.join(phases)}; nodes: {', '.join(nodes)}")
    return seconds


@pytest.mark.parametrize(("validators", "executors"), [(1, 1), (3, 2)])
async def test_containers_take_at_most_three_times_as_long(tmp_path: Path, validators: int, executors: int) -> None:
    if (os.cpu_count() or 1) < validators + executors:
        reason = f"{os.cpu_count()} processors load the modules of {validators + executors} nodes one after the other"
        print(f"only measured: {reason}")
    image = node_image()
    builder = ScenarioBuilder.topology(validators=validators, executors=executors).wallets(1000)
    scenario = builder.run_for(seconds=4).build()
    host, containers = [], []
    for attempt in range(TRIES):
        directory = tmp_path / str(attempt)
        directory.mkdir()
        host.append(await seconds_until_ready(live(directory, scenario), "host"))
        containers.append(await seconds_until_ready(live_stack(directory, image, scenario), "compose"))
    times = min(containers) / min(host)
    print(f"{validators}+{executors}: {min(containers):.2f} s against {min(host):.2f} s, {times:.1f} times")
    if (os.cpu_count() or 1) >= validators + executors:
        assert times <= MOST_TIMES
