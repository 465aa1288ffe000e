"""Values that don't fit their field: what serde says about them, and where.

Like serde's errors a field_error either has a position of its own (the value is of the wrong type) or takes that of the
mapping around it (the value is of the right type, and refused).
"""

from __future__ import annotations

import json

from nomos_core.config.document import Mapping, Mark, Node, ResolvedScalar, Scalar


class InvalidField(Exception):
    """A value that doesn't fit its field.

    ``path`` and ``mark`` are the place where the real node reports it, which may be the mapping around the field;
    ``field_path`` and ``field_mark`` are the field itself.
    """

    def __init__(self, message: str, *, at: Node | None = None, advice: str = "", field: str = "") -> None:
        self.message = message
        self.advice = advice
        self.mark: Mark | None = at.mark if at else None
        self.field_mark = self.mark
        self._steps: list[str] = []
        self._field_steps: list[str] = [f".{field}"] if field else []
        super().__init__(message)

    def passing(self, step: str, value: Node, container: Node) -> InvalidField:
        """Leave a container upwards from ``value``, which stands in it at ``step`` (``.key`` or ``[index]``)."""
        self._field_steps.append(step)
        self.field_mark = self.field_mark or value.mark
        if self.mark is None:
            self.mark = container.mark
        else:
            self._steps.append(step)
        return self

    @property
    def path(self) -> str:
        return _joined(self._steps)

    @property
    def field_path(self) -> str:
        return _joined(self._field_steps)

    def hidden_behind(self, message: str) -> InvalidField:
        """The same mistake, reported by a reader that says only ``message`` and not where in the value it is."""
        field_error = InvalidField(message, advice=f"{self.message}; {self.advice}" if self.advice else self.message)
        field_error.field_mark = self.field_mark
        field_error._field_steps = list(self._field_steps)
        return field_error


def _joined(steps: list[str]) -> str:
    return "".join(reversed(steps)).removeprefix(".")


def wrong_type(node: Node, expected: str, example: str) -> InvalidField:
    return InvalidField(
        f"invalid type: {describe(node)}, expected {expected}", at=node, advice=f"write it like this: {example}"
    )


def describe(node: Node) -> str:
    """A value as serde names it in "invalid type"."""
    if isinstance(node, Scalar):
        return _describe_scalar(node.resolved())
    return "map" if isinstance(node, Mapping) else "sequence"


def _describe_scalar(value: ResolvedScalar) -> str:
    match value:
        case None:
            return "unit value"
        case bool():
            return f"boolean `{str(value).lower()}`"
        case int():
            return f"integer `{value}`"
        case float():
            return f"floating point `{value}`"
        case str():
            return f"string {json.dumps(value, ensure_ascii=False)}"


def one_of(names: tuple[str, ...]) -> str:
    quoted = [f"`{name}`" for name in names]
    return " or ".join(quoted) if len(quoted) <= 2 else f"one of {', '.join(quoted)}"
