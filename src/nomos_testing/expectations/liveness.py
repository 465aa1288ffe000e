"""Consensus liveness: the chain grows while the run lasts, and every node stays near the highest one.

There are two windows. ``run`` is the run's duration: blocks of the cooldown do not count, and the odds of the leader
lottery tell how many blocks are required. ``original`` is the rule of the original framework: it compares the heights
at the very end with the blocks expected in the run's duration, so blocks of the cooldown can replace missing ones.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal, get_args

from nomos_testing.blocks.chain_history import BlockRecord
from nomos_testing.blocks.lottery_odds import LotteryOdds, fewest_blocks
from nomos_testing.client.errors import NodeClientError
from nomos_testing.cluster.interfaces import NodeHandle
from nomos_testing.faults.fault_log import FaultLog
from nomos_testing.runtime.interfaces import ExpectationFailed, Observation, RunContext, RunPlan
from nomos_testing.surroundings import monotonic
from nomos_testing.waiting.machine import Patience

MAX_LAG_ALLOWANCE: Final = 5
MIN_PROGRESS_BLOCKS: Final = 5
REQUEST_RETRIES: Final = 5
REQUEST_RETRY_SLOTS: Final = 2
NO_ANSWER: Final = "no answer"
"""The summary shows this text in place of a node's number."""
Window = Literal["run", "original"]
MAX_SILENT_SLOTS: Final = 30
"""If one leader wins two thirds of the slots, 30 slots without a block happen once in 10^14 runs."""


@dataclass(frozen=True, slots=True)
class HeightSample:
    node: str
    height: int


def liveness_target(expected_blocks: int, highest: int) -> int:
    """Return the height that every node is compared with: the expected one, or the highest if that is lower."""
    return expected_blocks if 0 < expected_blocks <= highest else highest


