"""The runner on an event loop whose time is virtual: ten minutes pass at once, twice with the same journal."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from random import Random
from typing import Any

from nomos_testing.journal.journal import Entry, read_journal
from nomos_testing.outcome import Verdict
from nomos_testing.runtime.interfaces import RunContext
from nomos_testing.runtime.machine_load import MachineReading
from nomos_testing.surroundings import Surroundings, monotonic
from nomos_testing.waiting.waiting import Seen, wait_until
from support.fakes.fake_chain import GENESIS_ID, fake_block
from support.fakes.run_bench import Bench, Expect, Load, MemoryNode, verdict_of
from support.fakes.virtual_time import VirtualTimeLoop

RUN_SECONDS = 600.0
EPOCH_NS = 1_700_000_000 * 10**9


def surroundings(loop: asyncio.AbstractEventLoop) -> Surroundings:
    return Surroundings(
        now_ns=lambda: EPOCH_NS + round(loop.time() * 1e9), rng=Random("run"), machine_factor=lambda: 1.0
    )


def run_virtually(directory: Path) -> tuple[Verdict, Bench]:
    """A run in which one of three nodes makes a block every second, and the others have it a while later."""
    nodes = [MemoryNode(f"validator-{index}") for index in range(3)]

    async def make_blocks(ctx: RunContext) -> None:
        random = ctx.random("blocks")
        for slot in range(1, 10_000):
            await asyncio.sleep(1.0)
            parent = max((node.chain for node in nodes), key=len)
            chain = [*parent, fake_block(parent[-1].id if parent else GENESIS_ID, slot)]
            for node in random.sample(nodes, len(nodes)):
                node.chain = chain
                await asyncio.sleep(random.uniform(0.0, 0.2))

    async def wait_for_blocks(ctx: RunContext) -> None:
        async def look() -> Seen:
            height = len(ctx.block_feed().canonical_chain())
            return Seen(height >= 30, f"height {height}")

        waited = await wait_until("thirty blocks", look, timeout=ctx.patience().slots(60))
        ctx.journal().write("waited", seconds=waited.seconds)

    load = [Load("blocks", make_blocks), Load("waits", wait_for_blocks)]
    options: dict[str, Any] = {"seconds": RUN_SECONDS, "slot": 1.0, "poll_seconds": 0.125, "node_control": True}

    async def run() -> tuple[Verdict, Bench]:
        given = surroundings(asyncio.get_running_loop())
        return await verdict_of(
            directory, nodes=nodes, workloads=load, expectations=[Expect("one")], surroundings=given, **options
        )

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(run())


def entries(made: Bench) -> list[Entry]:
    """The journal without the readings of the real machine."""
    journal = read_journal(made.directory.journal)
    return [entry for entry in journal if not isinstance(entry.event, MachineReading)]


def test_a_run_of_ten_minutes_of_virtual_time_is_soon_over_and_leaves_the_same_journal_twice(tmp_path: Path) -> None:
    began = time.monotonic()
    verdict, first = run_virtually(tmp_path / "first")
    assert verdict.passed, verdict.failure
    assert time.monotonic() - began < RUN_SECONDS / 2
    (run,) = [timing for timing in verdict.phases if timing.name == "run"]
    assert RUN_SECONDS <= run.seconds < RUN_SECONDS + 0.001
    _, second = run_virtually(tmp_path / "second")
    assert first.directory.run_id == second.directory.run_id
    assert len(entries(first)) > 1000
    assert entries(first) == entries(second)


def test_monotonic_is_the_time_of_the_running_loop() -> None:
    async def read() -> tuple[float, float]:
        before = monotonic()
        await asyncio.sleep(1e6)
        return before, monotonic()

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        assert runner.run(read()) == (0.0, 1e6)
