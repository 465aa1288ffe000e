"""JUnit XML of runs: every expectation, recovery and phase is a case, and CI systems can read all of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

from nomos_testing.cli.main import main
from nomos_testing.evidence.run_record import read_run
from nomos_testing.faults.fault_events import (
    FaultHealed,
    FaultInjected,
    FaultLeftOut,
    FaultRecovered,
    FaultsPlanned,
    HealVerified,
)
from nomos_testing.journal.events import (
    ExceptionRaised,
    ExpectationJudged,
    PhaseEnded,
    PhaseStarted,
    RunEnded,
    RunEnvironment,
    RunStarted,
    VerdictReached,
)
from nomos_testing.journal.journal import JOURNAL_NAME, Journal
from nomos_testing.outcome import VerdictKind
from nomos_testing.report.files import write_reports
from nomos_testing.report.junit import write_junit
from nomos_testing.surroundings import THIS_MACHINE

BEGAN = 1_767_225_600.0  # 2026-01-01T00:00:00Z

STRUCTURE: dict[str, tuple[set[str], set[str], list[str]]] = {
    "testsuites": ({"name", "time", "tests", "failures", "errors"}, set(), ["testsuite"]),
    "testsuite": (
        {"name", "tests", "failures", "errors", "skipped", "time", "timestamp"},
        {"name"},
        ["properties", "testcase", "system-out", "system-err"],
    ),
    "properties": (set(), set(), ["property"]),
    "property": ({"name", "value"}, {"name"}, []),
    "testcase": (
        {"name", "classname", "time"},
        {"name", "classname"},
        ["skipped", "error", "failure", "system-out", "system-err"],
    ),
    "failure": ({"message", "type"}, set(), []),
    "error": ({"message", "type"}, set(), []),
    "skipped": ({"message", "type"}, set(), []),
    "system-out": (set(), set(), []),
}
"""Of each element: the attributes it may have, those it must have, and its children in their order (junit-10.xsd)."""


class RunMaker:
    """Writes the journal of a run, at times that a test chooses."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory, self.at = directory, 0.0
        surroundings = replace(THIS_MACHINE, now_ns=lambda: int((BEGAN + self.at) * 1e9))
        self.journal = Journal(directory / JOURNAL_NAME, surroundings=surroundings, clock=lambda: self.at)

    def write(self, *events: Any, after: float = 1.0) -> RunMaker:
        for event in events:
            self.at += after
            self.journal.write(event)
        return self

    def start(self, scenario: str = "demo") -> RunMaker:
        started = RunStarted(
            run_id="demo-1",
            scenario=scenario,
            deployer="local",
            seed=7,
            run_seconds=10.0,
            slot_seconds=0.5,
            expected_blocks=5,
            lottery_expected_blocks=6.0,
            machine_factor=1.0,
            directory=str(self.directory),
        )
        return self.write(started, after=0.0)

    def phase(self, name: str, error: str | None = None) -> RunMaker:
        return self.write(PhaseStarted(name), after=0.0).write(PhaseEnded(name, 1.0, error))

    def judged(self, kind: VerdictKind, failure: str | None = None) -> RunMaker:
        errored = kind in {VerdictKind.ERRORED_TEST, VerdictKind.ERRORED_FRAMEWORK}
        self.write(VerdictReached(kind is VerdictKind.PASSED, failure, errored, kind))
        outcome = "passed" if kind is VerdictKind.PASSED else "errored" if errored else "failed"
        return self.write(RunEnded(outcome, failure))

    def suite(self) -> TestSuite:
        self.journal.close()
        text = write_junit(read_run(self.directory))
        check_structure(text)
        (suite,) = JUnitXml.fromstring(text.encode())
        return suite


@pytest.fixture
def run(tmp_path: Path) -> RunMaker:
    return RunMaker(tmp_path / "run")


