"""What a scenario is made of, as the runner sees it: workloads that load the network and expectations that judge it.

Implementations are ordinary classes; they need not inherit from anything here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from nomos_testing.outcome import ExpectationFailed, Observation
from nomos_testing.runtime.context import RunContext
from nomos_testing.runtime.plan import RunPlan

__all__ = [
    "DescribesLoad",
    "Expectation",
    "ExpectationFailed",
    "GetsReady",
    "Observation",
    "RunContext",
    "RunPlan",
    "Workload",
]


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
            ExpectationFailed: with what was observed, what was required, and the evidence. What else it raises is
                a failure or an error of its code: see ``nomos_testing.failure``.
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
        """Load the network until done, or until cancelled at the end of the cooldown.

        Raises:
            Failure: the network does not take the load; the run has failed. What else it raises is taken for a bug of
                the workload: the run has errored.
        """
        ...


@runtime_checkable
class GetsReady(Protocol):
    """A workload that has work to do before anything is measured."""

    async def get_ready(self, ctx: RunContext) -> None:
        """Prepare, while the network runs without load. Raising fails the run."""
        ...


@runtime_checkable
class DescribesLoad(Protocol):
    """A workload that says how much it does, and why so much."""

    def describe_load(self) -> Sequence[str]:
        """Sentences for ``nomos-testing plan`` and for the start of a run; valid after ``prepare``."""
        ...
