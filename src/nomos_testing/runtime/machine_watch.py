"""Watches the machine during a run: processors, the delay of the runner's event loop, and the chain's progress."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from typing import Final

import psutil

from nomos_testing.blocks.block_feed import BlockFeed
from nomos_testing.blocks.lottery_odds import LotteryOdds
from nomos_testing.faults.fault_log import FaultLog
from nomos_testing.journal.events import NodeStarted
from nomos_testing.journal.journal import Entry, Journal, read_journal
from nomos_testing.runtime.disturbances import Disturbances
from nomos_testing.runtime.machine_load import (
    NEGLIGIBLE_CHANCE,
    SMALL_CHANCE,
    MachineFellBehind,
    MachineReading,
    fell_behind,
)
from nomos_testing.runtime.process_usage import process_state
from nomos_testing.surroundings import monotonic
from nomos_testing.topology.timing import RunTiming

READING_SECONDS: Final = 1.0
_TICK_SECONDS: Final = 0.1
"""Seconds between two measurements of the event loop's delay."""
_CLOCK_TOLERANCE_SECONDS: Final = 60.0
"""The start time of a process is computed from the boot time, which may be wrong by so much."""
_KEPT_READINGS: Final = 600
"""Ten minutes at most are judged, so that watching a long run stays cheap."""
_AFTER_FAULTS_SLOTS: Final = 10
"""The network needs them to recover."""


class MachineWatch:
    """Takes a reading about once a second. Writes once into the journal that the machine does not keep up."""

    def __init__(
        self,
        feed: BlockFeed,
        faults: FaultLog,
        metrics: RunTiming,
        journal: Journal,
        odds: LotteryOdds | None = None,
    ) -> None:
        """Without ``odds``, the active slot coefficient is the chance that a slot has a block."""
        self._feed = feed
        self._odds = odds
        self._spent_notes = 0
        self._records_counted = 0
        self._faults = faults
        self._metrics = metrics
        self._journal = journal
        self._cpu = CpuMeter(journal)
        self._readings: deque[MachineReading] = deque(maxlen=_KEPT_READINGS)
        self._started = 0.0
        self._clock_offset: float | None = None
        self._records_looked_at = 0
        self._latest: MachineFellBehind | None = None
        self._disturbances = Disturbances()
        journal.listen(lambda entry: self._disturbances.take(entry.event, monotonic()))

    async def run(self) -> None:
        """Take readings until cancelled."""
        self._started = monotonic()
        self.take(0.0)
        while True:
            self.take(await _longest_delay(READING_SECONDS))

    def take(self, loop_delay: float) -> None:
        """Write a reading into the journal, and the finding if it is the first one."""
        reading = self.reading(loop_delay)
        self._readings.append(reading)
        self._journal.write(reading)
        finding = self._judged(NEGLIGIBLE_CHANCE)
        if finding is not None:
            if self._latest is None:
                self._journal.write(finding)
            self._latest = finding

    def explanation(self) -> MachineFellBehind | None:
        """Return the machine's part in a run's failure: the latest finding, or one that is likely now."""
        return self._latest or self._judged(SMALL_CHANCE)

    def _judged(self, chance: float) -> MachineFellBehind | None:
        slot = self._metrics.slot_duration
        if slot is None:
            return None
        return fell_behind(tuple(self._readings), slot_seconds=slot, active_slot_coeff=self._wins(), chance=chance)

    def _wins(self) -> float:
        """Return the chance that a slot has a block. Spent notes no longer take part in the lottery."""
        if self._odds is None:
            return self._metrics.active_slot_coeff
        records = self._feed.history.records
        for record in records[self._records_counted :]:
            self._spent_notes += sum(len(tx.mantle_tx.ledger_tx.inputs) for tx in record.block.transactions)
        self._records_counted = len(records)
        return min(self._metrics.active_slot_coeff, 1 - self._odds.empty_slot(self._spent_notes))

    def reading(self, loop_delay: float) -> MachineReading:
        """Read the machine and the network."""
        now, history = monotonic(), self._feed.history
        tip = history.canonical_tip()
        machine_cpu, nodes_cpu = self._cpu.used()
        return MachineReading(
            seconds=round(now - self._started, 3),
            height=0 if tip is None else history.height_of(tip),
            tip_age_slots=self._tip_age(now),
            loop_delay_seconds=round(loop_delay, 4),
            machine_cpu=round(machine_cpu, 3),
            processors=psutil.cpu_count() or 1,
            nodes_cpu={node: round(used, 3) for node, used in nodes_cpu.items()},
            faults_active=not self._quiet(now),
        )

    def _quiet(self, now: float) -> bool:
        faultless, undisturbed = self._faults.faultless_since(), self._disturbances.quiet_since()
        if faultless is None or undisturbed is None:
            return False
        since = max(faultless, undisturbed)  # a workload may act on nodes and links without a fault
        return now - since >= _AFTER_FAULTS_SLOTS * (self._metrics.slot_duration or 1.0)

    def _tip_age(self, now: float) -> float | None:
        """Return the slots since the highest block's slot. The block that was seen soonest sets the start of slots."""
        slot_seconds, history = self._metrics.slot_duration, self._feed.history
        tip = history.canonical_tip()
        record = None if tip is None else history.get(tip)
        if slot_seconds is None or record is None:
            return None
        for seen in history.records[self._records_looked_at :]:
            offset = seen.first_seen - seen.slot * slot_seconds
            self._clock_offset = offset if self._clock_offset is None else min(self._clock_offset, offset)
        self._records_looked_at = len(history.records)
        assert self._clock_offset is not None, "the tip's record was looked at"
        return round((now - self._clock_offset) / slot_seconds - record.slot, 1)


