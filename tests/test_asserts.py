"""An ``assert`` in the sources only narrows a type. ``python -O`` leaves it out, so nothing may hang on it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SOURCES = Path(__file__).parents[1] / "src"


def narrows(condition: ast.expr) -> bool:
    """Whether the condition asks for the type of a name or an attribute, and does nothing else."""
    match condition:
        case ast.BoolOp(values=values):
            return all(map(narrows, values))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return narrows(operand)
        case ast.Compare(left=left, ops=[ast.Is() | ast.IsNot()], comparators=[ast.Constant(value=None)]):
            return _is_plain(left)
        case ast.Call(func=ast.Name(id="isinstance"), args=[value, _], keywords=[]):
            return _is_plain(value)
    return False


def _is_plain(value: ast.expr) -> bool:
    return isinstance(value, ast.Name) or (isinstance(value, ast.Attribute) and _is_plain(value.value))


def other_asserts(source: str) -> list[int]:
    """Lines of the asserts that do more than narrow a type."""
    asserts = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Assert))
    return [node.lineno for node in asserts if not narrows(node.test)]


def test_asserts_of_the_sources_only_narrow_types() -> None:
    lines = {
        f"{file.relative_to(SOURCES)}:{line}"
        for file in SOURCES.rglob("*.py")
        for line in other_asserts(file.read_text(encoding="utf-8"))
    }
    assert not lines, "raise an error instead, or move the effect out of the assert"


@pytest.mark.parametrize(
    "condition",
    [
        "kinds.setdefault(kind, cls) is cls",
        "(found := look()) is not None",
        "queue.pop() is None",
        "await ready() is None",
        "isinstance(read(), dict)",
        "count > 0",
        "registered",
    ],
)
def test_a_condition_with_an_effect_or_about_a_value_is_found(condition: str) -> None:
    assert other_asserts(f"async def f():\n    assert {condition}") == [2]


@pytest.mark.parametrize(
    "condition",
    ["process is not None", "self._process.stdin is not None", "isinstance(error, Refusal)", "a is None or b is None"],
)
def test_a_condition_that_narrows_a_type_is_not_found(condition: str) -> None:
    assert other_asserts(f"assert {condition}") == []
