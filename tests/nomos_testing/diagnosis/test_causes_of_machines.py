"""An overloaded machine, a full disk, a wrong clock and a slow node are told from each other."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from nomos_testing.diagnosis.diagnose import diagnose
from nomos_testing.expectations.expectation_events import ExpectationBroken
from nomos_testing.journal.events import (
    BlockSeen,
    NodeControlled,
    NodeExited,
    NodeSample,
    NodeStarted,
    Sample,
    TipChanged,
)
from nomos_testing.outcome import VerdictKind
from nomos_testing.runtime.machine_load import MachineFellBehind
from support.inputs.written_run import RUN_SECONDS, SLOT_SECONDS, at_slot, failed_expectation, judged_run

BEHIND = failed_expectation("no_stalls", "validator-1 has shown no new block for 12 slots")
FELL_BEHIND = MachineFellBehind(
    seconds=10.0,
    slot_seconds=SLOT_SECONDS,
    expected_blocks=18.0,
    blocks=4,
    machine_cpu=0.99,
    processors=2,
    nodes_cpu={"validator-0": 0.3, "validator-1": 0.4},
    loop_delay_seconds=0.8,
)
SLOTS = range(0, 60, 2)


def sample(heights: tuple[int, int], *, silent: bool = False) -> Sample:
    first, second = heights
    error = "no answer within 1 s" if silent else None
    nodes = {
        "validator-0": NodeSample(height=first, peers=1),
        "validator-1": NodeSample(height=second, peers=None if silent else 1, error=error),
    }
    return Sample(nodes, {})


def test_an_overloaded_machine_is_the_cause_of_a_slow_run_with_its_figures(tmp_path: Path) -> None:
    record = judged_run(tmp_path, [(at_slot(30), FELL_BEHIND)], [BEHIND], kind=VerdictKind.SLOW)
    (cause,) = diagnose(record)
    assert (cause.known, cause.confidence) == ("machine-overloaded", "certain")
    assert "there were 4 new blocks, 18 expected; processors 99% busy" in cause.title
    assert cause.since_slot == 10.0  # ten seconds before it was found


def test_a_busy_machine_is_only_likely_to_be_the_cause_of_a_run_that_failed(tmp_path: Path) -> None:
    (cause,) = diagnose(judged_run(tmp_path, [(at_slot(30), FELL_BEHIND)], [BEHIND]))
    assert (cause.known, cause.confidence) == ("machine-overloaded", "likely")


def test_what_was_done_to_a_node_comes_before_a_machine_that_was_busy_besides(tmp_path: Path) -> None:
    killed = (at_slot(40), NodeControlled("validator-1", "kill", 0.1))
    record = judged_run(tmp_path, [(at_slot(30), FELL_BEHIND), killed], [BEHIND], kind=VerdictKind.SLOW)
    assert [cause.known for cause in diagnose(record)] == ["node-killed", "machine-overloaded"]


def test_a_slow_run_whose_journal_has_no_finding_takes_the_figures_from_the_failure(tmp_path: Path) -> None:
    record = judged_run(tmp_path, [], [BEHIND], kind=VerdictKind.SLOW, failure=f"too few blocks\n{FELL_BEHIND}")
    assert [cause.title for cause in diagnose(record)] == [str(FELL_BEHIND)]


def test_a_node_that_ended_of_its_full_disk_is_named_once(tmp_path: Path) -> None:
    full = (at_slot(10), NodeControlled("validator-1", "fill disk", 0.01))
    exited = NodeExited(node="validator-1", status="exit code 1", expected=False)
    freed = (at_slot(0) + RUN_SECONDS + 0.1, NodeControlled("validator-1", "free disk", 0.01))
    (cause,) = diagnose(judged_run(tmp_path, [full, (at_slot(12), exited), freed], [BEHIND]))
    assert (cause.known, cause.confidence) == ("disk-full", "certain")
    expected = "the disk of validator-1 was full from slot 10 on, by a workload, and validator-1 ended at slot 12"
    assert cause.title == expected


def test_a_disk_that_was_full_for_a_time_is_no_cause_once_its_node_runs_again(tmp_path: Path) -> None:
    events: list[tuple[float, Any]] = [
        (at_slot(10), NodeControlled("validator-1", "fill disk", 0.01)),
        (at_slot(12), NodeExited(node="validator-1", status="exit code 1", expected=False)),
        (at_slot(14), NodeControlled("validator-1", "free disk", 0.01)),
        (at_slot(15), NodeStarted(node="validator-1", program="nomos-node", url="http://127.0.0.1:1")),
    ]
    assert diagnose(judged_run(tmp_path, events, [BEHIND])) == ()


def test_a_disk_that_is_really_full_is_known_by_the_last_lines_of_the_node(tmp_path: Path) -> None:
    lines = ("2026-01-01T00:00:00Z ERROR nomos_storage: database or disk is full",)
    exited = NodeExited(node="validator-1", status="exit code 1", expected=False, last_lines=lines)
    (cause,) = diagnose(judged_run(tmp_path, [(at_slot(12), exited)], [BEHIND]))
    assert (cause.known, cause.node) == ("disk-full", "validator-1")
    assert cause.title.endswith("database or disk is full")


def test_the_log_of_a_node_with_a_full_disk_is_quoted(tmp_path: Path) -> None:
    tmp_path.joinpath("validator-1").mkdir()
    full = (at_slot(10), NodeControlled("validator-1", "fill disk", 0.01))
    record = judged_run(tmp_path, [full], [BEHIND])
    log = tmp_path / "validator-1" / "stdout.log"
    log.write_text("2099-01-01T00:00:00Z ERROR storage: disk I/O: database or disk is full\n")
    (cause,) = diagnose(record)
    assert cause.says == ("disk I/O: database or disk is full",)


def test_a_wrong_clock_is_the_cause_until_it_is_put_right(tmp_path: Path) -> None:
    wrong = (at_slot(10), NodeControlled("validator-1", "put the clock +30 s off", 0.01))
    (cause,) = diagnose(judged_run(tmp_path / "kept", [wrong], [BEHIND]))
    assert (cause.known, cause.confidence) == ("clock-skewed", "certain")
    assert cause.title == "the clock of validator-1 was +30 s off from slot 10 on, by a workload"
    right = (at_slot(12), NodeControlled("validator-1", "put the clock right", 0.01))
    assert diagnose(judged_run(tmp_path / "put right", [wrong, right], [BEHIND])) == ()


def logged_blocks(
    directory: Path, journal_began: float, offset: Callable[[float], float], *, numbers: bool = False
) -> None:
    """Write the log of validator-1 with the blocks of ``blocks()``, each ``offset`` seconds after it was seen."""
    (directory / "validator-1").mkdir()
    lines = []
    for at, event in blocks():
        time = datetime.fromtimestamp(journal_began + at + offset(at), UTC).isoformat().removesuffix("+00:00")
        listed = f"HeaderId([{', '.join(map(str, bytes.fromhex(event.block)))}])"
        lines.append(f"{time}Z  INFO chain: received block {listed if numbers else f'0x{event.block}'}, slot 3")
    (directory / "validator-1" / "stdout.log").write_text("\n".join(lines))


def blocks() -> list[tuple[float, BlockSeen]]:
    return [(at_slot(slot), seen(slot)) for slot in range(1, 20)]


def seen(slot: int) -> BlockSeen:
    return BlockSeen(block=f"{slot:064x}", parent="", slot=slot, height=1, transactions=0, node="validator-0")


@pytest.mark.parametrize("numbers", [False, True])
@pytest.mark.parametrize(
    ("offset", "title"),
    [
        (30.0, "the clock of validator-1 is 30 s ahead of the runner's"),
        (-3600.0, "the clock of validator-1 is 3600 s behind the runner's"),
        (0.3, None),
    ],
)
def test_a_clock_that_nobody_shifted_is_found_by_the_blocks_in_the_log(
    tmp_path: Path, offset: float, title: str | None, numbers: bool
) -> None:
    record = judged_run(tmp_path, blocks(), [BEHIND])
    logged_blocks(tmp_path, record.began, lambda _: offset, numbers=numbers)
    found = [cause.title.partition(":")[0] for cause in diagnose(record)]
    assert found == ([] if title is None else [title])


def test_a_node_that_got_its_blocks_late_has_no_wrong_clock(tmp_path: Path) -> None:
    record = judged_run(tmp_path, blocks(), [BEHIND])
    logged_blocks(tmp_path, record.began, lambda at: at_slot(40) - at)  # all of them at once
    assert diagnose(record) == ()


def test_a_node_that_is_often_silent_is_slow(tmp_path: Path) -> None:
    samples = [(at_slot(slot), sample((slot, slot), silent=slot % 4 == 0)) for slot in SLOTS]
    (cause,) = diagnose(judged_run(tmp_path, samples, [BEHIND]))
    assert (cause.known, cause.node, cause.confidence) == ("node-slow", "validator-1", "likely")
    assert cause.title.startswith("validator-1 was slow: for 52% of the time")


def test_a_node_that_falls_behind_again_and_again_is_slow_by_its_tips_alone(tmp_path: Path) -> None:
    events: list[tuple[float, Any]] = []
    for slot in SLOTS:
        late = slot - slot % 12
        events.append((at_slot(slot), TipChanged(node="validator-0", tip="a", height=slot, slot=slot)))
        events.append((at_slot(slot), TipChanged(node="validator-1", tip="a", height=late, slot=late)))
    (cause,) = diagnose(judged_run(tmp_path, events, [BEHIND]))
    assert (cause.known, cause.node) == ("node-slow", "validator-1")


def test_a_node_that_answers_no_more_is_silent(tmp_path: Path) -> None:
    samples = [(at_slot(slot), sample((slot, min(slot, 20)), silent=slot >= 20)) for slot in SLOTS]
    (cause,) = diagnose(judged_run(tmp_path, samples, [BEHIND]))
    assert (cause.known, cause.since_slot) == ("node-silent", 20.0)


def test_what_was_done_to_one_node_comes_before_another_that_was_slow(tmp_path: Path) -> None:
    wrong = (at_slot(10), NodeControlled("validator-0", "put the clock +30 s off", 0.01))
    samples = [(at_slot(slot), sample((slot, slot), silent=slot % 4 == 0)) for slot in SLOTS]
    causes = diagnose(judged_run(tmp_path, [wrong, *samples], [BEHIND]))
    assert [(cause.known, cause.confidence) for cause in causes] == [
        ("clock-skewed", "likely"),
        ("node-slow", "possible"),
    ]


def test_nodes_that_are_all_slow_are_no_slow_node(tmp_path: Path) -> None:
    silent = {name: NodeSample(height=3, error="no answer") for name in ("validator-0", "validator-1")}
    samples = [(at_slot(slot), Sample(silent, {})) for slot in SLOTS]
    assert diagnose(judged_run(tmp_path, samples, [BEHIND])) == ()


def test_a_node_that_catches_up_after_a_fault_is_not_called_slow(tmp_path: Path) -> None:
    killed = (at_slot(10), NodeControlled("validator-1", "kill", 0.1))
    again = (at_slot(40), NodeControlled("validator-1", "start", 0.1))
    samples = [(at_slot(slot), sample((slot, 10 if 10 <= slot < 50 else slot))) for slot in SLOTS]
    assert diagnose(judged_run(tmp_path, [killed, again, *samples], [BEHIND])) == ()


def test_a_node_that_a_workload_freezes_again_and_again_is_slow(tmp_path: Path) -> None:
    frozen = [(at_slot(slot), NodeControlled("validator-1", "pause", 0.0)) for slot in range(5, 45, 4)]
    thawed = [(at_slot(slot), NodeControlled("validator-1", "resume", 0.0)) for slot in range(7, 47, 4)]
    (cause,) = diagnose(judged_run(tmp_path, [*frozen, *thawed], [BEHIND]))
    assert cause.title == "validator-1 was frozen 10 times, 10.0 s in all, from slot 5 on, by a workload"


def test_a_failure_during_a_restart_points_to_it(tmp_path: Path) -> None:
    restarted = (at_slot(10), NodeControlled("validator-1", "restart", 0.5))
    broken = ExpectationBroken(expectation="no_stalls", description="validator-1", slot=14.0, active_faults=())
    (cause,) = diagnose(judged_run(tmp_path, [restarted, (at_slot(14), broken)], [BEHIND]))
    assert (cause.known, cause.confidence) == ("node-restarted", "likely")
