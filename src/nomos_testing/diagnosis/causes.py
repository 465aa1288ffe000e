"""A likely cause of a failure, and how it is shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from nomos_testing.evidence.node_logs import plain_text

Confidence = Literal["certain", "likely", "possible"]
CONFIDENCES: Final[tuple[Confidence, ...]] = ("certain", "likely", "possible")
"""From the strongest to the weakest. *certain*: the journal says it, and the failure follows from it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """A likely cause of a failure."""

    known: str
    """Short id of this kind of cause, which does not change: ``node-killed``. ``docs/diagnosis.md`` lists all."""
    title: str
    """One line: ``validator-1 was killed at slot 20 by fault 1 and not started again``."""
    failure: str
    """The failure that it explains: name of an expectation, of a workload or of a phase."""
    remedy: str
    """One line: what to try."""
    confidence: Confidence
    """How sure it is."""
    node: str | None = None
    """The node that it concerns; None for several nodes, or none."""
    at: float | None = None
    """When it began, in seconds since the journal was opened."""
    since_slot: float | None = None
    """The same in slots since the start of the workloads; None before them."""
    done_to_it: str | None = None
    """The fault, or the action of a workload, that did it."""
    says: tuple[str, ...] = ()
    """Lines of the node's log, or other lines that show it."""

    def lines(self) -> list[str]:
        """Return the cause for a terminal: the first two lines name it and its remedy."""
        found = [f"cause ({self.confidence}): {self.title}", f"try: {self.remedy}"]
        if self.done_to_it is not None:
            found.append(f"  done to it: {self.done_to_it}")
        found += [f"  | {line}" for line in self.says]
        return [plain_text(line.replace("\n", " ")) for line in found]
