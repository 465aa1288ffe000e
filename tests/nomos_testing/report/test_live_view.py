"""What a person sees while a run lasts, and what it came to afterwards; both from the journal alone."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from nomos_testing.evidence.run_progress import RunProgress
from nomos_testing.evidence.summary import summarise
from nomos_testing.journal.events import (
    BlockSeen,
    ExpectationJudged,
    NodeExited,
    NodeReady,
    NodeSample,
    NodeStarted,
    Notice,
    PhaseEnded,
    PhaseStarted,
    Reorganised,
    RunEnded,
    RunStarted,
    Sample,
    VerdictReached,
    WaitEnded,
    WorkloadEnded,
)
from nomos_testing.journal.journal import Entry, Journal, read_journal
from nomos_testing.report.console import print_summary, shown
from nomos_testing.report.live import PlainView, ProgressView, live_view

STARTED = RunStarted(
    run_id="demo-1",
    scenario="demo",
    deployer="local",
    seed=7,
    run_seconds=60.0,
    slot_seconds=2.0,
    expected_blocks=27,
    lottery_expected_blocks=27.0,
    machine_factor=1.0,
    directory="/runs/demo-1",
)


def block(height: int) -> BlockSeen:
    return BlockSeen(block="b", parent="a", slot=height, height=height, transactions=2, node="validator-0")


def sample(height: int, *, peers: int | None = 1, sent: int = 33, included: int = 20) -> Sample:
    nodes = {"validator-0": NodeSample(height=height, peers=1), "executor-0": NodeSample(height=height, peers=peers)}
    counters = {"transactions_planned": 166, "transactions_sent": sent, "transactions_included": included}
    return Sample(nodes, counters)


def a_run(*, passed: bool = True) -> list[tuple[float, Any]]:
    failure = None if passed else "expectations failed:\ntx_inclusion_expectation: 20 below 83"
    return [
        (0.0, STARTED),
        (0.1, Notice("POL_PROOF_DEV_MODE is not set; assuming true", "warning")),
        (0.2, PhaseStarted("start")),
        (0.3, NodeStarted(node="validator-0", pid=1, program="nomos-node", url="http://a")),
        (0.3, NodeStarted(node="executor-0", pid=2, program="nomos-executor", url="http://b")),
        (0.9, NodeReady("validator-0", 0.6)),
        (1.0, NodeReady("executor-0", 0.7)),
        (1.0, PhaseEnded("start", 0.8)),
        (1.1, block(1)),
        (2.0, PhaseStarted("run", 60.0)),
        (3.0, sample(5)),
        (4.0, block(6)),
        (5.0, sample(6)),
        (9.0, sample(8, peers=None)),
        (9.5, block(9)),
        (10.0, Reorganised(node="executor-0", old_tip="x", new_tip="y", common_ancestor="z", abandoned=2, adopted=3)),
        (62.0, PhaseEnded("run", 60.0)),
        (63.0, sample(28, sent=166, included=20)),
        (
            63.5,
            ExpectationJudged(expectation="consensus_liveness", passed=True, observed={"validator-0": 28}, required=25),
        ),
        (
            63.6,
            ExpectationJudged(
                expectation="tx_inclusion_expectation", passed=passed, observed=20, required=83, message="20 below 83"
            ),
        ),
        (63.7, VerdictReached(passed, failure)),
        (64.0, RunEnded("passed" if passed else "failed")),
    ]


def entries(events: Sequence[tuple[float, Any]]) -> list[Entry]:
    return [Entry(at, "2026-01-01T00:00:00.000000+00:00", event) for at, event in events]


def plain_text(events: Sequence[tuple[float, Any]]) -> str:
    stream = io.StringIO()
    view = PlainView(stream)
    for entry in entries(events):
        view(entry)
    return stream.getvalue()


def test_plain_lines_tell_phases_messages_and_numbers_every_few_seconds() -> None:
    lines = plain_text(a_run()).splitlines()
    assert lines[0] == "[    0.0 s] demo: 60 s on local, slots of 2 s, seed 7"
    assert "[    0.1 s] warning: POL_PROOF_DEV_MODE is not set; assuming true" in lines
    assert "[    2.0 s] run (60 s)" in lines
    numbers = [line for line in lines if "height" in line]
    assert numbers[0] == (
        "[    9.0 s] run: height 8, peers 1, silent: executor-0, transactions 33 of 166 sent, 20 included"
    )
    assert "executor-0 left a branch of 2 blocks for one of 3" in lines[-3]
    assert lines[-1] == "[   63.7 s] verdict: passed"


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (
            NodeExited(node="validator-0", status="exit code 1", expected=False, last_lines=("ERROR bad genesis",)),
            "validator-0 ended: exit code 1\n  | ERROR bad genesis",
        ),
        (WorkloadEnded("tx_workload", "failed", "no node"), "workload tx_workload failed: no node"),
        (
            WaitEnded(waited_for="network readiness", seconds=60.0, last_seen="peers=0", fulfilled=False),
            "gave up waiting for network readiness after 60 s: peers=0",
        ),
        (RunEnded("interrupted", evidence="/runs/demo-1"), "interrupted; evidence: /runs/demo-1"),
    ],
)
def test_what_goes_wrong_is_told_at_once(event: Any, text: str) -> None:
    assert text in plain_text([(1.0, event)])


@pytest.mark.parametrize(
    "event", [NodeExited(node="a", status="exit code 0", expected=True), WorkloadEnded("tx", "stopped"), block(3)]
)
def test_what_goes_as_it_should_is_not(event: Any) -> None:
    assert plain_text([(1.0, event)]) == ""


def test_a_stream_that_is_no_terminal_gets_plain_lines() -> None:
    stream = io.StringIO()
    with live_view(stream) as listener:
        assert isinstance(listener, PlainView)


def test_a_terminal_gets_a_progress_bar() -> None:
    stream = Terminal()
    with live_view(stream) as listener:
        assert isinstance(listener, ProgressView)
        for entry in entries(a_run()):
            listener(entry)
    assert "verdict: passed" in stream.getvalue()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(params=[80, 120])
def terminal(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", str(request.param))
    return Terminal()


def test_the_time_is_never_cut_and_the_status_goes_on_in_the_next_line(terminal: Terminal) -> None:
    view = ProgressView(terminal)
    status = "height 123456, peers 1, transactions 33 of 166 sent, 20 included, blobs 12 of 28 dispersed, 10 included"
    counters = {"blobs_planned": 28, "blobs_dispersed": 12, "blobs_included": 10}
    seen = sample(123456)
    for entry in entries([*a_run()[:10], (2.1, Sample(seen.nodes, {**seen.counters, **counters}))]):
        view(entry)
    view.close()
    drawn = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", terminal.getvalue())
    _, _, last = drawn.rpartition("run ")
    bar, time, *words = last.split()
    assert set(bar) == {"━"}
    assert re.fullmatch(r"\d:\d\d:\d\d", time), drawn
    assert words == status.split(), drawn


def test_the_summary_cuts_nothing_in_a_narrow_terminal(terminal: Terminal) -> None:
    print_summary(entries(a_run(passed=False)), terminal)
    text = terminal.getvalue()
    assert "…" not in text
    assert "tx_inclusion_expectation" in text
    assert text.count("20 below 83") == 1


def test_progress_before_any_node_answers_counts_nodes() -> None:
    progress = RunProgress()
    for entry in entries(a_run())[:5]:
        progress.take(entry)
    assert progress.status == "2 nodes started"


def test_the_summary_holds_judgements_nodes_phases_and_blocks() -> None:
    summary = summarise(entries(a_run(passed=False)))
    assert summary.outcome == "failed"
    assert [judged.passed for judged in summary.judgements] == [True, False]
    assert summary.blocks_in_run == 2
    assert summary.nodes["executor-0"].height == 28
    assert summary.nodes["executor-0"].reorganisations == 1
    assert [phase.phase for phase in summary.phases] == ["start", "run"]
    assert summary.workloads == ("transactions 166 of 166 sent, 20 included",)


def test_blobs_are_told_beside_transactions() -> None:
    counters = {"blobs_planned": 28, "blobs_dispersed": 12, "blobs_included": 10}
    summary = summarise(entries([(0.0, STARTED), (1.0, Sample({}, {"transactions_planned": 166, **counters}))]))
    assert summary.workloads == (
        "transactions 0 of 166 sent, 0 included",
        "blobs 12 of 28 dispersed, 10 included",
    )


def test_names_of_expectations_are_never_cut() -> None:
    name, stream = "a_name_of_an_expectation_that_is_long", io.StringIO()
    judged = ExpectationJudged(
        expectation=name, passed=True, observed={f"n-{i}": 100 + i for i in range(5)}, required=9
    )
    print_summary(entries([(0.0, STARTED), (1.0, judged)]), stream)
    assert name in stream.getvalue()


def test_why_a_phase_ended_the_run_is_in_the_last_line_only() -> None:
    stream, failure = io.StringIO(), "workload failure: load: no node took it"
    run = [(0.0, STARTED), (1.0, PhaseStarted("run")), (2.0, PhaseEnded("run", 1.0, failure))]
    print_summary(entries([*run, (3.0, VerdictReached(False, failure))]), stream)
    assert stream.getvalue().count(failure) == 1
    assert "ended the run, see below" in stream.getvalue()


def test_square_brackets_of_an_observation_are_text() -> None:
    stream, judged = io.StringIO(), ExpectationJudged(expectation="one", passed=True, observed="[/a] [red]", required=9)
    print_summary(entries([(0.0, STARTED), (1.0, judged)]), stream)
    assert "[/a] [red]" in stream.getvalue()


def test_a_node_that_came_back_is_not_called_ended() -> None:
    died = (11.0, NodeExited(node="validator-0", status="killed by SIGKILL", expected=False))
    back = (12.0, NodeStarted(node="validator-0", pid=3, program="nomos-node", url="http://a"))
    assert summarise(entries([*a_run(), died])).nodes["validator-0"].ended_unexpectedly == "killed by SIGKILL"
    assert summarise(entries([*a_run(), died, back])).nodes["validator-0"].ended_unexpectedly is None


def test_the_printed_summary_ends_with_the_verdict_and_where_the_evidence_is() -> None:
    stream = io.StringIO()
    print_summary(entries(a_run(passed=False)), stream)
    text = stream.getvalue()
    assert "tx_inclusion_expectation" in text
    assert "blocks during the run: 2 seen, 27 expected (lottery's average 27.0, 30 slots)" in text
    assert "evidence: /runs/demo-1" in text
    assert text.rstrip().endswith("demo failed: expectations failed:\ntx_inclusion_expectation: 20 below 83")


def test_a_run_that_was_killed_is_called_so(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl", clock=time.monotonic)
    for _, event in a_run()[:12]:
        journal.write(event)
    journal.close()
    assert summarise(read_journal(journal.path)).outcome == "unfinished"
    summary = summarise([*read_journal(journal.path), *entries([(70.0, RunEnded("killed", "the runner died"))])])
    assert (summary.outcome, summary.failure) == ("killed", "the runner died")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (83, "83"),
        ({"validator-0": 3}, "validator-0 3"),
        ({f"validator-{index}": index for index in range(9)}, "validator-0 0, others 1 to 8 (8 nodes)"),
        ({f"validator-{index}": 40 + index // 3 for index in range(9)}, "40 to 42 (9 nodes)"),
        (
            {"blocks": "14 in the run's 15 slots", "validator-1": "no answer", "validator-0": 3, "validator-2": 14},
            "blocks 14 in the run's 15 slots, validator-1 no answer, validator-0 3, others 14 (1 node)",
        ),
        ({f"validator-{index}": 41 for index in range(9)}, "41 (9 nodes)"),
    ],
)
def test_observations_fit_into_a_cell(value: Any, text: str) -> None:
    assert shown(value) == text


def test_a_failed_row_says_how_the_node_ended_and_its_evidence_follows() -> None:
    entries = [
        Entry(0.1, "", NodeStarted(node="validator-1", pid=1, program="nomos-node", url="http://127.0.0.1:1")),
        Entry(0.2, "", NodeExited(node="validator-1", status="killed by SIGKILL", expected=False)),
        Entry(
            0.3,
            "",
            ExpectationJudged(
                expectation="consensus_liveness",
                passed=False,
                observed={"validator-1": "no answer", "validator-0": 31},
                required=25,
                message="violated: said already",
                evidence=("said already", *(f"transaction {number} is in no block" for number in range(7))),
            ),
        ),
    ]
    stream = io.StringIO()
    print_summary(entries, stream)
    text = stream.getvalue()
    assert "validator-1 no answer (killed by SIGKILL), validator-0 31" in text
    assert "consensus_liveness:\n  transaction 0 is in no block" in text
    assert "  transaction 4 is in no block\n  and 2 more in the journal" in text
    assert "  said already" not in text
