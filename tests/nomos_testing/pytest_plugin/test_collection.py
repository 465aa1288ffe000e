"""Options, marks and scenario files of the plugin: what it collects, and what it refuses."""

from __future__ import annotations

import logging
import subprocess
import sys

import pytest

# Loaded here, because a session in this process forgets all modules that it was the first to load, and a second copy of
# the events of the journal is refused.
import nomos_testing.deployers.local.deployer
import nomos_testing.pytest_plugin.builder
import nomos_testing.pytest_plugin.runs
import nomos_testing.scenario.file.loader  # noqa: F401

pytest_plugins = ["pytester"]

BAD = "topology: {validators: 1}\nrun_for: 2\nexpectation: []\n"
PLAIN = "def test_plain():\n    pass\n"
LOADED = """
import sys
import pytest
before = set(sys.modules)
import nomos_testing.pytest_plugin
print(*sorted(set(sys.modules) - before))
"""


def test_a_session_without_networks_loads_nothing_heavy() -> None:
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [
        "nomos_testing",
        "nomos_testing.pytest_plugin",
        "nomos_testing.pytest_plugin.failure",
        "nomos_testing.pytest_plugin.reporting",
    ]


@pytest.fixture
def scenarios(pytester: pytest.Pytester) -> pytest.Pytester:
    """A project with a scenario file that cannot be built, and a test."""
    pytester.makeini("[pytest]\nfilterwarnings = error\nasyncio_default_fixture_loop_scope = function\n")
    directory = pytester.mkdir("scenarios")
    (directory / "bad.yaml").write_text(BAD)
    (directory / "notes.txt").write_text("no scenario")
    pytester.makepyfile(test_plain=PLAIN)
    return pytester


@pytest.mark.parametrize("arguments", [[], ["."], ["scenarios/bad.yaml"], ["test_plain.py"]])
def test_a_scenario_file_is_collected_once(scenarios: pytest.Pytester, arguments: list[str]) -> None:
    result = scenarios.runpytest_inprocess("--nomos-scenarios", "scenarios", *arguments)
    result.assert_outcomes(failed=1, passed=0 if arguments == ["scenarios/bad.yaml"] else 1)


@pytest.mark.slow
def test_workers_collect_scenario_files_once(scenarios: pytest.Pytester) -> None:
    result = scenarios.runpytest_subprocess("--nomos-scenarios", "scenarios", "-n", "1", timeout=120)
    result.assert_outcomes(failed=1, passed=1)


def test_a_file_that_cannot_be_built_fails_in_a_line_with_its_place(scenarios: pytest.Pytester) -> None:
    result = scenarios.runpytest_inprocess("--nomos-scenarios", "scenarios")
    result.stdout.fnmatch_lines(["*scenario bad*", "*scenarios/bad.yaml:3: expectation: unknown field; known here:*"])
    assert "Traceback" not in result.stdout.str()
    assert len(result.outlines) < 30


def test_files_are_not_collected_without_the_option(scenarios: pytest.Pytester) -> None:
    scenarios.runpytest_inprocess().assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--nomos-on", "simulation"], "*there is no simulation yet; choose local, compose or k8s*"),
        (["--nomos-on", "moon"], "*--nomos-on*invalid choice*"),
        (["--nomos-seed", "-1"], "*--nomos-seed: expected 0 or more, got -1*"),
        (["--nomos-scenarios", "nowhere"], "*--nomos-scenarios: nowhere is no directory*"),
    ],
)
def test_an_option_that_cannot_be_is_refused(scenarios: pytest.Pytester, arguments: list[str], reason: str) -> None:
    result = scenarios.runpytest_inprocess(*arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([reason])


MARKS = """
import pytest

pytestmark = pytest.mark.nomos_slots(12)

def test_module_mark(scenario_builder):
    scenario = scenario_builder.topology(validators=2, layout="chain").slot(seconds=0.5).build()
    assert scenario.duration == 6.0
    assert scenario.name == "test_module_mark"
    assert scenario.topology.layout == "chain"

@pytest.mark.nomos_slots(4)
@pytest.mark.nomos_seed(7)
@pytest.mark.parametrize("size", [1])
def test_own_mark(scenario_builder, size, pytestconfig):
    scenario = scenario_builder.topology(validators=size).slot(seconds=0.5).build()
    assert scenario.duration == 2.0
    assert scenario.seed == (pytestconfig.getoption("nomos_seed") or 7)
    assert scenario.name == "test_own_mark-1"

def test_file(scenario_builder):
    scenario = scenario_builder.load("good.yaml").build()
    assert (scenario.name, scenario.duration) == ("good", 6.0)

def test_deployer(deployer):
    assert deployer.name == "local"

@pytest.mark.nomos_slots("many")
def test_refused(scenario_builder):
    scenario_builder.topology(validators=1)
"""


@pytest.mark.parametrize("seed", [[], ["--nomos-seed=9"]])
def test_marks_say_duration_and_seed(scenarios: pytest.Pytester, seed: list[str]) -> None:
    scenarios.makepyfile(test_marks=MARKS)
    (scenarios.path / "good.yaml").write_text("topology: {validators: 1}\nslot: {seconds: 0.5}\nrun_for: 2\nseed: 1\n")
    result = scenarios.runpytest_inprocess("--strict-markers", "test_marks.py", *seed)
    result.assert_outcomes(passed=4, failed=1)
    result.stdout.fnmatch_lines(["*the mark nomos_slots takes one whole number, 1 or more; got nomos_slots('many')"])
    assert not logging.getLogger("nomos_testing.runtime.raised").filters, "the log is as it was before the session"
