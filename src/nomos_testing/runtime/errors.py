"""Reasons why a run did not pass, in the words of the original framework.

Each says whether the run *failed* or *errored*; ``nomos_testing.failure`` explains the difference.

- ``RunFailed``: the base; a verdict, not a defect of the framework
  - ``WorkloadFailed``: a workload raised
  - ``ExpectationCaptureFailed``: an expectation could not start watching
  - ``HealFailed``: the effects of faults could not be undone
  - ``WatchFailed``: a task that an expectation or a workload had started beside the workloads raised
  - ``ObserverFailed``: a task of the framework raised: the block feed, the sampling, a control of the network
  - ``ExpectationsFailed``: one or more expectations do not hold
- ``Interrupted``: someone asked the run to stop
"""

from __future__ import annotations

import signal
from collections.abc import Sequence

from nomos_testing.failure import is_failure
from nomos_testing.outcome import Judgement, VerdictKind


class RunFailed(Exception):
    """The run did not pass."""

    def __init__(self, text: str, *, errored: bool = False) -> None:
        super().__init__(text)
        self.errored = errored
        """Code raised an error that is no failure."""

    @property
    def kind(self) -> VerdictKind:
        """The kind of the verdict, on a machine that keeps up."""
        return VerdictKind.ERRORED_TEST if self.errored else VerdictKind.FAILED


class WorkloadFailed(RunFailed):
    """A workload raised."""

    def __init__(self, workload: str, error: BaseException) -> None:
        super().__init__(f"workload failure: {workload}: {described(error)}", errored=not is_failure(error))
        self.workload = workload


class ExpectationCaptureFailed(RunFailed):
    """An expectation could not start to watch."""

    def __init__(self, expectation: str, error: BaseException) -> None:
        super().__init__(
            f"expectation capture failed: {expectation}: {described(error)}", errored=not is_failure(error)
        )
        self.expectation = expectation


class HealFailed(RunFailed):
    """The effects of faults could not be undone."""

    def __init__(self, reason: str, *, errored: bool = False) -> None:
        super().__init__(f"healing failed: {reason}", errored=errored)


class WatchFailed(RunFailed):
    """A task that an expectation or a workload had started raised."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(f"expectation capture failed: {described(error)}", errored=not is_failure(error))


class ObserverFailed(RunFailed):
    """A task of the framework failed. The run says nothing about the network, because it is no longer observed."""

    def __init__(self, observer: str, error: BaseException) -> None:
        super().__init__(f"framework failure: {observer}: {described(error)}", errored=True)
        self.observer = observer

    @property
    def kind(self) -> VerdictKind:
        return VerdictKind.ERRORED_FRAMEWORK


class ExpectationsFailed(RunFailed):
    """One or more expectations do not hold."""

    def __init__(self, failed: Sequence[Judgement]) -> None:
        listed = "\n".join(f"{judgement.name}: {judgement.message}" for judgement in failed)
        super().__init__(f"expectations failed:\n{listed}", errored=any(judgement.errored for judgement in failed))
        self.failed = tuple(failed)


class Interrupted(Exception):
    """A signal ended the run. Everything is cleaned up."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__(f"interrupted by {number.name}")
        self.signal = number

    @property
    def exit_code(self) -> int:
        """128 + the signal's number, as shells do."""
        return 128 + self.signal


def described(error: BaseException) -> str:
    """Return the error's text: of a group the texts of all its errors, without a text the type."""
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(described(part) for part in error.exceptions)
    text = str(error)
    if not text:
        return type(error).__name__
    # The text of a programming error is hard to understand without its type.
    programming = isinstance(error, ArithmeticError | AssertionError | AttributeError | LookupError | TypeError)
    return f"{type(error).__name__}: {text}" if programming else text
