"""From readings of the machine to the finding that it does not keep up: when there is one, and what it says."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from nomos_testing.runtime.machine_load import SMALL_CHANCE, MachineFellBehind, MachineReading, chance_of, fell_behind

Change = Callable[[MachineReading], MachineReading]


def readings(
    *, slot: float, made: float, seconds: int = 10, cpu: float = 1.0, loop_delay: float = 0.005, node: float = 0.6
) -> list[MachineReading]:
    """One a second, of a network that makes ``made`` of its slots' blocks."""
    return [
        MachineReading(
            seconds=float(second),
            height=int(second / slot * made),
            loop_delay_seconds=loop_delay,
            machine_cpu=cpu,
            processors=2,
            nodes_cpu={"validator-0": node, "executor-0": node / 2},
        )
        for second in range(seconds + 1)
    ]


def finding_of(taken: Sequence[MachineReading], slot: float = 0.05) -> MachineFellBehind | None:
    return fell_behind(taken, slot_seconds=slot, active_slot_coeff=0.9)


def test_a_saturated_machine_whose_network_misses_blocks_does_not_keep_up() -> None:
    finding = finding_of(readings(slot=0.05, made=0.7, cpu=0.99, loop_delay=0.081))
    assert finding is not None
    assert (finding.seconds, finding.blocks, finding.expected_blocks) == (5.0, 70, 90.0)
    assert str(finding) == (
        "this machine does not keep up with slots of 0.05 s: in 5 s there were 70 new blocks, 90 expected; "
        "processors 99% busy (2 there are; the nodes use 0.9, validator-0 alone 0.6), event loop up to 81 ms late. "
        "Longer slots, fewer nodes, or fewer programs beside them help"
    )


def test_a_small_lack_of_blocks_is_found_over_the_whole_run() -> None:
    assert finding_of(readings(slot=0.05, made=0.82, seconds=6)) is None
    finding = finding_of(readings(slot=0.05, made=0.82, seconds=30))
    assert finding is not None
    assert finding.seconds == 30.0


def test_of_a_run_that_failed_a_likely_finding_is_enough() -> None:
    taken = readings(slot=0.05, made=0.82, seconds=6)
    assert finding_of(taken) is None
    finding = fell_behind(taken, slot_seconds=0.05, active_slot_coeff=0.9, chance=SMALL_CHANCE)
    assert finding is not None
    assert finding.blocks == 98
    healthy = readings(slot=0.05, made=0.88, seconds=6)
    assert fell_behind(healthy, slot_seconds=0.05, active_slot_coeff=0.9, chance=SMALL_CHANCE) is None


@pytest.mark.parametrize(
    ("cause", "taken"),
    [
        ("processors", readings(slot=0.05, made=0.5, cpu=0.95)),
        ("a node's one thread", readings(slot=0.05, made=0.5, cpu=0.3, node=0.95)),
        ("event loop", readings(slot=0.05, made=0.5, cpu=0.3, node=0.01, loop_delay=0.2)),
    ],
)
def test_each_limit_is_enough(cause: str, taken: list[MachineReading]) -> None:
    assert finding_of(taken) is not None, cause


@pytest.mark.parametrize(
    ("why", "slot", "taken"),
    [
        ("a busy loop beside a healthy demo", 2.0, readings(slot=2.0, made=0.9, seconds=60)),
        ("two busy loops, and the lottery gave a little less", 2.0, readings(slot=2.0, made=0.8, seconds=60)),
        ("a saturated machine that keeps up", 0.05, readings(slot=0.05, made=0.9, seconds=60)),
        ("a chain that stalls on an idle machine", 0.05, readings(slot=0.05, made=0.0, cpu=0.4, seconds=60)),
        ("nodes that stand still beside busy loops", 0.05, readings(slot=0.05, made=0.0, node=0.02, seconds=60)),
        ("a hiccup at the start", 0.05, readings(slot=0.05, made=0.0, seconds=2)),
        ("no reading", 0.05, []),
        ("the first reading", 0.05, readings(slot=0.05, made=0.0, seconds=0)),
    ],
)
def test_it_does_not_cry_wolf(why: str, slot: float, taken: list[MachineReading]) -> None:
    assert finding_of(taken, slot) is None, why


def test_blocks_that_faults_take_are_not_the_machines() -> None:
    taken = readings(slot=0.05, made=0.2, seconds=30)
    assert finding_of([*taken[:28], *(replace(reading, faults_active=True) for reading in taken[28:])]) is None
    # A fault at the start is forgotten once the latest readings are without one.
    assert finding_of([replace(taken[0], faults_active=True), *taken[1:]]) is not None


@pytest.mark.parametrize(("slots", "coefficient"), [(10, 0.9), (40, 0.5), (100, 0.05)])
def test_the_lotterys_chance_is_binomial(slots: int, coefficient: float) -> None:
    for blocks in range(math.ceil(slots * coefficient)):
        exact = sum(
            math.comb(slots, count) * coefficient**count * (1 - coefficient) ** (slots - count)
            for count in range(blocks + 1)
        )
        assert chance_of(blocks, slots, coefficient) == pytest.approx(exact)


def test_the_lotterys_chance_at_its_ends() -> None:
    assert chance_of(5, 5, 1.0) == 1.0
    assert chance_of(4, 5, 1.0) == 0.0
    assert chance_of(0, 0, 0.9) == 1.0
    assert chance_of(85_000, 100_000, 0.9) < 1e-100
