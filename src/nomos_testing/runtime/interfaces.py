"""What a scenario is made of, as the runner sees it: workloads that load the network and expectations that judge it.

A deployer turns a scenario into a runner. Implementations are ordinary classes; they need not inherit from anything
here.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Protocol

from nomos_testing.runtime.context import RunContext
from nomos_testing.runtime.outcome import ExpectationFailed, Observation
from nomos_testing.runtime.plan import RunPlan

if TYPE_CHECKING:
    from nomos_testing.runtime.runner import Runner
    from nomos_testing.scenario.scenario import Scenario

__all__ = ["Deployer", "Expectation", "ExpectationFailed", "Observation", "RunContext", "RunPlan", "Workload"]


class Expectation(Protocol):
    """Something that must hold of a run."""

    @property
    def name(self) -> str: ...

    def prepare(self, plan: RunPlan) -> None:
        """Check and compute what judging needs, before anything is started.

        Raises:
            ValueError: the expectation makes no sense under this plan; the text reaches the user.
        """
        ...

    async def capture(self, ctx: RunContext) -> None:
        """Start watching; called before any workload runs. What watches on belongs into ``ctx.spawn``."""
        ...

    async def evaluate(self, ctx: RunContext) -> Observation | None:
        """Judge, once, after the run has settled.

        Raises:
            ExpectationFailed: with what was observed, what was required, and the evidence.
        """
        ...


class Workload(Protocol):
    """Something that loads the network while a run lasts."""

    @property
    def name(self) -> str: ...

    def expectations(self) -> Sequence[Expectation]:
        """What must hold because this workload runs; they join the scenario's own."""
        ...

    def prepare(self, plan: RunPlan) -> None:
        """Check and compute what the run needs, before anything is started.

        Raises:
            ValueError: the workload cannot run under this plan; the text reaches the user.
        """
        ...

    async def run(self, ctx: RunContext) -> None:
        """Load the network until done, or until cancelled at the end of the cooldown. Raising fails the run."""
        ...


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
