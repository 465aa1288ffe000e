"""What the deployers of a scenario have in common: how they are set up and entered."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ClassVar

from nomos_testing.deployers.shared.run_opening import SetUp, set_up
from nomos_testing.journal.journal import Listener
from nomos_testing.runtime.run_directory import DEFAULT_RUNS_DIRECTORY
from nomos_testing.runtime.runner import Runner
from nomos_testing.scenario.scenario import Scenario
from nomos_testing.settings import Settings
from nomos_testing.surroundings import THIS_MACHINE, Surroundings


class ScenarioDeployer(ABC):
    """A ``Deployer``."""

    name: ClassVar[str]

    def __init__(
        self,
        *,
        settings: Settings | None = None,
        runs_directory: Path = DEFAULT_RUNS_DIRECTORY,
        membership_check: bool | None = None,
        listeners: Sequence[Listener] = (),
        environ: Mapping[str, str] | None = None,
        surroundings: Surroundings = THIS_MACHINE,
    ) -> None:
        """
        Args:
            settings: what the environment asks for; read from ``os.environ`` by default.
            membership_check: wait for data availability memberships and subnetworks too; where the scenario
                disperses blobs by default.
            listeners: called with every entry of the journal, from its first.
            environ: what programs are run with; ``os.environ`` by default.
            surroundings: where runs get wall time and unseeded chance from.
        """
        self._settings = Settings.from_environ() if settings is None else settings
        self._runs_directory = runs_directory
        self._membership_check = membership_check
        self._listeners = tuple(listeners)
        self._environ = os.environ if environ is None else environ
        self._surroundings = surroundings

    @abstractmethod
    async def deploy(self, scenario: Scenario) -> Runner:
        """Bring the network up and wait until it is ready.

        Raises:
            DeployError: it did not come up; the text says why and, once there is one, which directory explains it.
        """

    @asynccontextmanager
    async def deployed(self, scenario: Scenario) -> AsyncIterator[Runner]:
        """Deploy, and tear everything down on leaving the block, however it is left."""
        async with await self.deploy(scenario) as runner:
            yield runner

    async def _set_up(self, scenario: Scenario, bring_up: Callable[[SetUp], Awaitable[Runner]]) -> Runner:
        return await set_up(
            self.name,
            scenario,
            self._settings,
            runs_directory=self._runs_directory,
            listeners=self._listeners,
            bring_up=bring_up,
            surroundings=self._surroundings,
        )

    def _checks_membership(self, scenario: Scenario) -> bool:
        return scenario.disperses_blobs if self._membership_check is None else self._membership_check
