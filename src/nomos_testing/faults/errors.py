"""Why faults could not be planned."""

from __future__ import annotations

FieldPath = tuple[str | int, ...]


def dotted(path: FieldPath) -> str:
    """``faults.2.partition.groups``"""
    return ".".join(map(str, path))


class FaultPlanError(ValueError):
    """Faults that make no sense in this run; the text begins with the field.

    Attributes:
        path: the field, as in a scenario file.
        message: what is wrong with it and what was expected.
    """

    def __init__(self, path: FieldPath, message: str) -> None:
        super().__init__(f"{dotted(path)}: {message}")
        self.path = path
        self.message = message
