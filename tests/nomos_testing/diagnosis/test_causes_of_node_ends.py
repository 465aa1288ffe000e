"""A node that was down when the run was over is named, with who did it and since when."""

from __future__ import annotations

from pathlib import Path

import pytest

from nomos_testing.diagnosis.diagnose import diagnose, signature_of
from nomos_testing.faults.fault_events import FaultInjected
from nomos_testing.journal.events import NodeControlled, NodeExited, NodeStarted
from nomos_testing.outcome import VerdictKind
from support.inputs.written_run import RUN_SECONDS, at_slot, failed_expectation, judged_run

BEHIND = failed_expectation("consensus_liveness", "consensus liveness violated", evidence=["validator-1 failed"])
KILLED = (at_slot(20), NodeControlled("validator-1", "kill", 0.01))
STARTED = NodeStarted(node="validator-1", program="nomos-node", url="http://127.0.0.1:1")


def injected(number: int, fault: str) -> FaultInjected:
    return FaultInjected(number=number, fault=fault, origin="faults", planned_at=10.0, late=0.0, seconds=0.02)


def test_a_node_that_a_fault_killed_and_nobody_started_is_the_cause(tmp_path: Path) -> None:
    fault = (at_slot(20) + 0.01, injected(1, "kill validator-1"))
    (cause,) = diagnose(judged_run(tmp_path, [KILLED, fault], [BEHIND]))
    assert cause.title == "validator-1 was killed at slot 20 by fault 1 and not started again"
    assert (cause.known, cause.node, cause.since_slot) == ("node-killed", "validator-1", 20.0)
    assert (cause.failure, cause.done_to_it) == ("consensus_liveness", "fault 1: kill validator-1")
    assert cause.confidence == "certain"


def test_a_kill_that_only_the_end_of_the_run_healed_is_the_cause(tmp_path: Path) -> None:
    healed = (at_slot(0) + RUN_SECONDS + 0.2, NodeControlled("validator-1", "start", 1.0))
    (cause,) = diagnose(judged_run(tmp_path, [KILLED, healed], [BEHIND]))
    assert cause.title.endswith("by a workload and not started again before the end of the run")


@pytest.mark.parametrize("action", ["start", "restart"])
def test_a_node_that_was_started_again_is_no_cause(tmp_path: Path, action: str) -> None:
    again = (at_slot(25), NodeControlled("validator-1", action, 1.0))
    assert diagnose(judged_run(tmp_path, [KILLED, again], [BEHIND])) == ()


def test_a_failure_that_does_not_name_the_node_makes_the_cause_likely_only(tmp_path: Path) -> None:
    other = failed_expectation("fairness", "3 below 5")
    (cause,) = diagnose(judged_run(tmp_path, [KILLED], [other]))
    assert (cause.confidence, cause.failure) == ("likely", "fairness")


def test_a_node_that_ended_by_itself_is_named_with_its_last_lines(tmp_path: Path) -> None:
    exited = NodeExited(node="validator-1", status="exit code 3", expected=False, last_lines=("a", "panicked"))
    (cause,) = diagnose(judged_run(tmp_path, [(at_slot(8), exited)], [BEHIND]))
    assert cause.title == "validator-1 ended by itself at slot 8 (exit code 3) and was not started again"
    assert cause.known == "node-ended"
    assert cause.says == ("a", "panicked")


def test_a_node_that_somebody_killed_is_told_from_one_that_crashed(tmp_path: Path) -> None:
    exited = NodeExited(node="validator-1", status="killed by SIGKILL", expected=False)
    again = (at_slot(9), STARTED)
    (cause,) = diagnose(judged_run(tmp_path, [(at_slot(8), exited), again], [BEHIND]))
    assert cause.known == "node-killed"
    assert cause.title.startswith("validator-1 was killed from outside the run at slot 8")
    assert cause.confidence == "likely"  # it was started again


@pytest.mark.parametrize(
    ("text", "restarted", "confidence"),
    [
        ("validator-1 failed", False, "certain"),
        ("validator-1 failed", True, "likely"),
        ("3 below 5", False, "likely"),
        ("3 below 5", True, "possible"),
    ],
)
def test_an_end_is_as_sure_a_cause_as_the_failure_says(
    tmp_path: Path, text: str, restarted: bool, confidence: str
) -> None:
    exited = NodeExited(node="validator-1", status="exit code 3", expected=False)
    events = [(at_slot(8), exited), *([(at_slot(9), STARTED)] if restarted else [])]
    (cause,) = diagnose(judged_run(tmp_path, events, [failed_expectation("custom", text)]))
    assert cause.confidence == confidence


def test_the_node_that_went_down_first_comes_first(tmp_path: Path) -> None:
    both = failed_expectation("consensus_liveness", "violated", evidence=["validator-0 failed", "validator-1 failed"])
    later = (at_slot(30), NodeControlled("validator-0", "pause", 0.01))
    causes = diagnose(judged_run(tmp_path, [later, KILLED], [both]))
    assert [cause.known for cause in causes] == ["node-killed", "node-frozen"]


def test_a_passed_run_has_no_cause(tmp_path: Path) -> None:
    assert diagnose(judged_run(tmp_path, [KILLED], kind=VerdictKind.PASSED)) == ()


def test_runs_that_failed_in_the_same_way_have_the_same_signature(tmp_path: Path) -> None:
    early = judged_run(tmp_path / "a", [KILLED], [BEHIND])
    late = judged_run(tmp_path / "b", [(at_slot(33), NodeControlled("validator-1", "kill", 0.3))], [BEHIND])
    assert signature_of(early) == signature_of(late) == "failed; consensus_liveness; node-killed"
    assert signature_of(judged_run(tmp_path / "c", [], kind=VerdictKind.PASSED)) == "passed"


def test_the_first_two_lines_name_the_cause_and_the_remedy_without_control_characters(tmp_path: Path) -> None:
    exited = NodeExited(node="validator-1", status="exit code 3", expected=False, last_lines=("\x1b[31mred\x00",))
    (cause,) = diagnose(judged_run(tmp_path, [(at_slot(8), exited)], [BEHIND]))
    first, second, third = cause.lines()
    assert first == f"cause (certain): {cause.title}"
    assert second == f"try: {cause.remedy}"
    assert third == "  | red"


@pytest.mark.parametrize(
    ("text", "confidence"),
    [
        ("validator-1 is behind", "certain"),
        ("Cannot connect to host 127.0.0.1:8101", "certain"),
        ("validator-10 is behind", "likely"),
        ("Cannot connect to host 127.0.0.1:81010", "likely"),
    ],
)
def test_a_failure_names_a_node_by_its_whole_name_or_its_address(tmp_path: Path, text: str, confidence: str) -> None:
    node = NodeStarted(node="validator-1", program="nomos-node", url="http://127.0.0.1:8101")
    failed = failed_expectation("custom", text)
    (cause,) = diagnose(judged_run(tmp_path, [(0.5, node), KILLED], [failed]))
    assert cause.confidence == confidence
