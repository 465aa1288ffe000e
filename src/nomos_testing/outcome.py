"""How things end: what an expectation observed, how long each phase took, and the verdict of the run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nomos_testing.failure import Failure


@dataclass(frozen=True, slots=True)
class Observation:
    """What an expectation saw and what it needed, in the same unit; shown in the summary. JSON values."""

    observed: Any
    required: Any


class ExpectationFailed(Failure):
    """An expectation does not hold.

    Attributes:
        observed, required: in the same unit, JSON values.
        evidence: one line per finding that shows why; kept in the journal.
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
    passed: bool
    observed: Any = None
    required: Any = None
    message: str = ""
    evidence: tuple[str, ...] = ()
    errored: bool = False
    """Its code raised something that is no failure (see ``nomos_testing.failure``): it was not judged."""


@dataclass(frozen=True, slots=True)
class PhaseTiming:
    name: str
    started: float
    """Seconds since the run began."""
    seconds: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a run came to."""

    passed: bool
    failure: str | None
    """Why it failed, in the words of the original framework; None where it passed."""
    judgements: tuple[Judgement, ...]
    phases: tuple[PhaseTiming, ...]
    run_directory: Path
    """Journal, plan and node configurations; of a run that did not pass also logs and databases."""
    errored: bool = False
    """It did not pass because code of the test raised something that is no failure (see ``nomos_testing.failure``)."""

    @property
    def outcome(self) -> str:
        """``passed``, ``failed`` or ``errored``."""
        return outcome_of(passed=self.passed, errored=self.errored)


def outcome_of(*, passed: bool, errored: bool) -> str:
    """The word for how a run ended."""
    return "passed" if passed else "errored" if errored else "failed"
