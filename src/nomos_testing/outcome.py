"""The results of a run: observations, judgements, the lengths of phases, the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from nomos_testing.failure import Failure


class VerdictKind(StrEnum):
    """The kinds of verdicts. What is neither *passed* nor *interrupted* has exit code 1."""

    PASSED = "passed"
    """Every expectation holds."""
    FAILED = "failed"
    """The network under test did not do what the scenario asks of it."""
    SLOW = "slow"
    """It did not, but it was still moving, and the machine was overloaded: the network was not judged fairly."""
    ERRORED_TEST = "errored (user's code)"
    """Code of a workload, an expectation or a plugin raised an error that is no ``Failure``."""
    ERRORED_FRAMEWORK = "errored (framework)"
    """A task of the framework raised, so that the run was no longer observed."""
    INTERRUPTED = "interrupted"
    """Somebody ended the run, or the runner was killed."""


@dataclass(frozen=True, slots=True)
class Observation:
    """The observed and the required value of an expectation, for the summary. JSON values."""

    observed: Any
    """The observed value."""
    required: Any
    """The required value, in the same unit."""


class ExpectationFailed(Failure):
    """An expectation does not hold.

    Attributes:
        observed: the observed value, JSON.
        required: the required value, in the same unit.
        evidence: one line for each finding; kept in the journal.
    """

    def __init__(
        self, message: str, *, observed: Any = None, required: Any = None, evidence: Sequence[str] = ()
    ) -> None:
        super().__init__(message)
        self.observed = observed
        self.required = required
        self.evidence = tuple(evidence)


@dataclass(frozen=True, slots=True)
class Judgement:
    """One expectation's part of the verdict."""

    name: str
    """Name of the expectation."""
    passed: bool
    """True if it holds."""
    observed: Any = None
    """The observed value."""
    required: Any = None
    """The required value."""
    message: str = ""
    """Why it does not hold."""
    evidence: tuple[str, ...] = ()
    """One line for each finding."""
    errored: bool = False
    """True if its code raised an error that is no ``Failure``: the network was not judged."""


@dataclass(frozen=True, slots=True)
class PhaseTiming:
    """One phase of a run."""

    name: str
    """Name of the phase."""
    started: float
    """Seconds since the run began."""
    seconds: float
    """Its length, in seconds."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of a run."""

    passed: bool
    """True if every expectation holds and no workload failed."""
    failure: str | None
    """Why it did not pass, in the words of the original framework; None if it passed."""
    judgements: tuple[Judgement, ...]
    """The result of each expectation."""
    phases: tuple[PhaseTiming, ...]
    """The phases of the run, in order."""
    run_directory: Path
    """Directory with journal, plan and node configurations. If the run did not pass, also with logs and databases."""
    errored: bool = False
    """True if code of the test raised an error that is no ``Failure`` (see ``nomos_testing.failure``)."""
    kind: VerdictKind = VerdictKind.PASSED
    """The kind of the verdict, which also tells whose error it is and whether the machine was overloaded."""

    @property
    def outcome(self) -> str:
        """``passed``, ``failed`` or ``errored``."""
        return outcome_of(passed=self.passed, errored=self.errored)


def outcome_of(*, passed: bool, errored: bool) -> str:
    """Return the word for a result."""
    return "passed" if passed else "errored" if errored else "failed"