class CpuMeter:
    """Measures the processor time of the machine and of the nodes' processes between two calls."""

    def __init__(self, journal: Journal) -> None:
        self._run_began = journal.began
        self._pids: dict[str, int] = {}
        for entry in read_journal(journal.path):
            self._note(entry)
        journal.listen(self._note)
        self._asked = monotonic()
        self._machine = _machine_times()
        self._nodes = self._node_times()

    def used(self) -> tuple[float, Mapping[str, float]]:
        """Return the used share of all processors, and by node how many processors it used."""
        now, machine, nodes = monotonic(), _machine_times(), self._node_times()
        busy, total = machine[0] - self._machine[0], machine[1] - self._machine[1]
        seconds = now - self._asked
        used = {
            node: max(0.0, spent - self._nodes[node]) / seconds
            for node, spent in nodes.items()
            if node in self._nodes and seconds > 0
        }
        self._asked, self._machine, self._nodes = now, machine, nodes
        # The kernel's time of waiting for disks may decrease a little.
        return (min(max(busy / total, 0.0), 1.0) if total > 0 else 0.0), used

    def _note(self, entry: Entry) -> None:
        if isinstance(entry.event, NodeStarted) and entry.event.pid is not None:
            self._pids[entry.event.node] = entry.event.pid

    def _node_times(self) -> dict[str, float]:
        """Return the processor seconds by node, of the nodes whose process is visible here."""
        # A container may run on another machine. Then its pid is an older program here.
        earliest = self._run_began - _CLOCK_TOLERANCE_SECONDS - psutil.boot_time()
        states = {node: process_state(pid) for node, pid in self._pids.items()}
        return {
            node: state.cpu_seconds
            for node, state in states.items()
            if state is not None and state.started_seconds >= earliest
        }


def _machine_times() -> tuple[float, float]:
    """Return the used and the total processor time, in seconds over all processors."""
    times = psutil.cpu_times()
    total = sum(times[:8])  # the guests' times, which follow, are part of the first ones
    return total - times.idle - getattr(times, "iowait", 0.0), total


async def _longest_delay(seconds: float) -> float:
    """Let time pass, and return the longest delay of the event loop."""
    longest, end = 0.0, monotonic() + seconds
    while (asked := monotonic()) < end:
        await asyncio.sleep(_TICK_SECONDS)
        longest = max(longest, monotonic() - asked - _TICK_SECONDS)
    return longest
