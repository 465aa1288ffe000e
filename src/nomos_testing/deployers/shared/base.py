"""The base of all deployers: their options, and how a run is opened and a fault refused."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from typing import ClassVar, TypedDict, TypeVar, Unpack

from nomos_testing.deployers.shared.errors import DeployError, DeployerUnavailable
from nomos_testing.deployers.shared.run_opening import OpenRun, opened_run
from nomos_testing.faults.fault import Control
from nomos_testing.journal.journal import Listener
from nomos_testing.runtime.run_directory import DEFAULT_RUNS_DIRECTORY
from nomos_testing.runtime.runner import Runner
from nomos_testing.scenario.scenario import Scenario
from nomos_testing.settings import Settings
from nomos_testing.surroundings import THIS_MACHINE, Surroundings

T = TypeVar("T")


class DeployerOptions(TypedDict, total=False):
    """The options of every deployer."""

    settings: Settings | None
    """The settings of the run; read from ``os.environ`` by default."""
    runs_directory: Path
    """Where the directory of the run is made."""
    membership_check: bool | None
    """Wait for data availability memberships and subnetworks, too. None: if the scenario disperses blobs."""
    listeners: Sequence[Listener]
    """Called with every entry of the journal, from its first."""
    environ: Mapping[str, str] | None
    """The environment of the programs that are run; ``os.environ`` by default."""
    kept_seconds: float
    """How long the network may stay up after the verdict; 0 by default. What ends by itself waits so much longer."""
    surroundings: Surroundings
    """Where runs get wall time and unseeded random numbers from; this machine by default."""


class ScenarioDeployer(ABC):
    """A ``Deployer``."""

    name: ClassVar[str]
    """Name in the journal and in reports."""
    capabilities: ClassVar[frozenset[Control]]
    """Kinds of control that its networks have."""

    def __init__(self, **options: Unpack[DeployerOptions]) -> None:
        """See ``DeployerOptions``."""
        settings, environ = options.get("settings"), options.get("environ")
        self._settings = Settings.from_environ() if settings is None else settings
        self._runs_directory = options.get("runs_directory", DEFAULT_RUNS_DIRECTORY)
        self._membership_check = options.get("membership_check")
        self._listeners = tuple(options.get("listeners", ()))
        self._environ = os.environ if environ is None else environ
        self._kept_seconds = options.get("kept_seconds", 0.0)
        self._surroundings = options.get("surroundings", THIS_MACHINE)

    @abstractmethod
    async def deploy(self, scenario: Scenario) -> Runner:
        """Bring the network up and wait until it is ready.

        Raises:
            DeployError: it did not come up; the text says why and, once there is one, which directory explains it.
        """

    @asynccontextmanager
    async def deployed(self, scenario: Scenario) -> AsyncIterator[Runner]:
        """Deploy the scenario and take everything down at the end of the block, also if the block fails."""
        async with await self.deploy(scenario) as runner:
            yield runner

    async def _checked(self, preflight: Awaitable[T], scenario: Scenario) -> T:
        """Wait for a preflight. If it finds problems, leave a run directory whose journal and reports tell them.

        Raises:
            DeployerUnavailable: there is nothing here to deploy on. It leaves no run directory.
            DeployError: something is missing.
        """
        try:
            return await preflight
        except DeployerUnavailable:
            raise
        except DeployError as error:
            # It comes out again, unless there can be no run directory, which is one of its problems then.
            with suppress(DeployError):
                async with self._opened_run(scenario) as run:
                    with run.phases.phase("preflight"):
                        raise error
            raise

    def _opened_run(self, scenario: Scenario) -> AbstractAsyncContextManager[OpenRun]:
        return opened_run(
            self.name,
            scenario,
            self._settings,
            runs_directory=self._runs_directory,
            listeners=self._listeners,
            kept_seconds=self._kept_seconds,
            surroundings=self._surroundings,
        )

    def _checks_membership(self, scenario: Scenario) -> bool:
        return scenario.disperses_blobs if self._membership_check is None else self._membership_check