def check_structure(text: str) -> None:
    """Check elements, attributes and their order against what the readers of JUnit files accept."""

    def check(element: ElementTree.Element) -> None:
        allowed, needed, children = STRUCTURE[element.tag]
        assert set(element.attrib) <= allowed, element.tag
        assert needed <= set(element.attrib), element.tag
        places = [children.index(child.tag) for child in element]
        assert places == sorted(places), element.tag
        for child in element:
            check(child)

    root = ElementTree.fromstring(text)
    assert root.tag == "testsuites"
    check(root)
    for suite in root:
        cases = suite.findall("testcase")
        assert int(suite.attrib["tests"]) == len(cases)
        for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert int(suite.attrib[attribute]) == sum(case.find(tag) is not None for case in cases)
    for attribute in ("tests", "failures", "errors"):
        assert int(root.attrib[attribute]) == sum(int(suite.attrib[attribute]) for suite in root)


def case(suite: TestSuite, group: str, name: str) -> TestCase:
    (found,) = (item for item in suite if item.name == name and item.classname.endswith(f".{group}"))
    assert isinstance(found, TestCase)
    return found


def result(suite: TestSuite, group: str, name: str) -> tuple[type | None, str]:
    """Return the kind of result of a case, and its message."""
    results = case(suite, group, name).result
    return (type(results[0]), results[0].message) if results else (None, "")


def inject(number: int, fault: str) -> FaultInjected:
    return FaultInjected(number=number, fault=fault, origin="faults", planned_at=4.0, late=0.0, seconds=0.01)


def test_a_passed_run_is_one_suite_of_passed_cases(run: RunMaker) -> None:
    run.start().phase("run").write(PhaseStarted("evaluate"), after=0.0)
    run.write(ExpectationJudged(expectation="liveness", passed=True, observed={"validator-0": 9}, required="5 blocks"))
    run.write(PhaseEnded("evaluate", 1.0), after=0.0)
    suite = run.judged(VerdictKind.PASSED).suite()
    assert (suite.name, suite.timestamp, suite.time) == ("demo", "2026-01-01T00:00:00+00:00", 4.0)
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (3, 0, 0, 0)
    assert result(suite, "expectations", "liveness") == (None, "")
    assert case(suite, "expectations", "liveness").time == 1.0
    assert 'observed: {"validator-0": 9}' in (case(suite, "expectations", "liveness").system_out or "")
    properties = {item.name: item.value for item in suite.properties()}
    assert properties["seed"] == "7"
    assert properties["verdict"] == "passed"
    assert properties["run_directory"] == str(run.directory)


def test_a_failed_expectation_is_a_failure_with_its_evidence_and_the_nodes_logs(run: RunMaker) -> None:
    node = run.directory / "validator-1"
    node.mkdir()
    (node / "stdout.log").write_text(
        "2026-01-01T00:00:01.0Z ERROR net: early\n"
        + "".join(f"2026-01-01T00:00:02.0Z  INFO chain: line {number}\n" for number in range(30))
    )
    failed = ExpectationJudged(
        expectation="liveness", passed=False, message="too few blocks:\n- validator-1 at 2", evidence=("no peers",)
    )
    suite = run.start().write(failed).judged(VerdictKind.FAILED, "expectations failed").suite()
    assert result(suite, "expectations", "liveness") == (Failure, "too few blocks: - validator-1 at 2")
    text = case(suite, "expectations", "liveness").result[0].text
    assert "too few blocks:\n- validator-1 at 2" in text
    assert "no peers" in text
    output = case(suite, "expectations", "liveness").system_out or ""
    assert "ERROR net: early" in output
    assert "chain: line 29" in output
    assert "chain: line 5" not in output


def test_a_bug_of_an_expectation_is_an_error_with_its_traceback(run: RunMaker) -> None:
    raised = ExceptionRaised(where="expectation mine", error="KeyError: 'x'", traceback="Traceback\n  File mine.py")
    broken = ExpectationJudged(expectation="mine", passed=False, message="KeyError: 'x'", errored=True)
    suite = run.start().write(raised, broken).judged(VerdictKind.ERRORED_TEST, "expectations failed").suite()
    assert result(suite, "expectations", "mine") == (Error, "KeyError: 'x'")
    assert "File mine.py" in case(suite, "expectations", "mine").result[0].text


