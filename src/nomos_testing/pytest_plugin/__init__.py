"""The pytest plugin: scenarios and networks as fixtures, scenario files as tests. ``docs/pytest.md`` explains it.

pytest imports this module in every session, so nothing heavy is imported before a test uses the plugin.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from nomos_testing.pytest_plugin.failure import ScenarioNotPassed
from nomos_testing.pytest_plugin.reporting import NETWORK, TEST, add_section, attach, shared_network

if TYPE_CHECKING:
    from nomos_testing.deployers.shared.protocol import Deployer
    from nomos_testing.pytest_plugin.builder import ScenarioStart
    from nomos_testing.pytest_plugin.network import RunningNetwork
    from nomos_testing.pytest_plugin.runs import Runs
    from nomos_testing.scenario.builder import ScenarioBuilder
    from nomos_testing.scenario.scenario import Scenario

__all__ = ["ScenarioNotPassed"]


@dataclass(frozen=True, slots=True)
class RunScenario:
    """The fixture ``run_scenario``."""

    runs: Runs
    """The runs of the session."""
    deployer: Deployer = field(repr=False)
    """Where scenarios run."""

    def __call__(self, scenario: Scenario, *, check: bool = True) -> Any:
        """Run a scenario and return its ``Verdict``; in async code a coroutine that returns it.

        The test fails if the run does not pass. With ``check=False`` it only fails if the network does not come up.
        """
        __tracebackhide__ = True
        return self.runs.run(self.deployer, scenario, check=check)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("nomos", "networks of Logos/Nomos nodes")
    group.addoption(
        "--nomos-on",
        choices=["local", "compose", "k8s", "simulation"],
        default="local",
        help="where networks run: processes of this machine (the default), containers of a compose stack, pods of a "
        "Kubernetes cluster",
    )
    group.addoption(
        "--nomos-runs-dir",
        metavar="DIR",
        default=".tmp/runs",
        help="where runs keep their journals and reports; the default is .tmp/runs in pytest's root directory",
    )
    group.addoption(
        "--nomos-scenarios",
        metavar="DIR",
        type=Path,
        help="collect the scenario files (.yaml) of a directory as tests",
    )
    group.addoption(
        "--nomos-seed", metavar="N", type=int, help="seed of every run; it wins over marks and scenario files"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the marks, and check the options."""
    config.addinivalue_line("markers", "nomos_slots(n): scenarios of scenario_builder run for n slots")
    config.addinivalue_line(
        "markers", "nomos_seed(n): scenarios of scenario_builder get the seed n, unless --nomos-seed is given"
    )
    _check_deployer(config.getoption("nomos_on"))
    seed = config.getoption("nomos_seed")
    if seed is not None and seed < 0:
        raise pytest.UsageError(f"--nomos-seed: expected 0 or more, got {seed}")
    directory = config.getoption("nomos_scenarios")
    if directory is not None:
        _collect_also(config, directory)


def _check_deployer(name: str) -> None:
    if name == "simulation":
        raise pytest.UsageError("--nomos-on simulation: there is no simulation yet; choose local, compose or k8s")
    if name == "k8s":
        from nomos_testing.deployers.selection import missing_package

        missing = missing_package(name)
        if missing is not None:
            raise pytest.UsageError(f"--nomos-on {name}: {missing}")


def _collect_also(config: pytest.Config, directory: Path) -> None:
    """Add the directory of scenarios to what pytest collects, unless it is part of it."""
    place = _scenario_directory(config, directory)
    if not place.is_dir():
        raise pytest.UsageError(f"--nomos-scenarios: {directory} is no directory")
    invoked = config.invocation_params.dir
    collected = [(invoked / str(argument).partition("::")[0]).resolve() for argument in config.args]
    if not any(place.is_relative_to(argument) for argument in collected):
        config.args.append(str(place))


def _scenario_directory(config: pytest.Config, directory: Path) -> Path:
    return (config.invocation_params.dir / directory).resolve()


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect scenario files in the directory of scenarios."""
    directory = parent.config.getoption("nomos_scenarios")
    if directory is None or file_path.suffix not in {".yaml", ".yml"}:
        return None
    if not file_path.resolve().is_relative_to(_scenario_directory(parent.config, directory)):
        return None
    from nomos_testing.pytest_plugin.scenario_files import ScenarioFile

    return ScenarioFile.from_parent(parent, path=file_path)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Note which test runs, for the runs that it makes. An interrupted test has no report: its network hears of it."""
    item.config.stash[TEST] = item
    try:
        return (yield)
    except KeyboardInterrupt:
        network = shared_network(item)
        if network is not None:
            network.note_failure(f"{item.nodeid} (interrupted)")
        raise
    finally:
        del item.config.stash[TEST]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Attach the runs of a test to its report, and tell a running network of the failure of its test."""
    network = shared_network(item)
    if network is not None:
        attach(item, network.run_directory)
    report = yield
    add_section(item, report)
    if network is not None and report.failed:
        network.note_failure(item.nodeid)
    return report


@pytest.fixture
def scenario_builder(request: pytest.FixtureRequest) -> ScenarioStart:
    """Begin a scenario, with the marks of the test: ``scenario_builder.topology(validators=2)``."""
    from nomos_testing.pytest_plugin.builder import ScenarioStart
    from nomos_testing.pytest_plugin.runs import runs_of

    return ScenarioStart(request.node, runs_of(request.config))


@pytest.fixture(scope="session")
def deployer(request: pytest.FixtureRequest) -> Deployer:
    """Make the deployer of ``--nomos-on``. A project may have a fixture of its own with this name."""
    from nomos_testing.pytest_plugin.runs import runs_of

    return runs_of(request.config).deployer()


@pytest.fixture
def run_scenario(request: pytest.FixtureRequest, deployer: Deployer) -> RunScenario:
    """Run a scenario: ``verdict = run_scenario(scenario)``, in an async test ``await run_scenario(scenario)``.

    The test fails if the run does not pass; with ``check=False`` it gets the verdict.
    """
    from nomos_testing.pytest_plugin.runs import runs_of

    return RunScenario(runs_of(request.config), deployer)


@pytest.fixture(scope="module")
def nomos_network() -> Scenario | ScenarioBuilder:
    """Return the scenario of ``running_network``. A module that uses it has a fixture of its own with this name."""
    raise pytest.UsageError(
        "running_network needs to know its network\n"
        '  -> add a fixture to the module: @pytest.fixture(scope="module") def nomos_network(): '
        "return ScenarioBuilder.topology(validators=2)"
    )


@pytest.fixture(scope="module")
def running_network(
    request: pytest.FixtureRequest, deployer: Deployer, nomos_network: Scenario | ScenarioBuilder
) -> Iterator[RunningNetwork]:
    """Start the network of ``nomos_network`` once, for all tests of the module."""
    from nomos_testing.pytest_plugin.builder import built
    from nomos_testing.pytest_plugin.network import RunningNetwork
    from nomos_testing.pytest_plugin.runs import runs_of

    __tracebackhide__ = True
    network = RunningNetwork(deployer, built(nomos_network, request.node, runs_of(request.config)))
    request.node.stash[NETWORK] = network
    yield network
    del request.node.stash[NETWORK]
    network.close()
