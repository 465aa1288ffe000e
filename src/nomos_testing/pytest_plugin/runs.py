"""The runs of a pytest session: where they run, and which test each belongs to."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from nomos_testing.deployers.selection import deployer_class
from nomos_testing.deployers.shared.errors import DeployError, DeployerUnavailable
from nomos_testing.journal.events import RunStarted
from nomos_testing.outcome import Verdict
from nomos_testing.pytest_plugin.failure import not_deployed, not_passed
from nomos_testing.pytest_plugin.loop_threads import LoopThread, in_async_code, result_of
from nomos_testing.pytest_plugin.reporting import TEST, attach
from nomos_testing.runtime.raised import SHOWN_BY_VIEW
from nomos_testing.settings import Settings

if TYPE_CHECKING:
    from nomos_testing.deployers.shared.base import ScenarioDeployer
    from nomos_testing.deployers.shared.protocol import Deployer
    from nomos_testing.journal.journal import Entry
    from nomos_testing.scenario.scenario import Scenario


@dataclass(frozen=True, slots=True)
class Runs:
    """The runs of one session."""

    on: str
    """Name of the deployer."""
    directory: Path
    """Where runs keep their journals and evidence."""
    seed: int | None
    """The seed of every run; None if each scenario has its own."""
    config: pytest.Config = field(repr=False)
    """The configuration of the session, which knows the test that runs now."""

    def deployer(self) -> ScenarioDeployer:
        """Make the deployer of the session."""
        return deployer_class(self.on)(
            settings=Settings.from_environ(), runs_directory=self.directory, listeners=[self._listen]
        )

    def run(self, deployer: Deployer, scenario: Scenario, *, check: bool) -> Any:
        """Run a scenario and return its verdict; in async code a coroutine that does it.

        Raises:
            ScenarioNotPassed: the run did not pass, and ``check`` is true; or the network did not come up.
        """
        __tracebackhide__ = True
        if in_async_code():
            return self._run_async(deployer, scenario, check=check)
        thread = LoopThread(_verdict(deployer, scenario), f"run of {scenario.name}")
        try:
            verdict: Verdict = result_of(thread.done, thread.cancel)
        except DeployError as error:
            raise_not_deployed(scenario.name, error)
        return self._checked(verdict, check=check)

    async def _run_async(self, deployer: Deployer, scenario: Scenario, *, check: bool) -> Verdict:
        __tracebackhide__ = True
        thread = LoopThread(_verdict(deployer, scenario), f"run of {scenario.name}")
        try:
            verdict: Verdict = await result_of(thread.done, thread.cancel)
        except DeployError as error:
            raise_not_deployed(scenario.name, error)
        return self._checked(verdict, check=check)

    def _checked(self, verdict: Verdict, *, check: bool) -> Verdict:
        __tracebackhide__ = True
        self._attach(verdict.run_directory)  # a deployer of the user's own has not told
        if check and not verdict.passed:
            raise not_passed(verdict)
        return verdict

    def _listen(self, entry: Entry) -> None:
        if isinstance(entry.event, RunStarted):
            self._attach(Path(entry.event.directory))

    def _attach(self, run_directory: Path) -> None:
        test = self.config.stash.get(TEST, None)
        if test is not None:
            attach(test, run_directory)


def runs_of(config: pytest.Config) -> Runs:
    """Return the runs of a session."""
    _leave_out_tracebacks(config)
    directory = config.rootpath / config.getoption("nomos_runs_dir")
    return Runs(config.getoption("nomos_on"), directory, config.getoption("nomos_seed"), config)


def raise_not_deployed(scenario: str, error: DeployError) -> NoReturn:
    """Skip the test where there is nothing to deploy on; else fail it."""
    __tracebackhide__ = True
    if isinstance(error, DeployerUnavailable):
        pytest.skip(str(error))
    raise not_deployed(scenario, error) from None


async def _verdict(deployer: Deployer, scenario: Scenario) -> Verdict:
    async with deployer.deployed(scenario) as runner:
        return await runner.run()


def _leave_out_tracebacks(config: pytest.Config) -> None:
    """Keep the tracebacks of runs out of pytest's log for the session: journals and reports have them."""
    logger = logging.getLogger("nomos_testing.runtime.raised")
    if _is_not_in_the_journal not in logger.filters:
        logger.addFilter(_is_not_in_the_journal)
        config.add_cleanup(lambda: logger.removeFilter(_is_not_in_the_journal))


def _is_not_in_the_journal(record: logging.LogRecord) -> bool:
    return not hasattr(record, SHOWN_BY_VIEW)
