"""A running network: the tests of a module share it, and it keeps the evidence of those that fail."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from nomos_testing.evidence.run_record import read_run
from nomos_testing.outcome import VerdictKind
from support.processes.fake_node_processes import processes_of

pytest_plugins = ["pytester"]
pytestmark = [pytest.mark.slow, pytest.mark.network]

Outcome = Callable[..., pytest.RunResult]

NETWORK = """
import asyncio
import pytest
import urllib.request
from nomos_testing.pytest_plugin import ScenarioNotPassed
from support.processes.fake_node_scenario import fake_scenario

directories = set()

@pytest.fixture(scope="module")
def nomos_network():
    return fake_scenario()

async def first_height(ctx):
    async for block in ctx.block_feed().blocks():
        return block.height

def test_sync(running_network):
    directories.add(running_network.run_directory)
    assert running_network.run(first_height) == 1

async def test_async(running_network):
    directories.add(running_network.run_directory)
    assert await running_network.run(first_height) == 1

def test_urls(running_network):
    directories.add(running_network.run_directory)
    assert sorted(running_network.urls) == ["validator-0", "validator-1"]
    for url in running_network.urls.values():
        with urllib.request.urlopen(f"{url}/cryptarchia/info") as answer:
            assert answer.status == 200

def test_an_error_is_that_of_the_work(running_network):
    async def work(ctx):
        raise LookupError(ctx.plan().seed)

    with pytest.raises(LookupError, match="1"):
        running_network.run(work)

async def test_a_time_limit_ends_the_work(running_network):
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await running_network.run(lambda ctx: asyncio.sleep(600))

def test_all_shared_one_network():
    assert len(directories) == 1
"""


def test_the_tests_of_a_module_share_a_network(project: pytest.Pytester, outcome: Outcome) -> None:
    project.makepyfile(NETWORK)
    outcome().assert_outcomes(passed=6)
    (journal,) = project.path.rglob("journal.jsonl")
    record = read_run(journal.parent)
    assert record.summary.outcome == "passed"
    assert record.summary.kind is VerdictKind.PASSED
    assert [phase.phase for phase in record.summary.phases] == [
        *("configure", "start", "ready", "run", "teardown"),
    ]
    assert not list(record.directory.glob("validator-0/*.log")), "the logs of a network without failures are not kept"
    assert not processes_of(project.path)


def test_the_evidence_of_failed_tests_is_kept(project: pytest.Pytester, outcome: Outcome) -> None:
    project.makepyfile(test_shared=NETWORK + "\ndef test_bad(running_network):\n    assert running_network is None\n")
    result = outcome()
    result.assert_outcomes(passed=6, failed=1)
    result.stdout.fnmatch_lines(["*nomos runs*", "*/fake-*: its reports are written when its network ends"])
    (journal,) = project.path.rglob("journal.jsonl")
    record = read_run(journal.parent)
    assert record.summary.failure == "tests failed: test_shared.py::test_bad"
    assert record.summary.kind is VerdictKind.FAILED
    assert list(record.directory.glob("validator-0/*.log"))


BREAKING = """
import asyncio
import pytest
from nomos_testing import Failure
from nomos_testing.pytest_plugin import ScenarioNotPassed
from support.processes.fake_node_scenario import fake_scenario

@pytest.fixture(scope="module")
def nomos_network():
    return fake_scenario()

async def broken():
    raise Failure("the moon fell down")

async def break_it(ctx):
    ctx.spawn(broken(), name="moon")
    await asyncio.sleep(600)

def test_break(running_network):
    with pytest.raises(ScenarioNotPassed, match="the network of fake ended while the test used it"):
        running_network.run(break_it)

def test_after(running_network):
    with pytest.raises(ScenarioNotPassed, match="fake failed: .*the moon fell down"):
        running_network.run(break_it)
"""


def test_a_network_that_ends_by_itself_fails_the_module(project: pytest.Pytester, outcome: Outcome) -> None:
    project.makepyfile(BREAKING)
    result = outcome()
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*ERROR at teardown of test_after*", "E *ScenarioNotPassed: fake failed:*"])
    assert not processes_of(project.path)


def test_a_network_that_cannot_be_shared_is_refused(project: pytest.Pytester, outcome: Outcome) -> None:
    project.makepyfile(
        test_none="def test_it(running_network): ...",
        test_busy="""
            import pytest
            from nomos_testing import ScenarioBuilder

            @pytest.fixture(scope="module")
            def nomos_network():
                return ScenarioBuilder.topology(validators=2).expect_no_stalls()

            def test_it(running_network): ...
            """,
        test_dead="""
            import pytest
            from support.processes.fake_node_scenario import fake_deployer, fake_scenario

            @pytest.fixture(scope="module")
            def deployer(tmp_path_factory):
                return fake_deployer(tmp_path_factory.mktemp("dies"), fakes={1: {"exit_code": 3}})

            @pytest.fixture(scope="module")
            def nomos_network():
                return fake_scenario()

            def test_it(running_network): ...
            """,
    )
    result = outcome()
    result.assert_outcomes(errors=3)
    result.stdout.fnmatch_lines_random(
        [
            "*running_network needs to know its network",
            "*-> add a fixture to the module: @pytest.fixture(scope=*",
            "*the scenario scenario of nomos_network has workloads, faults or expectations*",
            "*ScenarioNotPassed: fake: the network did not come up: validator-1 ended before it was ready: *",
        ]
    )
    assert len(result.outlines) < 150, "short failures"