def test_an_expectation_that_was_not_judged_is_skipped_with_the_reason(run: RunMaker) -> None:
    (run.directory / "plan.json").write_text('{"expectations": ["liveness", "stalls", "stalls"]}')
    run.start().write(ExpectationJudged(expectation="stalls", passed=True)).phase("run", "CancelledError")
    suite = run.write(RunEnded("interrupted", "CancelledError")).suite()
    assert result(suite, "expectations", "liveness") == (
        Skipped,
        "not judged: the run was interrupted in the phase run",
    )
    assert [bool(item.result) for item in suite if item.name == "stalls"] == [False, True]
    assert result(suite, "phases", "run") == (Error, "the run was interrupted in the phase run")


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (VerdictKind.FAILED, Failure),
        (VerdictKind.SLOW, Failure),
        (VerdictKind.ERRORED_TEST, Error),
        (VerdictKind.ERRORED_FRAMEWORK, Error),
    ],
)
def test_the_phase_that_ended_the_run_has_its_reason(run: RunMaker, kind: VerdictKind, expected: type) -> None:
    suite = run.start().phase("run", "CancelledError").judged(kind, "workload failure: load: refused").suite()
    assert result(suite, "phases", "run") == (expected, "workload failure: load: refused")


def test_a_network_that_did_not_come_up_is_an_error_of_its_phase(run: RunMaker) -> None:
    run.start().phase("start", "validator-0 ended before it was ready: exit code 1")
    suite = run.write(RunEnded("failed", "validator-0 ended before it was ready: exit code 1")).suite()
    assert result(suite, "phases", "start") == (Error, "validator-0 ended before it was ready: exit code 1")


def test_a_failure_that_no_case_has_is_a_case_of_the_run(run: RunMaker) -> None:
    suite = run.start().phase("run").judged(VerdictKind.ERRORED_FRAMEWORK, "framework failure: sampling: gone").suite()
    assert result(suite, "run", "verdict") == (Error, "framework failure: sampling: gone")


def test_the_recovery_of_each_fault_is_a_case(run: RunMaker) -> None:
    planned = [{"number": number, "origin": "faults", "kill": "validator-1"} for number in (1, 2, 3, 4)]
    run.start().write(FaultsPlanned(tuple(planned), ()))
    run.write(inject(1, "pause validator-0"), FaultHealed(number=1, fault="pause validator-0", seconds=0.1))
    run.write(FaultRecovered(number=1, fault="pause validator-0", seconds=2.5, slots=5.0, overlapped=False))
    run.write(inject(2, "cut"), FaultHealed(number=2, fault="cut", seconds=0.1))
    run.write(HealVerified(number=2, verified=False, seconds=1.0, reason="no packets pass"))
    run.write(FaultLeftOut(number=3, fault="kill validator-1", planned_at=99.0))
    suite = run.judged(VerdictKind.FAILED, "expectations failed").suite()
    assert result(suite, "faults", "1: pause validator-0") == (None, "")
    assert case(suite, "faults", "1: pause validator-0").time == 2.5
    assert result(suite, "faults", "2: cut") == (Failure, "no recovery: not every node came near the highest again")
    assert "the heal is not verified: no packets pass" in case(suite, "faults", "2: cut").result[0].text
    assert result(suite, "faults", "3: kill validator-1") == (
        Skipped,
        "not injected: the run was over before its time, 99 s",
    )
    assert result(suite, "faults", "4: kill validator-1") == (Skipped, "not injected: the run failed")


def test_a_fault_that_could_not_be_injected_is_a_failure(run: RunMaker) -> None:
    run.start().write(FaultsPlanned(({"number": 1, "pause": "validator-0"},), ()))
    reason = "workload failure: faults: fault 1 (pause validator-0) could not be injected: no such process"
    suite = run.phase("run", "CancelledError").judged(VerdictKind.FAILED, reason).suite()
    assert result(suite, "faults", "1: pause validator-0") == (Failure, reason)


