"""Journals for the tests of the live view."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nomos_testing.faults.fault_events import FaultHealed, FaultInjected, FaultRecovered, FaultsPlanned
from nomos_testing.journal.events import (
    BlockSeen,
    NodeReady,
    NodeSample,
    NodeStarted,
    PhaseStarted,
    RunEnded,
    RunStarted,
    Sample,
    VerdictReached,
)
from nomos_testing.journal.journal import JOURNAL_NAME, Entry, to_line

BEGAN = 1_767_225_600.0
"""When the journals were opened: 2026-01-01T00:00:00Z."""


def entry(at: float, event: Any) -> Entry:
    return Entry(at, datetime.fromtimestamp(BEGAN + at, UTC).isoformat(timespec="microseconds"), event)


def append(directory: Path, *entries: Entry) -> None:
    with (directory / JOURNAL_NAME).open("a", encoding="utf-8") as file:
        file.writelines(map(to_line, entries))


def block(name: str, parent: str, height: int, node: str = "validator-0") -> BlockSeen:
    return BlockSeen(block=name, parent=parent, slot=2 * height, height=height, transactions=height % 2, node=node)


def started(directory: Path) -> Entry:
    return entry(
        0.0,
        RunStarted(
            run_id=directory.name,
            scenario="forks",
            deployer="local",
            seed=7,
            run_seconds=20.0,
            slot_seconds=0.5,
            expected_blocks=36,
            lottery_expected_blocks=36.0,
            machine_factor=1.0,
            directory=str(directory),
        ),
    )


def run_of(directory: Path, nodes: int = 3, *, over: bool = True) -> list[Entry]:
    """Give the entries of a run with a fault from 3 s to 5 s, during which the last node has a branch of its own."""
    names = [f"validator-{index}" for index in range(nodes)]
    entries = [started(directory), entry(0.1, PhaseStarted("start"))]
    for name in names:
        entries.append(entry(0.2, NodeStarted(node=name, program="nomos-node", url="http://127.0.0.1:1")))
        entries.append(entry(0.3, NodeReady(name, 0.1)))
    plan = {"number": 1, "inject_at": 2.0, "heal_at": 4.0, "partition": {}}
    line = f"   1  at     2.00 s  (slot 4)     for 2 s         partition {names[-1]}"
    entries.append(entry(0.9, FaultsPlanned((plan,), (line,))))
    entries.append(entry(1.0, PhaseStarted("run", 20.0)))
    for height in range(1, 11):
        entries.append(entry(height, block(f"a{height}", f"a{height - 1}", height)))
        alone = 3 <= height < 5
        if alone:
            entries.append(entry(height, block(f"b{height}", "a2" if height == 3 else "b3", height, names[-1])))
        samples = {
            name: NodeSample(
                height=height,
                slot=2 * height,
                peers=0 if alone and name == names[-1] else nodes - 1,
                tip=f"{'b' if alone and name == names[-1] else 'a'}{height}",
                mode="Online",
                mempool=height,
                cpu=0.25,
                memory_bytes=50_000_000 + height,
                disk_bytes=2_000_000,
            )
            for name in names
        }
        counters = {"transactions_planned": 20, "transactions_sent": 2 * height, "transactions_included": height}
        entries.append(entry(height + 0.5, Sample(samples, counters)))
        entries += _fault_events(height, names[-1])
    if over:
        entries += [entry(11.0, VerdictReached(passed=True)), entry(11.5, RunEnded("passed"))]
    return sorted(entries, key=lambda item: item.at)


def _fault_events(height: int, node: str) -> list[Entry]:
    fault = f"partition {node}"
    match height:
        case 3:
            injected = FaultInjected(number=1, fault=fault, origin="faults", planned_at=2.0, late=0.0, seconds=0.01)
            return [entry(3.0, injected)]
        case 5:
            return [entry(5.0, FaultHealed(number=1, fault=fault, seconds=0.01))]
        case 6:
            return [entry(6.0, FaultRecovered(number=1, fault=fault, seconds=1.0, slots=2.0, overlapped=False))]
    return []
