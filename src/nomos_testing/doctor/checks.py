"""Results of the checks of ``nomos-testing doctor``, and the decision whether a runner can run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from nomos_testing.deployers.shared.errors import Problem

LOCAL: Final = "local"
COMPOSE: Final = "compose"
K8S: Final = "k8s"
RUNNERS: Final = (LOCAL, COMPOSE, K8S)


class State(StrEnum):
    """The result of a check."""

    OK = "ok"
    """It is there."""
    LIMITED = "limited"
    """Runs are possible, but something does not work, or not well."""
    MISSING = "missing"
    """The runner cannot run."""


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check."""

    what: str
    """The prerequisite: ``Docker daemon``."""
    state: State
    """The result."""
    found: str
    """The thing that is there, or what is wrong."""
    remedy: str | None = None
    """The remedy; None if nothing is wrong."""
    runners: tuple[str, ...] = RUNNERS
    """The runners that need it."""


def ok(what: str, found: object, *runners: str) -> Check:
    """Return the check of something that is there."""
    return Check(what, State.OK, str(found), None, runners or RUNNERS)


def missing(what: str, problem: Problem, *runners: str) -> Check:
    """Return the check of something without which the runner cannot run."""
    return Check(what, State.MISSING, problem.what, problem.remedy, runners or RUNNERS)


def limited(what: str, problem: Problem, *runners: str) -> Check:
    """Return the check of something without which runs are possible."""
    return Check(what, State.LIMITED, problem.what, problem.remedy, runners or RUNNERS)


def can_run(checks: Iterable[Check], runner: str) -> bool:
    """Tell whether nothing is missing that a runner needs."""
    return not any(check.state is State.MISSING for check in checks if runner in check.runners)


def of_runner(checks: Sequence[Check], runner: str | None) -> list[Check]:
    """Return the checks that concern a runner; None: all."""
    return [check for check in checks if runner is None or runner in check.runners]