def test_a_passed_run_has_no_failure_for_a_recovery_that_nobody_asked_for(run: RunMaker) -> None:
    run.start().write(inject(1, "cut"), FaultHealed(number=1, fault="cut", seconds=0.1))
    suite = run.judged(VerdictKind.PASSED).suite()
    assert result(suite, "faults", "1: cut")[0] is Skipped


def test_a_killed_run_has_an_error_in_the_phase_where_it_ended(run: RunMaker) -> None:
    suite = run.start().write(PhaseStarted("run"), after=0.0).write(RunEnded("killed")).suite()
    assert result(suite, "phases", "run") == (Error, "the run was killed")


def test_the_environment_is_among_the_properties(run: RunMaker) -> None:
    environment = RunEnvironment(
        version="0.1.0",
        python="3.11.7",
        system="Linux",
        processors=2,
        memory_bytes=1024,
        nodes={"validator": "nomos-node 0.1.0"},
        proofs="development",
        settings={"NOMOS_KZG": "here"},
    )
    run.start().write(environment)
    properties = {item.name: item.value for item in run.judged(VerdictKind.PASSED).suite().properties()}
    assert properties["environment.version"] == "0.1.0"
    assert properties["environment.nodes.validator"] == "nomos-node 0.1.0"
    assert properties["environment.settings.NOMOS_KZG"] == "here"


def test_a_failed_case_names_the_likely_cause(run: RunMaker) -> None:
    raised = ExceptionRaised(where="expectation mine", error="KeyError: 'x'", traceback="Traceback")
    broken = ExpectationJudged(expectation="mine", passed=False, message="KeyError: 'x'", errored=True)
    run.start().write(raised, broken).judged(VerdictKind.ERRORED_TEST, "expectations failed")
    text = case(run.suite(), "expectations", "mine").result[0].text
    assert "cause (certain): expectation mine raised KeyError: 'x'" in text
    assert "try: " in text


def test_several_runs_are_several_suites_of_one_file(tmp_path: Path) -> None:
    directories = []
    for name in ("one", "two"):
        run = RunMaker(tmp_path / name).start(name).phase("run").judged(VerdictKind.PASSED)
        run.journal.close()
        directories.append(str(run.directory))
    result = CliRunner().invoke(main, ["report", "--format", "junit", *directories])
    assert result.exit_code == 0, result.output
    check_structure(result.stdout)
    assert [suite.name for suite in JUnitXml.fromstring(result.stdout.encode())] == ["one", "two"]


def test_the_report_is_written_beside_the_journal(run: RunMaker) -> None:
    run.start().judged(VerdictKind.PASSED).journal.close()
    write_reports(run.directory)
    check_structure((run.directory / "junit.xml").read_text(encoding="utf-8"))


def test_a_long_text_keeps_its_beginning_and_its_end(run: RunMaker) -> None:
    failed = ExpectationJudged(expectation="long", passed=False, message="begin " + "x" * 100_000 + " end")
    suite = run.start().write(failed).judged(VerdictKind.FAILED, "failed").suite()
    text = case(suite, "expectations", "long").result[0].text
    assert text.startswith("begin ")
    assert text.endswith(" end")
    assert len(text) < 21_000


anything = st.text(st.characters(codec=None), max_size=60)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    return lambda: tmp_path_factory.mktemp("arbitrary")


@given(texts=st.tuples(anything, anything, anything, anything), log=st.binary(max_size=200))
def test_any_text_gives_xml_that_can_be_read(
    fresh: Callable[[], Path], texts: tuple[str, str, str, str], log: bytes
) -> None:
    scenario, name, message, evidence = texts
    run = RunMaker(fresh()).start(scenario)
    (run.directory / "validator-0").mkdir()
    (run.directory / "validator-0" / "stdout.log").write_bytes(log)
    run.write(ExpectationJudged(expectation=name, passed=False, message=message, evidence=(evidence,)))
    run.write(ExceptionRaised(where=name, error=message, traceback=evidence)).phase(name, message)
    run.write(inject(1, name), FaultLeftOut(number=2, fault=evidence, planned_at=1.0))
    suite = run.judged(VerdictKind.FAILED, message).suite()
    assert len(list(suite)) == 4
