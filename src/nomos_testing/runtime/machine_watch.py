"""Watches the machine while a run lasts: processors, the runner's event loop, and what the nodes make of the time."""

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
from nomos_testing.runtime.machine_load import (
    NEGLIGIBLE_CHANCE,
    SMALL_CHANCE,
    MachineFellBehind,
    MachineReading,
    fell_behind,
)
from nomos_testing.surroundings import monotonic
from nomos_testing.topology.timing import RunTiming

READING_SECONDS: Final = 1.0
_TICK_SECONDS: Final = 0.1
"""How often the event loop is asked whether it comes in time."""
_CLOCK_TOLERANCE_SECONDS: Final = 60.0
"""The start of a process is known by a clock that was read when the machine booted."""
_KEPT_READINGS: Final = 600
"""Ten minutes are judged at most, so that a long run's watching stays cheap."""
_AFTER_FAULTS_SLOTS: Final = 10
"""The network finds together again."""


class MachineWatch:
    """Reads about once a second, and says once in the journal that the machine does not keep up."""

    def __init__(
        self,
        feed: BlockFeed,
        faults: FaultLog,
        metrics: RunTiming,
        journal: Journal,
        odds: LotteryOdds | None = None,
    ) -> None:
        """Without ``odds`` a slot is taken to have a block with the chance of the active slot coefficient."""
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

    async def run(self) -> None:
        """Endless."""
        self._started = monotonic()
        self.take(0.0)
        while True:
            self.take(await _longest_delay(READING_SECONDS))

    def take(self, loop_delay: float) -> None:
        """Journal a reading, and the finding where it is the first."""
        reading = self.reading(loop_delay)
        self._readings.append(reading)
        self._journal.write(reading)
        finding = self._judged(NEGLIGIBLE_CHANCE)
        if finding is not None:
            if self._latest is None:
                self._journal.write(finding)
            self._latest = finding

    def explanation(self) -> MachineFellBehind | None:
        """The machine's part in why a run failed: the latest finding, or one that is likely enough now."""
        return self._latest or self._judged(SMALL_CHANCE)

    def _judged(self, chance: float) -> MachineFellBehind | None:
        slot = self._metrics.slot_duration
        if slot is None:
            return None
        return fell_behind(tuple(self._readings), slot_seconds=slot, active_slot_coeff=self._wins(), chance=chance)

    def _wins(self) -> float:
        """The chance that a slot has a block. Notes that transactions have spent draw no more."""
        if self._odds is None:
            return self._metrics.active_slot_coeff
        records = self._feed.history.records
        for record in records[self._records_counted :]:
            self._spent_notes += sum(len(tx.mantle_tx.ledger_tx.inputs) for tx in record.block.transactions)
        self._records_counted = len(records)
        return min(self._metrics.active_slot_coeff, 1 - self._odds.empty_slot(self._spent_notes))

    def reading(self, loop_delay: float) -> MachineReading:
        """Look at the machine and at the network."""
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
        since = self._faults.faultless_since()
        return since is not None and now - since >= _AFTER_FAULTS_SLOTS * (self._metrics.slot_duration or 1.0)

    def _tip_age(self, now: float) -> float | None:
        """Slots since that of the highest block. The block seen soonest after its slot tells when slots began."""
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
    """Processor time of the machine and of the nodes' processes, from one asking to the next."""

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
        """The share of all processors that was used, and by node how many processors it used."""
        now, machine, nodes = monotonic(), _machine_times(), self._node_times()
        busy, total = machine[0] - self._machine[0], machine[1] - self._machine[1]
        seconds = now - self._asked
        used = {
            node: max(0.0, spent - self._nodes[node]) / seconds
            for node, spent in nodes.items()
            if node in self._nodes and seconds > 0
        }
        self._asked, self._machine, self._nodes = now, machine, nodes
        # The kernel's time of waiting for disks may run backwards a little.
        return (min(max(busy / total, 0.0), 1.0) if total > 0 else 0.0), used

    def _note(self, entry: Entry) -> None:
        if isinstance(entry.event, NodeStarted) and entry.event.pid is not None:
            self._pids[entry.event.node] = entry.event.pid

    def _node_times(self) -> dict[str, float]:
        """Seconds by node, of those whose process is seen from here."""
        found = {}
        for node, pid in self._pids.items():
            try:
                process = psutil.Process(pid)
                # A container's process may run on another machine: then this one's pid is some older program.
                if process.create_time() >= self._run_began - _CLOCK_TOLERANCE_SECONDS:
                    times = process.cpu_times()
                    found[node] = times.user + times.system
            except psutil.Error:
                continue  # it ended, or belongs to another user
        return found


def _machine_times() -> tuple[float, float]:
    """Seconds of processor time used and in all, summed over the processors."""
    times = psutil.cpu_times()
    total = sum(times[:8])  # the guests' times, which follow, are in the first ones already
    return total - times.idle - getattr(times, "iowait", 0.0), total


async def _longest_delay(seconds: float) -> float:
    """Let time pass, and return how late the event loop came at the worst."""
    longest, end = 0.0, monotonic() + seconds
    while (asked := monotonic()) < end:
        await asyncio.sleep(_TICK_SECONDS)
        longest = max(longest, monotonic() - asked - _TICK_SECONDS)
    return longest
