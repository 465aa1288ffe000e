"""Run directories as runs leave them, written from made-up events, so that a test needs no network."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nomos_testing.expectations.expectation_events import ExpectationBroken
from nomos_testing.faults.fault_events import FaultHealed, FaultInjected, FaultRecovered, HealVerified
from nomos_testing.journal.events import (
    BlockSeen,
    ExpectationJudged,
    NodeExited,
    NodeReady,
    NodeSample,
    NodeStarted,
    PhaseEnded,
    PhaseStarted,
    Reorganised,
    RunEnded,
    RunStarted,
    Sample,
    TipChanged,
    VerdictReached,
)
from nomos_testing.journal.journal import JOURNAL_NAME, Entry, to_line
from nomos_testing.workloads.blobs.events import BlobIncluded
from nomos_testing.workloads.transactions.events import TransactionIncluded, TransactionSent

BEGAN = 1_767_225_600.0  # 2026-01-01T00:00:00Z
Timed = tuple[float, Any]


def write_run(directory: Path, events: Iterable[Timed]) -> Path:
    """Write the journal of a run from events with their times, and give the directory."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / JOURNAL_NAME).open("w") as file:
        file.writelines(to_line(Entry(at, _time(at), event)) for at, event in events)
    return directory


def log_line(at: float, text: str, level: str = "INFO") -> str:
    """Return a line of a node's log, as nodes write it."""
    return f"{_time(at).removesuffix('+00:00')}Z {level:>5} nomos_node::chain: {text}\n"


def _time(at: float) -> str:
    return datetime.fromtimestamp(BEGAN + at, UTC).isoformat(timespec="microseconds")


def started(scenario: str = "made-up", *, seconds: float = 60.0) -> RunStarted:
    """Return the first event of a run."""
    return RunStarted(
        run_id="made-up-20260101-000000-0000",
        scenario=scenario,
        deployer="local",
        seed=7,
        run_seconds=seconds,
        slot_seconds=1.0,
        expected_blocks=27,
        lottery_expected_blocks=27.0,
        machine_factor=1.0,
        directory="/runs/made-up-20260101-000000-0000",
    )


def eventful_run(nodes: int = 5, seconds: int = 600, *, seed: int = 1, transactions: int = 0) -> list[Timed]:
    """Return the events of a failed run with faults, forks, transactions, blobs and a node that dies.

    Args:
        nodes: how many.
        seconds: its length.
        seed: of everything that is random in it.
        transactions: how many there are in each second.
    """
    rng = random.Random(seed)
    names = [f"validator-{number}" for number in range(nodes)]
    events = [
        *_start(names, seconds),
        *_chain(names, seconds, rng),
        *_samples(names, seconds, rng),
        *_faults(names, seconds),
        *_transactions(names, seconds, transactions, rng),
        *_end(names, seconds),
    ]
    dead = next(at for at, event in events if isinstance(event, NodeExited))
    told = [(at, event) for at, event in events if at <= dead or getattr(event, "node", "") != names[-1]]
    return sorted(told, key=lambda timed: timed[0])


def _start(names: list[str], seconds: int) -> Iterator[Timed]:
    yield 0.0, started(seconds=seconds)
    yield 0.0, PhaseStarted("start")
    for name in names:
        yield 0.2, NodeStarted(node=name, program="nomos-node", url="http://127.0.0.1:1", pid=1)
        yield 0.5, NodeReady(name, 0.3)
    yield 0.6, PhaseEnded("start", 0.6)
    yield 0.6, PhaseStarted("run", float(seconds))


def _chain(names: list[str], seconds: int, rng: random.Random) -> Iterator[Timed]:
    """Yield a chain with a fork of two to four blocks at every tenth height."""
    tip, height, slot = "00" * 32, 0, 0
    while slot < seconds - 8:
        slot += rng.randint(1, 3)
        parent, tip, height = tip, rng.randbytes(32).hex(), height + 1
        yield from _block(tip, parent, (height, slot), names, rng)
        if height % 10 == 0:
            loser, branch, depth = rng.choice(names), tip, rng.randint(2, 4)
            for step in range(1, depth + 1):
                parent, branch = branch, rng.randbytes(32).hex()
                yield from _block(branch, parent, (height + step, slot + step), [loser], rng)
            ancestor, winners = tip, [name for name in names if name != loser]
            for step in range(1, depth + 2):
                parent, tip = tip, rng.randbytes(32).hex()
                yield from _block(tip, parent, (height + step, slot + step), winners, rng)
            height, slot = height + depth + 1, slot + depth + 1
            moved = {"node": loser, "old_tip": branch, "new_tip": tip, "common_ancestor": ancestor}
            yield slot + 0.9, Reorganised(**moved, abandoned=depth, adopted=depth + 1)
            yield slot + 0.9, TipChanged(node=loser, tip=tip, height=height, slot=slot)


