"""The figures of a run follow from its journal, event by event."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from nomos_testing.evidence.node_series import NodeEnd, NodeLife
from nomos_testing.evidence.numbers import Phase, numbers_of
from nomos_testing.evidence.run_record import read_run
from nomos_testing.faults.fault_events import FaultHealed, FaultInjected, FaultRecovered, FaultsPlanned
from nomos_testing.journal.events import (
    BlockSeen,
    NodeExited,
    NodeSample,
    NodeStarted,
    PhaseEnded,
    PhaseStarted,
    Reorganised,
    Sample,
    TipChanged,
)
from nomos_testing.percentiles import Percentiles
from nomos_testing.runtime.machine_load import MachineReading
from nomos_testing.workloads.blobs.events import BlobIncluded, BlobsFinished, BlobsJudged
from nomos_testing.workloads.transactions.events import TransactionIncluded, TransactionsFinished, TransactionsJudged
from support.inputs.written_run import started, written_run

A, B = "validator-0", "validator-1"


def seen(block: str, parent: str, height: int, node: str = A) -> BlockSeen:
    return BlockSeen(block=block, parent=parent, slot=2 * height, height=height, transactions=1, node=node)


def tip(node: str, block: str, height: int) -> TipChanged:
    return TipChanged(node=node, tip=block, height=height, slot=2 * height)


def node(name: str) -> NodeStarted:
    return NodeStarted(node=name, program="/bin/node", url="http://127.0.0.1:1")


def a_fork() -> list[tuple[float, Any]]:
    """Return a chain of two blocks, whose second has a rival that two nodes leave."""
    return [
        (1.0, seen("a1", "genesis", 1)),
        (1.0, tip(A, "a1", 1)),
        (1.5, tip(B, "a1", 1)),
        (2.0, seen("left2", "a1", 2)),
        (2.0, tip(A, "left2", 2)),
        (2.5, seen("right2", "a1", 2, B)),
        (2.5, tip(B, "right2", 2)),
        (3.0, seen("right3", "right2", 3, B)),
        (3.0, tip(B, "right3", 3)),
        (
            4.0,
            Reorganised(node=A, old_tip="left2", new_tip="right3", common_ancestor="a1", abandoned=1, adopted=2),
        ),
        (4.0, tip(A, "right3", 3)),
    ]


def test_a_block_has_arrived_with_the_first_tip_above_it(tmp_path: Path) -> None:
    numbers = numbers_of(written_run(tmp_path, a_fork()))
    assert numbers.propagation_seconds == {A: (0.0, 0.0, 1.0, 1.5), B: (0.5, 0.0, 0.0)}
    assert numbers.propagation[A] == Percentiles(0.0, 1.5, 1.5, 4)


def test_what_a_node_fetches_after_its_start_is_no_propagation(tmp_path: Path) -> None:
    events = [
        (1.0, seen("a1", "genesis", 1)),
        (2.0, seen("a2", "a1", 2)),
        (3.0, node(B)),
        (4.0, tip(B, "a2", 2)),
        (5.0, seen("a3", "a2", 3)),
        (5.25, tip(B, "a3", 3)),
    ]
    assert numbers_of(written_run(tmp_path, events)).propagation_seconds == {B: (0.25,)}


def test_a_fork_tree_has_both_branches_and_who_held_which_tip(tmp_path: Path) -> None:
    numbers = numbers_of(written_run(tmp_path, a_fork()))
    (tree,) = numbers.fork_trees
    assert (tree.ancestor, [block.id for block in tree.blocks]) == ("a1", ["left2", "right2", "right3"])
    assert tree.tips == {A: "left2", B: "right3"}
    assert tree.abandoned == {"left2"}
    assert tree.reorganisations == numbers.reorganisations
    assert (numbers.reorganisations[0].at, numbers.reorganisations[0].node) == (4.0, A)
    assert numbers.canonical == ("a1", "right2", "right3")


def test_reorganisations_from_one_ancestor_share_a_tree(tmp_path: Path) -> None:
    more = Reorganised(node=B, old_tip="left2", new_tip="right3", common_ancestor="a1", abandoned=1, adopted=2)
    (tree,) = numbers_of(written_run(tmp_path, [*a_fork(), (5.0, more)])).fork_trees
    assert [item.node for item in tree.reorganisations] == [A, B]


def test_blocks_in_a_circle_end_no_walk_twice(tmp_path: Path) -> None:
    circle = [(1.0, seen("x", "y", 1)), (1.0, seen("y", "x", 2)), (2.0, tip(A, "y", 2))]
    back = Reorganised(node=A, old_tip="x", new_tip="y", common_ancestor="z", abandoned=1, adopted=1)
    numbers = numbers_of(written_run(tmp_path, [*circle, (3.0, back)]))
    assert numbers.canonical == ("x", "y")
    assert {block.id for block in numbers.fork_trees[0].blocks} == {"x", "y"}


def test_heights_are_those_of_the_tips_and_of_samples_where_there_are_none(tmp_path: Path) -> None:
    sample = Sample({A: NodeSample(height=1, peers=2), B: NodeSample(height=7)}, {})
    numbers = numbers_of(written_run(tmp_path, [(1.0, tip(A, "a1", 1)), (2.0, sample), (3.0, tip(A, "a2", 2))]))
    assert numbers.heights == {A: ((1.0, 1), (3.0, 2)), B: ((2.0, 7),)}


def test_each_metric_has_the_values_that_were_sampled(tmp_path: Path) -> None:
    full = NodeSample(peers=1, mempool=4, cpu=0.5, memory_bytes=100, disk_bytes=200)
    numbers = numbers_of(written_run(tmp_path, [(1.0, Sample({A: full}, {})), (2.0, Sample({A: NodeSample()}, {}))]))
    assert numbers.series == {
        "peers": {A: ((1.0, 1),)},
        "mempool": {A: ((1.0, 4),)},
        "cpu": {A: ((1.0, 0.5),)},
        "memory": {A: ((1.0, 100),)},
        "disk": {A: ((1.0, 200),)},
    }


def test_processors_of_an_older_journal_come_from_the_watch_of_the_machine(tmp_path: Path) -> None:
    reading = MachineReading(
        seconds=1.0, height=1, loop_delay_seconds=0.0, machine_cpu=0.5, processors=2, nodes_cpu={A: 0.25}
    )
    assert numbers_of(written_run(tmp_path, [(1.0, reading)])).series == {"cpu": {A: ((1.0, 0.25),)}}


def fault(number: int, text: str) -> FaultInjected:
    return FaultInjected(number=number, fault=text, origin="faults", planned_at=1.0, late=0.0, seconds=0.1)


def test_a_fault_has_a_window_and_the_nodes_that_its_plan_names(tmp_path: Path) -> None:
    plan: tuple[dict[str, Any], ...] = (
        {"number": 1, "path": B, "partition": {"groups": [[A], [B]]}},
        {"number": 2, "latency": {"seconds": 1.0}},
    )
    events = [
        (0.5, node(A)),
        (0.5, node(B)),
        (1.0, FaultsPlanned(plan, ())),
        (2.0, fault(1, f"partition {A} | {B}")),
        (3.0, fault(2, "latency 1 s")),
        (4.0, FaultHealed(number=1, fault="", seconds=0.2)),
        (5.0, FaultRecovered(number=1, fault="", seconds=1.0, slots=2.0, overlapped=True)),
        (6.0, fault(3, f"kill {B}")),
    ]
    numbers = numbers_of(written_run(tmp_path, events))
    cut, slow, unplanned = numbers.fault_windows
    assert (cut.nodes, cut.began, cut.ended, cut.recovered, cut.recovered_slots) == ((A, B), 2.0, 4.0, 5.0, 2.0)
    assert (slow.nodes, slow.ended, slow.recovered) == ((), None, None)
    assert unplanned.nodes == (B,)
    assert numbers.recoveries == (cut,)


def test_items_are_counted_over_time_and_at_the_end(tmp_path: Path) -> None:
    def counted(sent: int, included: int) -> Sample:
        return Sample({}, {"transactions_planned": 9, "transactions_sent": sent, "transactions_included": included})

    def included(latency: float) -> TransactionIncluded:
        return TransactionIncluded(transaction="t", block="b", height=1, slot=1, latency_seconds=latency)

    events = [
        (1.0, counted(1, 0)),
        (2.0, counted(1, 0)),
        (3.0, counted(3, 2)),
        (4.0, included(2.0)),
        (4.0, included(1.0)),
        (5.0, TransactionsFinished(planned=9, sent=4, interval_seconds=1.0, furthest_behind_seconds=0.0)),
        (6.0, TransactionsJudged(planned=9, sent=4, included=2)),
    ]
    found = numbers_of(written_run(tmp_path, events)).transactions
    assert found is not None
    assert [(item.at, item.sent, item.included) for item in found.over_time] == [(1.0, 1, 0), (3.0, 3, 2)]
    assert (found.planned, found.sent, found.included) == (9, 4, 2)
    assert (found.latencies, found.latency) == ((2.0, 1.0), Percentiles(1.0, 2.0, 2.0, 2))


def test_blobs_that_were_never_judged_have_the_numbers_of_their_workload(tmp_path: Path) -> None:
    included = BlobIncluded(blob="b", channel="c", block="x", height=1, slot=1, latency_seconds=0.5)
    events = [
        (1.0, Sample({}, {"blobs_planned": 3, "blobs_dispersed": 1, "blobs_included": 1})),
        (2.0, included),
        (3.0, BlobsFinished(planned=3, dispersed=2, overdue=0)),
    ]
    numbers = numbers_of(written_run(tmp_path, events))
    assert numbers.blobs is not None
    assert (numbers.blobs.planned, numbers.blobs.sent, numbers.blobs.included) == (3, 2, 1)
    assert numbers.transactions is None


def test_planned_blobs_are_those_of_the_workload_and_not_those_that_are_expected(tmp_path: Path) -> None:
    finished = BlobsFinished(planned=24, dispersed=24, overdue=0)
    judged = BlobsJudged(channels=2, inscribed=2, dispersed=24, included=23, expected=22, required=18)
    numbers = numbers_of(written_run(tmp_path, [(1.0, finished), (2.0, judged)]))
    assert numbers.blobs is not None
    assert (numbers.blobs.planned, numbers.blobs.sent, numbers.blobs.included) == (24, 24, 23)


def test_starts_and_ends_of_a_node_are_kept(tmp_path: Path) -> None:
    killed = NodeExited(node=A, status="killed by SIGKILL", expected=True)
    numbers = numbers_of(written_run(tmp_path, [(1.0, node(A)), (2.0, killed), (3.0, node(A))]))
    assert numbers.lives == {A: NodeLife((1.0, 3.0), (NodeEnd(2.0, "killed by SIGKILL", True),))}
    assert numbers.lives[A].restarts == 1


def test_a_phase_that_never_ended_has_no_length(tmp_path: Path) -> None:
    events = [(1.0, PhaseStarted("start")), (3.0, PhaseEnded("start", 2.0, "no port")), (3.0, PhaseStarted("run"))]
    numbers = numbers_of(written_run(tmp_path, events))
    assert numbers.phases == (Phase("start", 1.0, 2.0, "no port"), Phase("run", 3.0, None, None))
    assert numbers.run_phase == numbers.phases[1]


def test_a_run_that_never_came_up_has_figures_without_content(tmp_path: Path) -> None:
    numbers = numbers_of(written_run(tmp_path, [(0.0, started(tmp_path))]))
    assert (numbers.slot_seconds, numbers.blocks, numbers.canonical, numbers.series) == (0.5, {}, (), {})
    assert numbers.run_phase is None


def test_the_figures_of_a_long_journal_cost_no_more_than_some_readings_of_it(tmp_path: Path) -> None:
    events: list[tuple[float, Any]] = []
    for height in range(1, 4001):
        at, block = float(height), f"{height:064x}"
        tips = [(at, tip(name, block, height)) for name in (A, B)]
        sample = (at, Sample({name: NodeSample(height=height, peers=1) for name in (A, B)}, {}))
        events += [(at, seen(block, f"{height - 1:064x}", height)), *tips, sample, sample]
    written_run(tmp_path, events)
    began = time.process_time()
    record = read_run(tmp_path)
    read = time.process_time()
    numbers = numbers_of(record)
    assert time.process_time() - read < 3 * (read - began)  # a fifth, and a collection of garbage
    assert len(numbers.canonical) == 4000
