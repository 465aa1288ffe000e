"""Problems of the preflight, nodes that do not start, and bugs are known by their texts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nomos_testing.deployers.shared.errors import NodeDied, PreflightError, Problem
from nomos_testing.diagnosis.diagnose import FAMILIES, diagnose, signature_of
from nomos_testing.diagnosis.kinds import KINDS
from nomos_testing.diagnosis.known_texts import known_by
from nomos_testing.evidence.run_record import RunRecord
from nomos_testing.journal.events import (
    ExceptionRaised,
    PhaseEnded,
    PhaseStarted,
    RunEnded,
    VerdictReached,
    WaitEnded,
    WorkloadEnded,
)
from nomos_testing.outcome import VerdictKind
from nomos_testing.report.verdict import verdict_lines
from support.inputs.written_run import at_slot, failed_expectation, judged_run, started, written_run

JUDGED = failed_expectation("fairness", "3 below 5")


def not_started(directory: Path, failure: str, *events: tuple[float, Any], outcome: str = "failed") -> RunRecord:
    frame = [(0.0, started(directory)), (0.0, PhaseStarted("start")), (1.0, PhaseEnded("start", 1.0, failure))]
    return written_run(directory, [*frame, *events, (2.0, RunEnded(outcome, failure, str(directory)))])


def test_every_problem_of_a_preflight_is_a_cause_with_its_own_remedy(tmp_path: Path) -> None:
    problems = [
        Problem("NOMOS_NODE_BIN=/x does not exist", "point NOMOS_NODE_BIN to a nomos-node program, or unset it"),
        Problem("missing KZG parameters at /y", "make a test set-up"),
        Problem("the moon is in the wrong phase", "wait"),
    ]
    causes = diagnose(not_started(tmp_path, str(PreflightError(problems))))
    assert [cause.known for cause in causes] == ["program-missing", "kzg-missing", "preflight-problem"]
    assert [(cause.title, cause.remedy) for cause in causes] == [(each.what, each.remedy) for each in problems]
    assert {cause.failure for cause in causes} == {"start"}


@pytest.mark.parametrize(
    ("line", "known"),
    [
        ("Error: http: failed to bind to address 127.0.0.1:8080: port in use", "port-taken"),
        ("thread 'main' panicked: Failed to load KZG parameters", "kzg-missing"),
        ("Error: the configuration says nothing", "node-ended"),
        ("2026-01-01T00:00:00Z  INFO net: address already in use, trying the next", "node-ended"),
    ],
)
def test_a_node_that_ended_before_it_was_ready_is_known_by_its_last_lines(
    tmp_path: Path, line: str, known: str
) -> None:
    died = NodeDied("validator-1", "exit code 1", ["starting", line], tmp_path / "validator-1", "/bin/nomos-node")
    (cause,) = diagnose(not_started(tmp_path, str(died)))
    assert (cause.known, cause.node, cause.confidence) == (known, "validator-1", "certain")
    assert cause.title.startswith("validator-1 ended before it was ready (exit code 1)")
    assert cause.says == ("starting", line)


def test_a_network_that_was_not_ready_in_time_names_what_was_waited_for(tmp_path: Path) -> None:
    wait = WaitEnded(waited_for="network readiness", seconds=60.0, last_seen="validator#0: peers=0", fulfilled=False)
    failure = "readiness probe failed: timed out waiting for network readiness: validator#0: peers=0"
    (cause,) = diagnose(not_started(tmp_path, failure, (0.9, wait)))
    assert cause.known == "not-ready-in-time"
    assert cause.title == "gave up waiting for network readiness after 60 s: validator#0: peers=0"


def test_a_text_that_nobody_knows_has_no_cause_and_the_output_says_so(tmp_path: Path) -> None:
    record = not_started(tmp_path, "the moon fell down")
    assert diagnose(record) == ()
    assert verdict_lines(record)[:2] == ["verdict: failed (start)", "cause: none of those that are known"]
    assert signature_of(record) == "failed; start"


@pytest.mark.parametrize(
    "text",
    [
        "wallet-user-3: 7 transactions of its note of 7 tokens were lost",
        "the node refuses the transaction: insufficient funds",
    ],
)
def test_a_wallet_that_is_too_small_is_known_by_the_failure_of_the_workload(tmp_path: Path, text: str) -> None:
    ended = (at_slot(20), WorkloadEnded("tx_workload", "failed", text))
    (cause,) = diagnose(judged_run(tmp_path, [ended], failure=f"workload failure: tx_workload: {text}"))
    assert (cause.known, cause.title, cause.failure) == ("wallet-too-small", text, "tx_workload")
    assert "fund more wallets" in cause.remedy


def test_words_of_a_judgement_that_mean_something_else_are_no_cause(tmp_path: Path) -> None:
    judged = failed_expectation("schema", "missing field 'height', and the program x was not found in the answer")
    assert diagnose(judged_run(tmp_path, [], [judged])) == ()


@pytest.mark.parametrize(
    ("where", "kind", "known"),
    [
        ("workload load", VerdictKind.ERRORED_TEST, "bug-in-workload"),
        ("expectation fairness", VerdictKind.ERRORED_TEST, "bug-in-expectation"),
        ("a healer", VerdictKind.ERRORED_TEST, "bug-in-test"),
        ("sampling", VerdictKind.ERRORED_FRAMEWORK, "bug-in-framework"),
    ],
)
def test_an_error_of_code_is_named_with_its_place(tmp_path: Path, where: str, kind: VerdictKind, known: str) -> None:
    raised = ExceptionRaised(
        where=where, error="KeyError: 'x'", location="/t/load.py:12 in run", traceback="Traceback\nKeyError: 'x'\n"
    )
    (cause,) = diagnose(judged_run(tmp_path, [(at_slot(3), raised)], kind=kind, failure="workload failure"))
    assert (cause.known, cause.confidence) == (known, "certain")
    assert cause.title == f"{where} raised KeyError: 'x' at /t/load.py:12 in run"


def test_an_assertion_that_does_not_hold_is_no_bug(tmp_path: Path) -> None:
    raised = ExceptionRaised(where="expectation fairness", error="AssertionError", traceback="Traceback\n")
    assert diagnose(judged_run(tmp_path, [(at_slot(3), raised)], [JUDGED])) == ()


def test_an_interrupted_run_has_no_cause(tmp_path: Path) -> None:
    record = not_started(tmp_path, "CancelledError", outcome="interrupted")
    assert diagnose(record) == ()
    assert verdict_lines(record) == ["verdict: interrupted"]


def test_a_passed_run_has_its_verdict_only(tmp_path: Path) -> None:
    record = written_run(
        tmp_path,
        [(0.0, started(tmp_path)), (1.0, VerdictReached(True, verdict=VerdictKind.PASSED)), (2.0, RunEnded("passed"))],
    )
    assert verdict_lines(record) == ["verdict: passed"]


def test_every_text_belongs_to_a_kind_that_the_documents_list() -> None:
    texts = [
        "transaction workload requires seeded accounts",
        "Circuit file not found",
        "Proof generation timeout",
        "docker image 'x' is not available; set NOMOS_TESTNET_IMAGE or build the image manually",
        "chaos restart workload requires node control",
        "KZG params missing in stack assets /x",
        "this account may not create pods",
        "/x is nomos-executor, but the validator program is nomos-node",
    ]
    expected = ["wallet-too-small", "circuits-missing", "proof-failed", "image-missing", "control-missing"]
    assert [known_by(text) for text in texts] == [*expected, "kzg-missing", "permission-missing", "program-wrong"]
    assert FAMILIES
    assert {known_by(text) for text in texts} <= set(KINDS)
