"""The timeline of a run: order, choice, right times of clocks that were put off, and constant memory."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from nomos_testing.cluster.network_events import NetworkImpaired
from nomos_testing.evidence.moments import NoSuchMoment, failures, read_moment, read_window
from nomos_testing.evidence.run_record import RunRecord
from nomos_testing.evidence.timeline import levels_from, timeline
from nomos_testing.journal.events import (
    BlockSeen,
    KeepEnded,
    NetworkKept,
    NodeControlled,
    Notice,
    Reorganised,
    Sample,
    VerdictReached,
    WaitEnded,
)
from support.inputs.logged_run import faulty, log_line, started, stored


def shown(record: RunRecord, **choice: Any) -> list[str]:
    return [f"{item.at:g} {item.source}: {item.text}" for item in timeline(record, **choice)]


def test_logs_and_events_come_in_the_order_of_their_times(tmp_path: Path) -> None:
    assert shown(faulty(tmp_path)) == [
        "0 run: demo on local, seed 7",
        "1 validator-0: nomos_chain: begins",
        "1.5 validator-1: nomos_chain: begins",
        "2 run: phase run begins, 60 s",
        "10 fault 3: pause validator-1 is in effect",
        "12 validator-0: nomos_chain: alone",
        "14 fault 3: pause validator-1 is healed",
        "20 no_stalls: does not hold: no block",
        "21 validator-0: nomos_chain: late",
        "29 validator-1: nomos_chain: broken",
        "29 validator-1: Traceback",
        "29 validator-1:   a line",
        "30 no_stalls: failed: no block",
        "31 validator-1: ended: exit code 1",
    ]


def test_lines_are_chosen_by_node_time_and_level(tmp_path: Path) -> None:
    record = faulty(tmp_path)
    assert shown(record, nodes=["validator-0"], since=12, until=21) == [
        "12 validator-0: nomos_chain: alone",
        "14 fault 3: pause validator-1 is healed",
        "20 no_stalls: does not hold: no block",
        "21 validator-0: nomos_chain: late",
    ]
    assert shown(record, levels=levels_from("error"), since=21) == [
        "29 validator-1: nomos_chain: broken",
        "29 validator-1: Traceback",
        "29 validator-1:   a line",
        "30 no_stalls: failed: no block",
        "31 validator-1: ended: exit code 1",
    ]
    assert all(item.kind != "log" for item in timeline(record, logs=False))


def test_events_that_are_only_numbers_have_no_line(tmp_path: Path) -> None:
    block = BlockSeen(block="ab" * 32, parent="cd" * 32, slot=4, height=2, transactions=1, node="validator-0")
    record = stored(
        tmp_path,
        [
            (0, started()),
            (1, Sample({}, {})),
            (2, block),
            (3, WaitEnded(waited_for="peers", seconds=1.5, last_seen="1 of 2", fulfilled=True)),
            (4, NetworkImpaired(number=1, description="partition a | b", links=(), seconds=0.1)),
            (5, Reorganised(node="v", old_tip="a", new_tip="b", common_ancestor="c", abandoned=2, adopted=3)),
            (6, VerdictReached(True)),
            (7, NetworkKept(1_800_000_000.0, 4711)),
            (8, KeepEnded("by hand")),
        ],
    )
    assert [item.kind for item in timeline(record)] == [
        *("run", "block", "wait", "network", "reorganisation", "verdict", "run", "run")
    ]


def test_control_characters_of_nodes_and_of_events_are_taken_out(tmp_path: Path) -> None:
    record = stored(
        tmp_path, [(0, Notice("a\x1b[31mred\x00\nb"))], {"validator-0": log_line(1, "\x1b]0;title\x07x\x00y")}
    )
    assert shown(record) == ["0 run: ared b", "1 validator-0: nomos_chain: xy"]


@pytest.mark.parametrize("shift", [5.0, -5.0, 3600.0, -3600.0])
def test_a_clock_that_was_put_off_gives_right_times(tmp_path: Path, shift: float) -> None:
    """The node writes a line each second; its clock is off from 10 s to 20 s."""
    log = ""
    for second in range(1, 30):
        off = shift if 10 <= second < 20 else 0.0
        log += log_line(second + 0.2 + off, f"second {second}")
    record = stored(
        tmp_path,
        [
            (0, started()),
            (10.1, NodeControlled("validator-0", f"put the clock {shift:+g} s off", 0.1)),
            (20.1, NodeControlled("validator-0", "put the clock right", 0.1)),
            (20.1, NodeControlled("validator-1", "put the clock +7 s off", 0.1)),
        ],
        {"validator-0": log},
    )
    seen = [(item.at, item.text) for item in timeline(record) if item.kind == "log"]
    assert [text for _, text in seen] == [f"nomos_chain: second {second}" for second in range(1, 30)]
    assert [at for at, _ in seen] == pytest.approx([second + 0.2 for second in range(1, 30)], abs=1e-3)


def test_a_file_that_begins_while_the_clock_is_off_has_right_times(tmp_path: Path) -> None:
    events = [(0.0, started()), (10.0, NodeControlled("validator-0", "put the clock +3600 s off", 0.1))]
    record = stored(tmp_path, events, {"validator-0": log_line(3, "before")}, name="__logs.08")
    record = stored(tmp_path, events, {"validator-0": log_line(3611, "in between")}, name="__logs.09")
    assert [line for line in shown(record) if "nomos_chain" in line] == [
        "3 validator-0: nomos_chain: before",
        "11 validator-0: nomos_chain: in between",
    ]


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("12.5", 12.5),
        ("slot:4", 10.0),
        ("08:41:42", 12.0),
        ("2026-01-31T08:41:42", 12.0),
        ("2026-01-31T09:41:42+01:00", 12.0),
    ],
)
def test_moments_are_seconds_slots_or_times(tmp_path: Path, text: str, at: float) -> None:
    assert read_moment(faulty(tmp_path), text) == pytest.approx(at)


@pytest.mark.parametrize("text", ["", "soon", "nan", "inf", "slot:", "slot:x", "25:00:00"])
def test_no_moment_says_what_is_expected(tmp_path: Path, text: str) -> None:
    with pytest.raises(NoSuchMoment, match=r"expected seconds of the run .*08:41:30"):
        read_moment(faulty(tmp_path), text)


def test_a_run_without_workloads_has_no_slots(tmp_path: Path) -> None:
    with pytest.raises(NoSuchMoment, match="did not get so far"):
        read_moment(stored(tmp_path, [(0, started())]), "slot:3")


def test_windows_are_around_failures_and_faults(tmp_path: Path) -> None:
    record = faulty(tmp_path)
    assert [(failure.name, failure.at) for failure in failures(record)] == [("no_stalls", 20), ("validator-1", 31)]
    assert read_window(record, "no_stalls", 5) == (15, 25)
    assert read_window(record, "fault:3", 1) == (9, 15)
    known = r"failures: no_stalls, validator-1; faults: fault:3 \(pause validator-1\)"
    with pytest.raises(NoSuchMoment, match=known):
        read_window(record, "tx_inclusion", 5)
    with pytest.raises(NoSuchMoment, match=r"fault 4 did not happen in this run; faults: fault:3"):
        read_window(record, "fault:4", 5)


def test_memory_does_not_grow_with_the_logs(tmp_path: Path) -> None:
    def peak(lines: int) -> int:
        text = "".join(log_line(number / 100, f"line {number}") for number in range(lines))
        record = stored(tmp_path, [(0, started())], {"validator-0": text, "validator-1": text})
        del text
        tracemalloc.start()
        try:
            assert sum(1 for _ in timeline(record)) == 2 * lines + 1
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(100)  # what is imported and cached at the first call
    assert peak(10_000) < 2 * peak(1_000) + 100_000
