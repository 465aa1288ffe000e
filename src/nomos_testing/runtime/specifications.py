"""From the specifications that a scenario holds to the objects that run.

A scenario can run several times, also at the same time. So a run changes nothing that the scenario holds: each run has
objects of its own. A part with a method ``begin(ctx)`` is a specification: ``begin`` makes the object that runs. Any
other part is copied (``copy.deepcopy``). References between parts are kept: an expectation that refers to its workload
finds the workload of the same run.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, runtime_checkable

if TYPE_CHECKING:
    from nomos_testing.runtime.context import RunContext

Part = TypeVar("Part")
Running_co = TypeVar("Running_co", covariant=True)


class NotCopyable(ValueError):
    """A part of a scenario that has no ``begin`` and cannot be copied; the text says what to do."""


@runtime_checkable
class Specification(Protocol[Running_co]):
    """A part of a scenario that says how it runs, and keeps nothing of a run."""

    def begin(self, ctx: RunContext) -> Running_co:
        """Make the object that runs. Called once for each run, before its first phase."""
        ...


class PartCopies:
    """Copies parts of a scenario. Copies refer to each other as the originals do."""

    def __init__(self) -> None:
        self._memo: dict[int, Any] = {}
        self._originals: list[Any] = []
        """Kept, because ``_memo`` knows them by ``id``."""

    def put(self, original: Any, copied: Any) -> None:
        """Use ``copied`` for ``original`` from now on."""
        self._originals.append(original)
        self._memo[id(original)] = copied

    def __contains__(self, original: object) -> bool:
        return id(original) in self._memo

    def of(self, original: Part) -> Part:
        """Return the copy of ``original``. It is made at the first call.

        Raises:
            NotCopyable: it holds something that cannot be copied.
        """
        if original not in self:
            try:
                self.put(original, copy.deepcopy(original, self._memo))
            except Exception as error:
                raise NotCopyable(
                    f"it cannot be copied for a run ({type(error).__name__}: {error}): make what cannot be copied in "
                    "run or capture, or add a method begin(self, ctx) that returns the object that runs "
                    "(self, if all runs may share it)"
                ) from error
        result: Part = self._memo[id(original)]
        return result


class RunningParts:
    """The objects of one run, each made once from its part of the scenario."""

    def __init__(self, ctx: RunContext) -> None:
        self._ctx = ctx
        self._copies = PartCopies()

    def of(self, part: Any) -> Any:
        """Return the object that runs for ``part``.

        Raises:
            NotCopyable: ``part`` has no ``begin`` and cannot be copied.
            TypeError: ``begin`` returned nothing.
        """
        if isinstance(part, Specification) and part not in self._copies:
            running = part.begin(self._ctx)
            if running is None:
                raise TypeError(f"{type(part).__name__}.begin(ctx) must return the object that runs; it returned None")
            self._copies.put(part, running)
        return self._copies.of(part)