def _block(block: str, parent: str, at: tuple[int, int], names: list[str], rng: random.Random) -> Iterator[Timed]:
    height, slot = at
    first, *others = rng.sample(names, len(names))
    count = rng.randint(0, 9)
    seen = {"block": block, "parent": parent, "slot": slot, "height": height, "transactions": count, "node": first}
    yield slot + 0.1, BlockSeen(**seen)
    yield slot + 0.1, TipChanged(node=first, tip=block, height=height, slot=slot)
    for name in others:
        yield slot + 0.1 + rng.expovariate(8), TipChanged(node=name, tip=block, height=height, slot=slot)


def _samples(names: list[str], seconds: int, rng: random.Random) -> Iterator[Timed]:
    for second in range(1, seconds):
        nodes = {
            name: NodeSample(
                height=second // 2,
                slot=second,
                peers=rng.randint(len(names) - 2, len(names) - 1),
                mempool=rng.randint(0, 40),
                cpu=rng.random(),
                memory_bytes=80_000_000 + second * 20_000 + rng.randint(0, 5_000_000),
                disk_bytes=second * 30_000,
            )
            for name in (names if second < seconds / 2 else names[:-1])
        }
        counters = {
            "transactions_planned": 5 * seconds,
            "transactions_sent": 5 * second,
            "transactions_included": 5 * second - rng.randint(0, 5),
            "blobs_planned": seconds,
            "blobs_dispersed": second,
            "blobs_included": max(0, second - 4),
        }
        yield float(second), Sample(nodes, counters)


def _faults(names: list[str], seconds: int) -> Iterator[Timed]:
    for number, at in enumerate(range(20, seconds - 20, 45), start=1):
        fault = f"pause {names[number % len(names)]}"
        injected = {"number": number, "fault": fault, "origin": "faults", "planned_at": float(at)}
        yield at + 0.6, FaultInjected(**injected, late=0.0, seconds=0.01)
        yield at + 8.6, FaultHealed(number=number, fault=fault, seconds=0.02)
        yield at + 8.8, HealVerified(number=number, verified=True, seconds=0.2)
        told = {"number": number, "fault": fault, "seconds": 3.0, "slots": 3.0}
        yield at + 11.6, FaultRecovered(**told, overlapped=False)


def _transactions(names: list[str], seconds: int, each_second: int, rng: random.Random) -> Iterator[Timed]:
    for number in range(seconds * each_second):
        name = rng.randbytes(32).hex()
        yield number / each_second, TransactionSent(transaction=name, account="user 1", node=rng.choice(names))
    for _ in range(200):
        place = {"block": rng.randbytes(32).hex(), "height": 4, "slot": 9, "latency_seconds": rng.expovariate(0.5)}
        yield seconds + 1.0, TransactionIncluded(transaction=rng.randbytes(32).hex(), **place)
        yield seconds + 1.0, BlobIncluded(blob=rng.randbytes(32).hex(), channel=rng.randbytes(32).hex(), **place)


def _end(names: list[str], seconds: int) -> Iterator[Timed]:
    lines = ("thread main panicked", "no space left on device")
    yield seconds / 2, NodeExited(node=names[-1], status="exit code 101", expected=False, last_lines=lines)
    broken = f"{names[-1]} does not answer"
    yield seconds / 2 + 2, ExpectationBroken(expectation="no_stalls", description=broken, slot=300.0, active_faults=())
    yield seconds + 0.6, PhaseEnded("run", float(seconds))
    yield seconds + 1.1, ExpectationJudged(expectation="consensus_liveness", passed=True, observed=20, required=15)
    evidence = tuple(f"slot {slot}: {broken}" for slot in range(5))
    failed = {"expectation": "no_stalls", "passed": False, "observed": 5, "required": 0, "message": broken}
    yield seconds + 1.2, ExpectationJudged(**failed, evidence=evidence)
    yield (
        seconds + 1.3,
        VerdictReached(passed=False, failure=f"expectations failed:\nno_stalls: {broken}", verdict="failed"),
    )
    yield seconds + 1.5, RunEnded("failed", "no_stalls")
