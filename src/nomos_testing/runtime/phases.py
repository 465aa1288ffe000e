"""The phases of a run. The journal has the start and the end of each, and the error that ended it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from nomos_testing.journal.events import PhaseEnded, PhaseStarted
from nomos_testing.journal.journal import Journal
from nomos_testing.outcome import PhaseTiming
from nomos_testing.surroundings import monotonic


class Phases:
    """Measures the phases of one run."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._timings: list[PhaseTiming] = []

    @property
    def timings(self) -> tuple[PhaseTiming, ...]:
        """The timings of the phases that have ended, in the order of their ends."""
        return tuple(self._timings)

    @contextmanager
    def phase(self, name: str, planned_seconds: float | None = None) -> Iterator[None]:
        """Measure the block and write it into the journal, also if it raises."""
        started_at, started = self._journal.elapsed, monotonic()
        self._journal.write(PhaseStarted(name, planned_seconds))
        failure: str | None = None
        try:
            yield
        except BaseException as error:
            failure = str(error) or type(error).__name__
            raise
        finally:
            seconds = round(monotonic() - started, 6)
            self._timings.append(PhaseTiming(name, round(started_at, 6), seconds))
            self._journal.write(PhaseEnded(name, seconds, failure))
