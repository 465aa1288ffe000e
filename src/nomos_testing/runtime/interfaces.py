"""The parts of a scenario: workloads that load the network, and expectations that judge it.

Parts are ordinary classes. They need not inherit from anything here. There are two ways to write one:

- ``Workload`` and ``Expectation``: one class that is prepared and runs. The runner copies the object for each run, so
  the class may keep what it needs in its fields.
- ``WorkloadSpec`` and ``ExpectationSpec``: a frozen value that says what is wanted, and ``begin(ctx)``, which makes the
  object that runs. The parts of this framework are written so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeAlias, runtime_checkable

from nomos_testing.outcome import ExpectationFailed, Observation
from nomos_testing.runtime.context import RunContext
from nomos_testing.runtime.plan import RunPlan

__all__ = [
    "AnyExpectation",
    "AnyWorkload",
    "DescribesLoad",
    "Expectation",
    "ExpectationFailed",
    "ExpectationSpec",
    "GetsReady",
    "Observation",
    "RunContext",
    "RunPlan",
    "RunningExpectation",
    "RunningWorkload",
    "Workload",
    "WorkloadSpec",
]


class RunningExpectation(Protocol):
    """Judges one run."""

    @property
    def name(self) -> str:
        """Name in reports and in the journal."""
        ...

    async def capture(self, ctx: RunContext) -> None:
        """Start to watch. Called before any workload runs. To watch for the whole run, use ``ctx.spawn``."""
        ...

    async def evaluate(self, ctx: RunContext) -> Observation | None:
        """Judge the run, once, after it has settled.

        Raises:
            ExpectationFailed: with what was observed, what was required, and the evidence. Any other exception is a
                failure or an error of this code: see ``nomos_testing.failure``.
        """
        ...


class Expectation(RunningExpectation, Protocol):
    """Something that must hold of a run. The runner copies the object for each run."""

    def prepare(self, plan: RunPlan) -> None:
        """Check and compute what judging needs, before anything is started.

        Raises:
            ValueError: the expectation makes no sense under this plan; the text reaches the user.
        """
        ...


class ExpectationSpec(Protocol):
    """Something that must hold of a run, as a value that no run changes."""

    @property
    def name(self) -> str:
        """Name in reports and in the journal."""
        ...

    def prepare(self, plan: RunPlan) -> None:
        """Check the expectation against a plan. Keep nothing of the plan.

        Raises:
            ValueError: the expectation makes no sense under this plan; the text reaches the user.
        """
        ...

    def begin(self, ctx: RunContext) -> RunningExpectation:
        """Make the object that judges one run. Called before the run's first phase."""
        ...


AnyExpectation: TypeAlias = Expectation | ExpectationSpec


class RunningWorkload(Protocol):
    """Loads the network in one run."""

    @property
    def name(self) -> str:
        """Name in reports and in the journal."""
        ...

    async def run(self, ctx: RunContext) -> None:
        """Load the network until done, or until cancelled at the end of the cooldown.

        Raises:
            Failure: the network does not take the load; the run has failed. Any other exception counts as a bug of the
                workload: the run has errored.
        """
        ...


class Workload(RunningWorkload, Protocol):
    """Something that loads the network while a run lasts. The runner copies the object for each run."""

    def expectations(self) -> Sequence[AnyExpectation]:
        """Return what must hold because this workload runs. The scenario's own expectations come after these."""
        ...

    def prepare(self, plan: RunPlan) -> None:
        """Check and compute what the run needs, before anything is started.

        Raises:
            ValueError: the workload cannot run under this plan; the text reaches the user.
        """
        ...


class WorkloadSpec(Protocol):
    """Something that loads the network while a run lasts, as a value that no run changes."""

    @property
    def name(self) -> str:
        """Name in reports and in the journal."""
        ...

    def expectations(self) -> Sequence[AnyExpectation]:
        """Return what must hold because this workload runs. The scenario's own expectations come after these."""
        ...

    def prepare(self, plan: RunPlan) -> None:
        """Check the workload against a plan. Keep nothing of the plan.

        Raises:
            ValueError: the workload cannot run under this plan; the text reaches the user.
        """
        ...

    def begin(self, ctx: RunContext) -> RunningWorkload:
        """Make the object that runs. Called once for each run, before its first phase.

        To refer to another specification of the scenario, use ``ctx.running(specification)``.
        """
        ...


AnyWorkload: TypeAlias = Workload | WorkloadSpec


@runtime_checkable
class GetsReady(Protocol):
    """A running workload that has work to do before anything is measured."""

    async def get_ready(self, ctx: RunContext) -> None:
        """Prepare while the network runs without load. An error fails the run."""
        ...


@runtime_checkable
class DescribesLoad(Protocol):
    """A workload that says how much it does, and why so much."""

    def describe_load(self, plan: RunPlan) -> Sequence[str]:
        """Return sentences for ``nomos-testing plan`` and for the start of a run. ``prepare`` has accepted the plan."""
        ...
