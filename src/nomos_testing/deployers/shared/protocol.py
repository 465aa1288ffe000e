"""The interface of deployers. An implementation does not have to inherit from it."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from nomos_testing.faults.fault import Control
from nomos_testing.runtime.runner import Runner
from nomos_testing.scenario.scenario import Scenario


class Deployer(Protocol):
    """Starts the network of a scenario."""

    @property
    def capabilities(self) -> frozenset[Control]:
        """The kinds of control that its networks have. A scenario with a fault that needs another one is refused."""
        ...

    async def deploy(self, scenario: Scenario) -> Runner:
        """Bring the network up and wait until it is ready. The caller closes the runner.

        Raises:
            DeployError: it did not come up. Nothing is left running. The error names the directory of the evidence.
        """
        ...

    def deployed(self, scenario: Scenario) -> AbstractAsyncContextManager[Runner]:
        """Deploy the scenario and take everything down at the end of the block, also if the block fails."""
        ...