def allowed_lag(target: int, lag_allowance: int) -> int:
    """Return how many blocks a node may be behind: a tenth of the target, at most 5, at least ``lag_allowance``."""
    return max(lag_allowance, min(target // 10, MAX_LAG_ALLOWANCE))


def height_issues(samples: Sequence[HeightSample], expected_blocks: int, lag_allowance: int) -> list[str]:
    """Return one line for each problem of the heights."""
    highest = max((sample.height for sample in samples), default=0)
    target = liveness_target(expected_blocks, highest)
    lag = allowed_lag(target, lag_allowance)
    grown = [] if highest >= MIN_PROGRESS_BLOCKS else [f"network height {highest} below target {MIN_PROGRESS_BLOCKS}"]
    behind = [f"{s.node} height {s.height} below target {target}" for s in samples if s.height + lag < target]
    return grown + behind


def silence_issues(silent_slots: float, allowed: int = MAX_SILENT_SLOTS) -> list[str]:
    if silent_slots <= allowed:
        return []
    return [f"no new block for {silent_slots:.0f} slots (at most {allowed} allowed)"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsensusLiveness:
    """The chain grows and every node stays near the highest one. ``lag_allowance`` is 0 to 5 blocks."""

    name: ClassVar[str] = "consensus_liveness"
    lag_allowance: int = 2
    window: Window = "run"

    def __post_init__(self) -> None:
        if not 0 <= self.lag_allowance <= MAX_LAG_ALLOWANCE:
            raise ValueError(f"lag allowance: expected 0 to {MAX_LAG_ALLOWANCE} blocks, got {self.lag_allowance}")
        if self.window not in get_args(Window):
            raise ValueError(f"window: expected {' or '.join(get_args(Window))}, got {self.window!r}")

    def file_section(self) -> Mapping[str, Any]:
        """Return the same in a scenario file."""
        return {"consensus_liveness": {"lag_allowance": self.lag_allowance, "window": self.window}}

    def prepare(self, plan: RunPlan) -> None:
        if plan.topology.node_count == 0:
            raise ValueError("consensus liveness requires at least one validator or executor")

    def begin(self, ctx: RunContext) -> RunningConsensusLiveness:
        return RunningConsensusLiveness(self)


class RunningConsensusLiveness:
    """Judges all nodes of one run at its end."""

    def __init__(self, wanted: ConsensusLiveness) -> None:
        self.name = wanted.name
        self._lag_allowance = wanted.lag_allowance
        self._window = wanted.window
        self._started: float | None = None

    async def capture(self, ctx: RunContext) -> None:
        """Note when the window begins. The nodes are asked at the end."""
        self._started = monotonic()

    async def evaluate(self, ctx: RunContext) -> Observation:
        nodes = ctx.cluster().nodes
        answers = await asyncio.gather(*(sample_height(node, ctx.patience()) for node in nodes))
        if self._window == "original":
            return self._judge_heights(ctx, nodes, answers)
        if self._started is None:
            raise ExpectationFailed("consensus liveness expectation not captured")
        return self._judge_run(ctx, nodes, answers, RunWindow.of(ctx, self._started))

    def _judge_heights(
        self, ctx: RunContext, nodes: Sequence[NodeHandle], answers: Sequence[HeightSample | str]
    ) -> Observation:
        samples = [answer for answer in answers if isinstance(answer, HeightSample)]
        unreachable = [answer for answer in answers if isinstance(answer, str)]
        highest = max((sample.height for sample in samples), default=0)
        target = liveness_target(ctx.expected_blocks(), highest)
        issues = (
            unreachable
            + height_issues(samples, ctx.expected_blocks(), self._lag_allowance)
            + silence_issues(_silent_slots(ctx))
        )
        return _judged(
            issues,
            target=target,
            observed=_by_node(nodes, answers, {sample.node: sample.height for sample in samples}),
            required=max(MIN_PROGRESS_BLOCKS, target - allowed_lag(target, self._lag_allowance)),
        )

    def _judge_run(
        self, ctx: RunContext, nodes: Sequence[NodeHandle], answers: Sequence[HeightSample | str], window: RunWindow
    ) -> Observation:
        unreachable = [answer for answer in answers if isinstance(answer, str)]
        counts = {
            answer.node: sum(answer.node in record.seen_by for record in window.blocks)
            for answer in answers
            if isinstance(answer, HeightSample)
        }
        target = liveness_target(ctx.expected_blocks(), len(window.blocks))
        lag = allowed_lag(target, self._lag_allowance)
        behind = [
            f"{node} has {count} of the run's {len(window.blocks)} blocks, at least {target - lag} are required"
            for node, count in counts.items()
            if count + lag < target
        ]
        silence = silence_issues(_silent_slots(ctx), max(MAX_SILENT_SLOTS, window.longest_stall))
        issues = unreachable + window.issues() + behind + silence
        observed = {"blocks": window.described_count(), **_by_node(nodes, answers, counts)}
        return _judged(
            issues, target=target, observed=observed, required=f"{window.required} blocks, nodes {max(0, target - lag)}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RunWindow:
    """The canonical blocks of the run's duration, and the fewest that a healthy network makes.

    No block is required in slots during a planned fault, or before the recovery from it.
    """

    blocks: Sequence[BlockRecord]
    """Blocks first seen in the window. The feed sees a block up to an eighth of a slot after it was made."""
    quiet_blocks: int
    """Blocks first seen while no planned fault was active."""
    slots: int
    quiet_slots: int
    required: int
    """The fewest quiet blocks with which the expectation holds."""
    longest_stall: int
    """The longest row of slots without a block that chance alone explains."""

    @classmethod
    def of(cls, ctx: RunContext, started: float) -> RunWindow:
        slot, ended = ctx.run_metrics().slot_duration or 1.0, started + ctx.run_duration()
        faulty = fault_periods(ctx.faults(), started, ended)
        canonical = ctx.block_feed().canonical_chain()
        blocks = [record for record in canonical if started <= record.first_seen < ended]
        quiet = [record for record in blocks if not any(begin <= record.first_seen < end for begin, end in faulty)]
        # A block of a slot at the edge of the window can be seen on either side of it. So each edge costs one slot.
        seconds = ctx.run_duration() - sum(end - begin for begin, end in faulty)
        quiet_slots = max(0, round(seconds / slot) - 1 - len(faulty))
        slots = round(ctx.run_duration() / slot)
        odds, spent = LotteryOdds.of(ctx.plan().topology), _spent_notes(canonical, started, slot, slots)
        wins = sum(1 - odds.empty_slot(notes) for notes in spent) / len(spent)
        return cls(
            blocks=blocks,
            quiet_blocks=len(quiet),
            slots=slots,
            quiet_slots=quiet_slots,
            required=fewest_blocks(quiet_slots, wins),
            longest_stall=odds.longest_stall(slots, spent[-1]),
        )

    def described_count(self) -> str:
        outside = "" if self.quiet_blocks == len(self.blocks) else f", {self.quiet_blocks} outside of faults"
        return f"{len(self.blocks)} in the run's {self.slots} slots{outside}"

    def issues(self) -> list[str]:
        if self.quiet_blocks >= self.required:
            return []
        outside = "" if self.quiet_blocks == len(self.blocks) else " without faults"
        return [
            f"{self.quiet_blocks} blocks in the run's {self.quiet_slots} slots{outside}, {self.required} are required "
            "by the odds of the leader lottery"
        ]


def fault_periods(faults: FaultLog, started: float, ended: float) -> list[tuple[float, float]]:
    """Return the parts of a window with an active or unrecovered planned fault. The parts do not overlap."""
    periods: list[tuple[float, float]] = []
    for record in sorted(faults.records, key=lambda record: record.injected_at):
        begin, end = max(record.injected_at, started), min(record.recovered_at or ended, ended)
        if begin >= end:
            continue
        if periods and begin <= periods[-1][1]:
            periods[-1] = (periods[-1][0], max(periods[-1][1], end))
        else:
            periods.append((begin, end))
    return periods


def _spent_notes(chain: Sequence[BlockRecord], started: float, slot: float, slots: int) -> list[int]:
    """Return the number of spent notes at the start of each slot of a window. The window has one slot at least."""
    spends = deque(
        (record.first_seen, sum(len(tx.mantle_tx.ledger_tx.inputs) for tx in record.block.transactions))
        for record in chain
    )
    spent, counts = 0, []
    for number in range(max(1, slots)):
        while spends and spends[0][0] < started + number * slot:
            spent += spends.popleft()[1]
        counts.append(spent)
    return counts


def _by_node(
    nodes: Sequence[NodeHandle], answers: Sequence[HeightSample | str], numbers: Mapping[str, int]
) -> dict[str, int | str]:
    """Order the nodes: first those without an answer, then from the lowest number to the highest."""
    silent = [node.name for node, answer in zip(nodes, answers, strict=True) if isinstance(answer, str)]
    return {**dict.fromkeys(silent, NO_ANSWER), **dict(sorted(numbers.items(), key=lambda item: item[1]))}


def _judged(issues: Sequence[str], *, target: int, observed: Mapping[str, Any], required: Any) -> Observation:
    if issues:
        listed = "\n".join(f"- {issue}" for issue in issues)
        raise ExpectationFailed(
            f"consensus liveness violated (target={target}):\n{listed}",
            observed=observed,
            required=required,
            evidence=issues,
        )
    return Observation(observed=observed, required=required)


def _silent_slots(ctx: RunContext) -> float:
    slot = ctx.run_metrics().slot_duration
    return ctx.block_feed().seconds_since_last_block() / slot if slot else 0.0


async def sample_height(node: NodeHandle, patience: Patience) -> HeightSample | str:
    """Ask a node for its height, several times if it does not answer. Return the reason if it never does."""
    failure: NodeClientError | None = None
    for attempt in range(REQUEST_RETRIES):
        if attempt:
            await asyncio.sleep(patience.slots(REQUEST_RETRY_SLOTS))
        try:
            info = await node.client.consensus_info()
        except NodeClientError as error:
            failure = error
        else:
            return HeightSample(node.name, info.height)
    return f"{node.name} consensus_info failed: {failure}"
