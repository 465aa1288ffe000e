"""Errors of a network that does not come up.

- ``DeployError``: the base; says where the evidence is
  - ``DeployerUnavailable``: there is nothing here to deploy on, such as a Docker daemon
  - ``PreflightError``: something is missing, found before anything was started
  - ``NodeDied``: a node ended while the network was coming up
- ``LaunchError``: a process could not be started
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from nomos_testing.failure import Failure

T = TypeVar("T")


class DeployError(Failure):
    """The network did not come up. Nothing of it is left running.

    Attributes:
        run_directory: where the evidence is; None where the run did not get that far.
    """

    run_directory: Path | None = None


class DeployerUnavailable(DeployError):
    """The deployer's tool, such as Docker, is not available on this machine. Nothing was tried."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is missing, and the remedy."""

    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.what}\n  -> {self.remedy}"


def outcome(found: T | Problem, shown: Callable[[T], object]) -> str:
    """Return one line for the log: what was found, or the problem."""
    return found.what if isinstance(found, Problem) else str(shown(found))


class PreflightError(DeployError):
    """Something is missing. The text names every problem, each with its remedy."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


class LaunchError(Failure):
    """A process could not be started."""


class NodeDied(DeployError):
    """A node ended while the network was coming up; its last log lines are in the text."""

    def __init__(self, node: str, status: str, last_lines: Sequence[str], directory: Path, program: str) -> None:
        super().__init__(
            f"{node} ended before it was ready: {status}; its last lines:{shown_lines(last_lines)}\n"
            f"its program: {program}\n{persisting(directory)}"
        )
        self.node = node
        self.status = status
        self.last_lines = tuple(last_lines)
        self.directory = directory


def shown_lines(lines: Sequence[str]) -> str:
    """Return the last lines of a log for the end of an error's text."""
    return "".join(f"\n  | {line}" for line in lines) or "\n  (it wrote nothing)"


def persisting(directory: Path) -> str:
    return f"nomos-node: persisting directory at {directory}"


def described_status(code: int | None) -> str:
    """Return the status in words: ``exit code 1``, ``killed by SIGKILL``."""
    if code is None:
        return "exit code unknown"
    if code < 0:
        try:
            return f"killed by {signal.Signals(-code).name}"
        except ValueError:
            return f"killed by signal {-code}"
    return f"exit code {code}"
