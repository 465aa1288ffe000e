"""What turns a scenario into a runner. Implementations need not inherit from anything here."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from nomos_testing.runtime.runner import Runner
from nomos_testing.scenario.scenario import Scenario


class Deployer(Protocol):
    """Starts the network a scenario asks for."""

    async def deploy(self, scenario: Scenario) -> Runner:
        """Bring the network up and wait until it is ready; the caller closes the runner.

        Raises:
            DeployError: it did not come up. Nothing is left running; the evidence's place is in the error.
        """
        ...

    def deployed(self, scenario: Scenario) -> AbstractAsyncContextManager[Runner]:
        """Deploy, and tear everything down on leaving the block, however it is left."""
        ...
