"""Errors of building a scenario.

- ``ScenarioError``
  - ``ScenarioBuildError``: the parts do not fit together (a rate of zero, more users than wallets)
  - ``ScenarioFileError``: the file does not follow the schema, or its parts do not fit; cites file, line and field
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nomos_testing.faults.errors import FieldPath, dotted


class ScenarioError(ValueError):
    """A scenario that cannot run."""


class ScenarioBuildError(ScenarioError):
    """The scenario's parts do not fit together.

    Attributes:
        path: the field of a scenario file that is to blame, where one field is. It begins the text.
        part: the workload or expectation that is to blame, as a field of a scenario file. The text names it.
        reason: the text without the path.
    """

    def __init__(self, reason: str, *, path: FieldPath | None = None, part: FieldPath | None = None) -> None:
        super().__init__(reason if path is None else f"{dotted(path)}: {reason}")
        self.path = path
        self.part = part
        self.reason = reason


@dataclass(frozen=True, slots=True)
class FileProblem:
    """A problem in a scenario file."""

    source: str
    line: int
    field: str
    """Dotted path, as in ``workloads.0.transactions.rate``; empty for the file as a whole."""
    message: str

    def __str__(self) -> str:
        where = f"{self.source}:{self.line}"
        return f"{where}: {self.field}: {self.message}" if self.field else f"{where}: {self.message}"


class ScenarioFileError(ScenarioError):
    """A scenario file with problems.

    Attributes:
        problems: every one of them, each with file, line and field.
    """

    def __init__(self, problems: Sequence[FileProblem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)
