"""Errors of single fields: serde's message for a value that does not fit, and its place.

As in serde, such an error has a position of its own if the value has the wrong type. If the value has the right type
but is refused, the error takes the position of the mapping around it.
"""

from __future__ import annotations

import json

from nomos_core.config.document import Mapping, Mark, Node, ResolvedScalar, Scalar


class InvalidField(Exception):
    """Refusal of a value that does not fit its field.

    ``path`` and ``mark`` are the place where the real node reports it, which may be the mapping around the field.
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
        """Add one step to the path, while the error leaves ``container``.

        ``step`` is ``.key`` or ``[index]``, at which ``value`` stands in the container. Returns this error.
        """
        self._field_steps.append(step)
        self.field_mark = self.field_mark or value.mark
        if self.mark is None:
            self.mark = container.mark
        else:
            self._steps.append(step)
        return self

    @property
    def path(self) -> str:
        """Path that the real node reports, for example ``network.backend``."""
        return _joined(self._steps)

    @property
    def field_path(self) -> str:
        """Path of the field itself."""
        return _joined(self._field_steps)

    def hidden_behind(self, message: str) -> InvalidField:
        """Return the same mistake as reported by a reader that says only ``message``.

        The real node does not say where in the value the mistake is. The place of the field and the advice are kept.
        """
        field_error = InvalidField(message, advice=f"{self.message}; {self.advice}" if self.advice else self.message)
        field_error.field_mark = self.field_mark
        field_error._field_steps = list(self._field_steps)
        return field_error


def _joined(steps: list[str]) -> str:
    return "".join(reversed(steps)).removeprefix(".")


def wrong_type(node: Node, expected: str, example: str) -> InvalidField:
    """Return the error for a node of another type than ``expected``."""
    return InvalidField(
        f"invalid type: {describe(node)}, expected {expected}", at=node, advice=f"write it like this: {example}"
    )


def describe(node: Node) -> str:
    """Return serde's name for a value, as it stands in "invalid type"."""
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
    """Return a list of names as serde writes it: "`a` or `b`", "one of `a`, `b`, `c`"."""
    quoted = [f"`{name}`" for name in names]
    return " or ".join(quoted) if len(quoted) <= 2 else f"one of {', '.join(quoted)}"
