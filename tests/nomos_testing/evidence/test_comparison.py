"""Runs that differ are told apart, runs that differ by chance are not, and what makes a comparison doubtful is said."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

from nomos_testing.evidence.comparison import Comparison, Difference, Finding, compare, label_of
from nomos_testing.evidence.run_record import RunRecord
from nomos_testing.journal.events import (
    BlockSeen,
    NodeSample,
    PhaseEnded,
    PhaseStarted,
    Reorganised,
    RunEnvironment,
    Sample,
    TipChanged,
)
from nomos_testing.runtime.machine_load import MachineFellBehind
from nomos_testing.workloads.transactions.events import TransactionIncluded, TransactionsJudged
from support.inputs.written_run import started, written_run


def a_run(
    directory: Path,
    *,
    latency: float = 1.0,
    blocks: int = 40,
    interval: int = 1,
    forks: int = 0,
    rng: int = 1,
    also: Iterable[tuple[float, Any]] = (),
    **given: Any,
) -> RunRecord:
    """Write a run of 300 s with a block every ``interval`` slots, three transactions in each."""
    chance = Random(rng)
    events: list[tuple[float, Any]] = [
        (0.0, replace(started(directory), **given)),
        (2.0, PhaseStarted("run", 300.0)),
        (302.0, PhaseEnded("run", 300.0)),
        (302.5, TransactionsJudged(planned=3 * blocks, sent=3 * blocks, included=3 * blocks)),
        *also,
    ]
    for height in range(1, blocks + 1):
        at, block = 2.0 + height / 2, f"{height:064x}"
        parent = f"{height - 1:064x}"
        seen = BlockSeen(block=block, parent=parent, slot=height * interval, height=height, transactions=3, node="a")
        events.append((at, seen))
        events.append((at + 0.1, TipChanged(node="b", tip=block, height=height, slot=height)))
        for number in range(3):
            took = latency * chance.uniform(0.5, 1.5)
            included = TransactionIncluded(
                transaction=f"{height}-{number}", block=block, height=height, slot=height, latency_seconds=took
            )
            events.append((303.0, included))
    for number in range(forks):
        left = Reorganised(node="b", old_tip="x", new_tip="y", common_ancestor=str(number), abandoned=1, adopted=2)
        events.append((10.0, left))
    return written_run(directory, events)


def of(comparison: Comparison, measure: str) -> Difference:
    (found,) = (item for item in comparison.differences if item.measure == measure)
    return found


def test_a_latency_that_has_grown_is_beyond_noise(tmp_path: Path) -> None:
    comparison = compare([a_run(tmp_path / "a"), a_run(tmp_path / "b", latency=1.6, rng=2)])
    (found,) = comparison.beyond_noise
    assert (found.measure, found.finding, found.before, found.after) == (
        "latency of transactions", Finding.BEYOND_NOISE, "A", "B",
    )  # fmt: skip
    assert found.ratio is not None
    assert 1.3 < found.ratio < 1.9


def test_chance_alone_is_within_noise(tmp_path: Path) -> None:
    comparison = compare([a_run(tmp_path / "a"), *(a_run(tmp_path / str(rng), rng=rng) for rng in range(2, 12))])
    assert comparison.beyond_noise == ()
    latencies = [item for item in comparison.differences if item.measure == "latency of transactions"]
    assert {item.finding for item in latencies} == {Finding.WITHIN_NOISE}


def test_transactions_of_one_block_are_one_measurement(tmp_path: Path) -> None:
    few = [a_run(tmp_path / name, latency=latency, blocks=9) for name, latency in (("a", 1.0), ("b", 5.0))]
    found = of(compare(few), "latency of transactions")
    assert found.first is not None
    assert (found.first.count, found.finding) == (27, Finding.TOO_FEW)
    assert compare(few).notes[-1] == (
        "A and B have too few measurements of: time between blocks, propagation of blocks, latency of transactions; "
        "longer runs would have enough"
    )


def test_a_small_difference_is_no_finding_however_certain(tmp_path: Path) -> None:
    runs = [a_run(tmp_path / name, blocks=500, latency=latency) for name, latency in (("a", 1.0), ("b", 1.07))]
    assert of(compare(runs), "latency of transactions").finding is Finding.TOO_SMALL


def test_a_difference_below_the_interval_of_the_block_feed_cannot_be_seen(tmp_path: Path) -> None:
    runs = [a_run(tmp_path / name, latency=latency) for name, latency in (("a", 0.01), ("b", 0.05))]
    assert of(compare(runs), "latency of transactions").finding is Finding.TOO_SMALL


def test_slower_blocks_and_more_forks_are_found(tmp_path: Path) -> None:
    comparison = compare([a_run(tmp_path / "a"), a_run(tmp_path / "b", interval=3, forks=20)])
    assert {item.measure for item in comparison.beyond_noise} == {"time between blocks", "forks in 100 slots"}
    assert of(comparison, "time between blocks").typical == (0.5, 1.5)
    assert of(comparison, "forks in 100 slots").ratio == float("inf")


def test_a_measure_that_one_run_lacks_is_not_judged(tmp_path: Path) -> None:
    used = (5.0, Sample({"a": NodeSample(cpu=0.5)}, {}))
    found = of(compare([a_run(tmp_path / "a"), a_run(tmp_path / "b", also=[used])]), "processors of a node")
    assert (found.first, found.finding) == (None, Finding.MISSING)


def test_samples_of_ten_seconds_are_one_measurement(tmp_path: Path) -> None:
    runs = [
        a_run(
            tmp_path / name, also=[(2.0 + at, Sample({"a": NodeSample(cpu=cpu + at / 1e6)}, {})) for at in range(200)]
        )
        for name, cpu in (("a", 0.2), ("b", 0.4))
    ]
    found = of(compare(runs), "processors of a node")
    assert found.first is not None
    assert (found.first.count, found.finding) == (20, Finding.BEYOND_NOISE)


def test_what_makes_a_comparison_doubtful_is_said(tmp_path: Path) -> None:
    behind = MachineFellBehind(
        seconds=9.0, slot_seconds=1.0, expected_blocks=9.0, blocks=1, machine_cpu=1.0, processors=2, nodes_cpu={},
        loop_delay_seconds=0.5,
    )  # fmt: skip
    first = a_run(tmp_path / "a")
    other = a_run(
        tmp_path / "b", also=[(9.0, behind)], seed=8, deployer="compose", machine_factor=2.0, scenario="another"
    )
    assert compare([first, other]).notes == (
        "A and B have different scenarios: written, another",
        "A and B have different seeds (7, 8): other keys, leaders and random choices",
        "A and B ran on different deployers: local, compose",
        "A and B ran on machines of different speed (factors 1, 2)",
        "A did not pass (not ended), so it may have ended early",
        "B: the machine was overloaded, so its figures say little about the nodes",
        "B did not pass (not ended), so it may have ended early",
    )


def test_other_workloads_are_a_note_also_where_only_the_file_shows_them(tmp_path: Path) -> None:
    runs = [a_run(tmp_path / name) for name in "ab"]
    for run, rate in zip(runs, (1, 2), strict=True):
        (run.directory / "scenario.yaml").write_text(f"rate: {rate}\nseed: {rate}\n")
    assert "A and B have different files scenario.yaml" in compare(runs).notes
    runs = [replace(run, plan={"topology": {"validators": size}}) for run, size in zip(runs, (3, 4), strict=True)]
    assert "A and B have different plans: topology" in compare(runs).notes


def test_a_run_that_never_began_is_compared_too(tmp_path: Path) -> None:
    comparison = compare([a_run(tmp_path / "a"), written_run(tmp_path / "b", [])])
    assert comparison.notes[0] == "A and B cannot be matched: a run ended before it began"
    assert {item.finding for item in comparison.differences} == {Finding.MISSING}


def test_runs_have_labels_beyond_the_alphabet() -> None:
    assert [label_of(place) for place in (0, 25, 26, 52)] == ["A", "Z", "A2", "A3"]


def test_versions_are_those_of_the_journal_and_of_the_plan_in_older_ones(tmp_path: Path) -> None:
    environment = RunEnvironment(
        version="0.1",
        python="3.11",
        system="Linux",
        processors=2,
        memory_bytes=8_000_000_000,
        nodes={"validator": "/bin/nomos-node 1.0"},
        proofs="development",
        settings={"NOMOS_X": "1"},
    )
    older = replace(a_run(tmp_path / "b"), plan={"programs": {"validator": "/bin/nomos-node"}})
    first, second = compare([a_run(tmp_path / "a", also=[(0.0, environment)]), older]).runs
    assert (first.versions["validator"], first.versions["memory"]) == ("/bin/nomos-node 1.0", "8.0 GB")
    assert first.versions["NOMOS_X"] == "1"
    assert second.versions == {"validator": "/bin/nomos-node"}
