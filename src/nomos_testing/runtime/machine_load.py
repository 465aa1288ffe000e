"""Judges from readings whether the machine keeps up with the slots of its network. Does no I/O.

A machine that is too slow or too busy shows two signs at once. Something is at its limit (the processors, a node's
one thread of Python, the runner's event loop), and the chain has fewer blocks than the leader lottery gives by
chance. One sign alone is no finding: a busy machine may keep up, and a chain may be slow for a reason that the test
should find. During faults and for some time after them, missing blocks are the effect of the faults.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from nomos_testing.journal.events import journal_event

BUSY_MACHINE: Final = 0.9
"""Share of all processors. Above it, programs wait for each other."""
BUSY_NODE: Final = 0.9
"""Processors. A node does most of its work in one thread."""
IDLE_NODE: Final = 0.05
"""Processors. Nodes that use less on average do not wait for the machine, even if it is busy."""
NEGLIGIBLE_CHANCE: Final = 1e-4
"""A run reports a chain of so few blocks that the lottery alone gives them with at most this chance."""
SMALL_CHANCE: Final = 1e-2
"""The same for a run that has failed. There the machine is named where it is a likely cause."""
WINDOW_SLOTS: Final = 60
WINDOW_SECONDS: Final = 5.0
SHORTEST_SECONDS: Final = 3.0
"""A shorter delay is no finding."""


@journal_event("machine_reading")
@dataclass(frozen=True, slots=True, kw_only=True)
class MachineReading:
    """The load of the machine and the progress of the chain, about once a second."""

    seconds: float
    """Seconds since the start of watching."""
    height: int
    """Height of the highest node, as the block feed has seen it."""
    tip_age_slots: float | None = None
    """Slots since the slot of the highest block; None before the first block."""
    loop_delay_seconds: float
    """The longest delay of the runner's event loop since the previous reading, in seconds."""
    machine_cpu: float
    """Share of the time of all processors that was used by any program, from 0 to 1."""
    processors: int
    """Number of processors."""
    nodes_cpu: Mapping[str, float]
    """Processors that each node used on average, by name; nodes in invisible processes are missing."""
    faults_active: bool = False
    """True if a fault was active, or something else was done to nodes or links, or was undone shortly before."""


@journal_event("machine_fell_behind")
@dataclass(frozen=True, slots=True, kw_only=True)
class MachineFellBehind:
    """The machine is too slow for the slots of the network."""

    seconds: float
    """Length of the period that the figures describe."""
    slot_seconds: float
    """Length of a slot, in seconds."""
    expected_blocks: float
    """Blocks that the leader lottery gives in this period on average."""
    blocks: int
    """New blocks in this period."""
    machine_cpu: float
    """Average of the readings, from 0 to 1."""
    processors: int
    """Number of processors."""
    nodes_cpu: Mapping[str, float]
    """Average of the readings: processors that each node used, by name."""
    loop_delay_seconds: float
    """The longest delay of the runner's event loop, in seconds."""

    def __str__(self) -> str:
        nodes = ""
        if self.nodes_cpu:
            busiest = max(self.nodes_cpu, key=lambda node: self.nodes_cpu[node])
            nodes = f"; the nodes use {sum(self.nodes_cpu.values()):.1f}, {busiest} alone {self.nodes_cpu[busiest]:.1f}"
        return (
            f"this machine does not keep up with slots of {self.slot_seconds:g} s: in {self.seconds:.0f} s there were "
            f"{self.blocks} new blocks, {self.expected_blocks:.0f} expected; processors {self.machine_cpu:.0%} busy "
            f"({self.processors} there are{nodes}), event loop up to {self.loop_delay_seconds * 1000:.0f} ms late. "
            "Longer slots, fewer nodes, or fewer programs beside them help"
        )


def fell_behind(
    readings: Sequence[MachineReading],
    *,
    slot_seconds: float,
    active_slot_coeff: float,
    chance: float = NEGLIGIBLE_CHANCE,
) -> MachineFellBehind | None:
    """Judge the latest readings, and all of them if the latest are not enough. None if the machine keeps up.

    ``chance``: a finding needs so few blocks that the lottery alone gives them with at most this chance.
    """
    if not readings:
        return None
    window = max(WINDOW_SECONDS, WINDOW_SLOTS * slot_seconds)
    recent = [reading for reading in readings if readings[-1].seconds - reading.seconds <= window]
    for candidates in (recent, readings):
        finding = _finding(candidates, slot_seconds, active_slot_coeff, chance)
        if finding is not None:
            return finding
    return None


def _finding(
    readings: Sequence[MachineReading], slot_seconds: float, active_slot_coeff: float, chance: float
) -> MachineFellBehind | None:
    if any(reading.faults_active for reading in readings):
        return None
    first, *later = readings
    seconds, blocks = readings[-1].seconds - first.seconds, max(0, readings[-1].height - first.height)
    if seconds < SHORTEST_SECONDS:
        return None
    slots = int(seconds / slot_seconds)
    if not _at_its_limit(later, slot_seconds) or chance_of(blocks, slots, active_slot_coeff) > chance:
        return None
    return MachineFellBehind(
        seconds=seconds,
        slot_seconds=slot_seconds,
        expected_blocks=slots * active_slot_coeff,
        blocks=blocks,
        machine_cpu=_machine_cpu(later),
        processors=first.processors,
        nodes_cpu=_nodes_cpu(later),
        loop_delay_seconds=max(reading.loop_delay_seconds for reading in later),
    )


def _at_its_limit(readings: Sequence[MachineReading], slot_seconds: float) -> bool:
    late = sum(reading.loop_delay_seconds > slot_seconds for reading in readings)
    nodes = _nodes_cpu(readings).values()
    idle = bool(nodes) and sum(nodes) / len(nodes) < IDLE_NODE
    busy = _machine_cpu(readings) >= BUSY_MACHINE and not idle
    return busy or max(nodes, default=0.0) >= BUSY_NODE or late * 2 > len(readings)


def _machine_cpu(readings: Sequence[MachineReading]) -> float:
    return sum(reading.machine_cpu for reading in readings) / len(readings)


def _nodes_cpu(readings: Sequence[MachineReading]) -> dict[str, float]:
    nodes = {node for reading in readings for node in reading.nodes_cpu}
    return {
        node: sum(reading.nodes_cpu.get(node, 0.0) for reading in readings) / len(readings) for node in sorted(nodes)
    }


def chance_of(blocks: int, slots: int, active_slot_coeff: float) -> float:
    """Return the chance that the lottery alone gives at most ``blocks`` blocks in ``slots`` slots (binomial)."""
    if blocks >= slots * active_slot_coeff or slots == 0:
        return 1.0
    won, lost = math.log(active_slot_coeff), math.log1p(-active_slot_coeff) if active_slot_coeff < 1 else -math.inf
    if lost == -math.inf:
        return 0.0  # every slot has a block
    terms = (
        math.lgamma(slots + 1) - math.lgamma(count + 1) - math.lgamma(slots - count + 1)
        + count * won + (slots - count) * lost
        for count in range(blocks + 1)
    )  # fmt: skip
    return sum(map(math.exp, terms))
