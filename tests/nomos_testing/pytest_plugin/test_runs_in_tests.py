"""Scenarios in tests of every kind: a run gives its verdict, and a run that does not pass fails the test shortly."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from nomos_testing.evidence.run_record import read_run
from support.processes.fake_node_processes import processes_of

pytest_plugins = ["pytester"]
pytestmark = [pytest.mark.slow, pytest.mark.network]

Outcome = Callable[..., pytest.RunResult]

KINDS_OF_TESTS = """
import asyncio
import threading
import pytest
import trio
from support.processes.fake_node_scenario import fake_scenario

def test_sync(run_scenario):
    assert run_scenario(fake_scenario()).passed

async def test_async(run_scenario):
    first, second = await asyncio.gather(run_scenario(fake_scenario()), run_scenario(fake_scenario()))
    assert first.passed and second.passed
    assert first.run_directory != second.run_directory

def test_a_loop_of_its_own(run_scenario):
    released = threading.Event()

    class WaitsForTheTest:
        name = "waits_for_the_test"

        def prepare(self, plan):
            pass

        def begin(self, ctx):
            return self

        async def capture(self, ctx):
            while not released.is_set():
                await asyncio.sleep(0.01)

        async def evaluate(self, ctx):
            pass

    async def release():
        released.set()

    async def main():
        run = run_scenario(fake_scenario(expectations=[WaitsForTheTest()]))
        return (await asyncio.gather(run, release()))[0]

    assert asyncio.run(main()).passed

def test_trio(run_scenario):
    async def main():
        return await run_scenario(fake_scenario())

    assert trio.run(main).passed

@pytest.fixture
def begun(tmp_path_factory):
    def journals():
        return set(tmp_path_factory.getbasetemp().rglob("journal.jsonl"))

    before = journals()
    return lambda: journals() - before

async def test_a_cancelled_test_ends_the_run(run_scenario, begun):
    run = asyncio.create_task(run_scenario(fake_scenario(seconds=600)))
    async with asyncio.timeout(100):
        while not begun():
            await asyncio.sleep(0.02)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run

def test_a_cancelled_test_of_trio_ends_the_run(run_scenario, begun):
    async def main():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(run_scenario, fake_scenario(seconds=600))
            with trio.fail_after(100):
                while not begun():
                    await trio.sleep(0.02)
            nursery.cancel_scope.cancel()

    trio.run(main)
"""

FAILING = """
import pytest
from nomos_testing import ExpectationFailed
from nomos_testing.deployers.shared.errors import DeployerUnavailable
from support.processes.fake_node_scenario import fake_deployer, fake_scenario

class Expects:
    def __init__(self, error):
        self.name, self.error = "moonshine", error

    def prepare(self, plan):
        pass

    async def capture(self, ctx):
        pass

    async def evaluate(self, ctx):
        raise self.error

def test_failure(run_scenario):
    run_scenario(fake_scenario(expectations=[Expects(ExpectationFailed("no moon"))]))

async def test_bug(run_scenario):
    await run_scenario(fake_scenario(expectations=[Expects(KeyError("typo"))]))

def test_verdict_only(run_scenario):
    verdict = run_scenario(fake_scenario(expectations=[Expects(ExpectationFailed("no moon"))]), check=False)
    assert not verdict.passed

class TestDeath:
    @pytest.fixture
    def deployer(self, tmp_path_factory):
        return fake_deployer(tmp_path_factory.mktemp("dies"), fakes={1: {"exit_code": 3}})

    def test_death(self, run_scenario):
        run_scenario(fake_scenario())

class TestUnavailable:
    @pytest.fixture
    def deployer(self):
        class Nowhere:
            def deployed(self, scenario):
                raise DeployerUnavailable("no Docker daemon answers")

        return Nowhere()

    def test_sync(self, run_scenario):
        run_scenario(fake_scenario())

    async def test_async(self, run_scenario):
        await run_scenario(fake_scenario())
"""


def test_tests_of_every_kind_get_the_verdict(project: pytest.Pytester, outcome: Outcome) -> None:
    project.makepyfile(KINDS_OF_TESTS)
    result = outcome("--junitxml=pytest.xml")
    result.assert_outcomes(passed=6)
    assert not processes_of(project.path)
    properties = properties_of(project.path / "pytest.xml", "test_async")
    assert [name for name, _ in properties] == ["nomos_run", "nomos_report", "nomos_junit"] * 2
    ended = {path.parent: read_run(path.parent).summary.outcome for path in project.path.rglob("journal.jsonl")}
    assert sorted(ended.values()) == ["interrupted"] * 2 + ["passed"] * 5
    for name, value in properties:
        if name == "nomos_run":
            assert ended[Path(value)] == "passed"
        elif name == "nomos_junit":
            assert Path(value).is_file()


def test_a_test_whose_run_does_not_pass_fails_in_a_few_lines(project: pytest.Pytester, outcome: Outcome) -> None:
    project.makepyfile(FAILING)
    result = outcome("-rs")
    result.assert_outcomes(passed=1, failed=3, skipped=2)
    result.stdout.fnmatch_lines(
        [
            "E *ScenarioNotPassed: fake failed: expectations failed:",
            "E *moonshine: no moon",
            "E *report: *report.html",
            "*nomos runs*",
            "*: report.html, junit.xml",
            "E *ScenarioNotPassed: fake errored (user's code): expectations failed:",
            "E *cause (certain): expectation moonshine raised KeyError: 'typo'*",
            "E *report: *report.html",
            "E *ScenarioNotPassed: fake: the network did not come up: validator-1 ended before it was ready: *",
            "SKIPPED *no Docker daemon answers",
        ]
    )
    text = result.stdout.str()
    assert "Traceback" not in text
    assert "nomos_testing/runtime" not in text
    assert len(failures_of(text)) < 30 * 3, text


def test_tests_of_parallel_workers_share_nothing(project: pytest.Pytester, outcome: Outcome) -> None:
    project.makepyfile(
        """
        import pytest
        from support.processes.fake_node_scenario import fake_scenario

        @pytest.mark.parametrize("number", range(2))
        def test_run(run_scenario, number):
            assert run_scenario(fake_scenario()).passed
        """
    )
    outcome("-n", "2", "-p", "xdist").assert_outcomes(passed=2)
    assert len(list(project.path.rglob("journal.jsonl"))) == 2


def properties_of(junit: Path, test: str) -> list[tuple[str, str]]:
    (case,) = ElementTree.parse(junit).iterfind(f".//testcase[@name='{test}']")
    return [(item.attrib["name"], item.attrib["value"]) for item in case.iter("property")]


def failures_of(text: str) -> list[str]:
    found = re.search(r"= FAILURES =+\n(.*)\n=+ short test summary", text, re.DOTALL)
    assert found is not None, text
    return found[1].splitlines()
