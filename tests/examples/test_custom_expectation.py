"""examples/custom_expectation.py: it counts who proposed the blocks of the chain, and passes on a live network."""

from __future__ import annotations

import runpy
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nomos_testing import ExpectationFailed
from support.processes.live_network import live
from support.repository.repository_copy import REPOSITORY

EXAMPLE = runpy.run_path(str(REPOSITORY / "examples/custom_expectation.py"))
CHAIN = [bytes([number]) * 32 for number in range(6)]


class Log:
    """A node's log that grows after it was marked."""

    def __init__(self, before: Sequence[str], after: Sequence[str]) -> None:
        self.lines = list(before)
        self._after = after

    async def mark(self) -> int:
        position = len(self.lines)
        self.lines.extend(self._after)
        return position

    async def since(self, mark: int) -> Sequence[str]:
        return self.lines[mark:]


def proposals(blocks: Sequence[bytes]) -> list[str]:
    return [f"INFO chain_leader: proposed block with id 0x{block.hex()} containing 0 transactions" for block in blocks]


def context(led: Mapping[str, Sequence[bytes]], *, before: Sequence[bytes] = ()) -> Any:
    nodes = [
        SimpleNamespace(name=name, role="validator", logs=Log(proposals(before), proposals(blocks)))
        for name, blocks in led.items()
    ]
    executor = SimpleNamespace(name="executor-0", role="executor", logs=Log([], []))
    records = [SimpleNamespace(id=block) for block in CHAIN]
    return SimpleNamespace(
        cluster=lambda: SimpleNamespace(nodes=[*nodes, executor]),
        block_feed=lambda: SimpleNamespace(canonical_chain=lambda: records),
    )


async def judged(ctx: Any, *, least: int = 1) -> Any:
    expectation = EXAMPLE["LeadersShareTheWork"](least)
    await expectation.capture(ctx)
    return await expectation.evaluate(ctx)


async def test_it_counts_the_blocks_of_the_chain_that_each_validator_proposed() -> None:
    abandoned = bytes([99]) * 32
    seen = await judged(context({"validator-0": CHAIN[:4], "validator-1": [*CHAIN[4:], abandoned]}))
    assert seen.observed == {"validator-0": 4, "validator-1": 2}


async def test_a_validator_that_proposes_too_little_is_named() -> None:
    with pytest.raises(ExpectationFailed, match="validator-1: proposed fewer blocks") as caught:
        await judged(context({"validator-0": CHAIN[1:], "validator-1": CHAIN[:1]}), least=2)
    assert caught.value.observed == {"validator-0": 5, "validator-1": 1}


async def test_blocks_of_abandoned_branches_and_from_before_the_run_do_not_count() -> None:
    led = {"validator-0": CHAIN[1:], "validator-1": [bytes([99]) * 32]}
    with pytest.raises(ExpectationFailed, match="validator-1: proposed fewer"):
        await judged(context(led, before=CHAIN[:1]))


async def test_logs_that_name_no_block_are_no_proof_of_idle_validators() -> None:
    with pytest.raises(ExpectationFailed, match="NOMOS_LOG_LEVEL"):
        await judged(context({"validator-0": [], "validator-1": []}))


def test_it_refuses_a_network_of_one_validator() -> None:
    with pytest.raises(ValueError, match="add a validator"):
        EXAMPLE["LeadersShareTheWork"]().prepare(SimpleNamespace(topology=SimpleNamespace(validators=1)))


@pytest.mark.slow
@pytest.mark.network
async def test_it_passes_on_a_live_network(tmp_path: Path) -> None:
    async with live(tmp_path, EXAMPLE["build"](slot_seconds=0.3, slots=40)) as runner:
        verdict = await runner.run()
    assert verdict.passed, verdict.failure
    (judgement,) = [each for each in verdict.judgements if each.name == "leaders_share_the_work"]
    # The tip may move to another branch after the judgement, so all blocks that were seen are the limit.
    seen = sum(record.height > 0 for record in runner.context.block_feed().history.records)
    assert 0 < sum(judgement.observed.values()) <= seen
