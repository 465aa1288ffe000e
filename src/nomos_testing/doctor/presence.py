"""The runs of which something is there: processes, containers, objects on a cluster. Found by their labels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from nomos_testing.deployers.shared.run_owner import OwnerState
from nomos_testing.evidence.node_logs import plain_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """A run of which something is there. None: not known."""

    runner: str
    """``local``, ``compose`` or ``k8s``."""
    name: str
    """Id of the run, or name of its stack or release where the id is not known."""
    state: OwnerState
    """Whether the process that runs it is alive."""
    things: tuple[str, ...]
    """The things that are there, for people: ``3 containers``."""
    scenario: str | None = None
    """Name of the scenario."""
    directory: str | None = None
    """The run directory, on the machine of its runner."""
    since: float | None = None
    """When it began, in seconds of the Unix epoch."""
    owner: str | None = None
    """The process that runs it: ``pid 12 on host``."""
    kept_until: float | None = None
    """When a kept network ends, in seconds of the Unix epoch."""

    def as_json(self, now: float) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "runner": self.runner,
            "name": self.name,
            "scenario": self.scenario,
            "state": str(self.state),
            "owner": self.owner,
            "age_seconds": None if self.since is None else round(now - self.since, 1),
            "kept_until": self.kept_until,
            "directory": self.directory,
            "things": list(self.things),
        }

    def lines(self, now: float) -> list[str]:
        """Return it for people."""
        age = "" if self.since is None else f", {shown_duration(now - self.since)} old"
        kept = "" if self.kept_until is None else f", kept for another {shown_duration(self.kept_until - now)}"
        owner = f" ({self.owner})" if self.owner else ""
        return [
            plain_text(line)
            for line in (
                f"{self.name}: scenario {self.scenario or 'unknown'}, {self.runner}{age}{kept}",
                f"  runner {self.state}{owner}",
                *([] if self.directory is None else [f"  directory {self.directory}"]),
                *(f"  {thing}" for thing in self.things),
            )
        ]


def merged(found: Iterable[Presence]) -> list[Presence]:
    """Join what is there of the same run, by its directory. The state that a live runner has wins."""
    runs: dict[str, Presence] = {}
    for each in found:
        key = f"{each.runner} {each.directory or each.name}"
        known = runs.get(key)
        runs[key] = each if known is None else _joined(known, each)
    return sorted(runs.values(), key=lambda run: (run.since or 0.0, run.name))


def _joined(known: Presence, other: Presence) -> Presence:
    alive = OwnerState.ALIVE in {known.state, other.state}
    return replace(
        known,
        things=(*known.things, *other.things),
        state=OwnerState.ALIVE if alive else known.state,
        scenario=known.scenario or other.scenario,
        since=known.since if known.since is not None else other.since,
        owner=known.owner or other.owner,
        kept_until=known.kept_until if known.kept_until is not None else other.kept_until,
    )


def shown_duration(seconds: float) -> str:
    """Return a duration for people: ``3 h 12 min``."""
    whole = max(0, round(seconds))
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = ((days, "d"), (hours, "h"), (minutes, "min"), (rest, "s"))
    given = [f"{number} {unit}" for number, unit in parts if number]
    return " ".join(given[:2]) or "0 s"


def counted(things: Sequence[str], singular: str) -> str:
    """Return how many there are, with their names: ``2 containers: a, b``."""
    plural = singular if len(things) == 1 else f"{singular}s"
    return f"{len(things)} {plural}: {', '.join(things)}"
