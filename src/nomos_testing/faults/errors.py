"""The errors of planning faults."""

from __future__ import annotations

FieldPath = tuple[str | int, ...]


def dotted(path: FieldPath) -> str:
    """Write a path as errors have it: ``faults.2.partition.groups``."""
    return ".".join(map(str, path))


class FaultPlanError(ValueError):
    """A fault that makes no sense in this run. The text begins with the field.

    Attributes:
        path: the field, as a scenario file has it.
        message: the problem, and what was expected.
    """

    def __init__(self, path: FieldPath, message: str) -> None:
        super().__init__(f"{dotted(path)}: {message}")
        self.path = path
        self.message = message
