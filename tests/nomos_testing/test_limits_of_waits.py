"""No constant of seconds limits a wait for the network: the run's patience turns it into seconds of this machine."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "src" / "nomos_testing"
ROOMS = ("blocks", "faults", "runtime", "workloads", "expectations")
"""What waits here decides whether a run passes."""


def _is_constant(limit: ast.expr) -> bool:
    """Whether a limit is a number, or a name in capitals, and not what patience makes of it."""
    match limit:
        case ast.Constant(value=int() | float()):
            return True
        case ast.Name(id=name):
            return name.isupper()
        case ast.Attribute(attr=name):
            return name.isupper()
        case ast.BinOp(left=left, right=right):
            return _is_constant(left) and _is_constant(right)
    return False


def constant_limits(source: str) -> list[int]:
    """Lines at which a constant limits a wait: ``timeout=`` of any call, and the argument of ``asyncio.timeout``."""
    limits: list[ast.expr] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            limits += [keyword.value for keyword in node.keywords if keyword.arg == "timeout"]
            if isinstance(node.func, ast.Attribute) and node.func.attr == "timeout":
                limits += node.args
    return [limit.lineno for limit in limits if _is_constant(limit)]


def test_no_constant_limits_a_wait() -> None:
    found = {
        f"{file.relative_to(ROOT)}:{line}"
        for room in ROOMS
        for file in (ROOT / room).rglob("*.py")
        for line in constant_limits(file.read_text(encoding="utf-8"))
    }
    assert not found, "take the limit from ctx.patience()"


@pytest.mark.parametrize(
    "wait",
    [
        "wait_until('peers', look, timeout=60)",
        "client.da_share(blob, timeout=REQUEST_SECONDS)",
        "asyncio.timeout(5.0)",
        "asyncio.timeout(module.LIMIT)",
        "asyncio.wait(tasks, timeout=2 * LIMIT)",
    ],
)
def test_a_constant_limit_is_found(wait: str) -> None:
    assert constant_limits(wait) == [1]


@pytest.mark.parametrize(
    "wait", ["asyncio.timeout(patience.slots(60))", "wait_until('peers', look, timeout=limit)", "f(timeout=None)"]
)
def test_a_limit_from_outside_is_not_found(wait: str) -> None:
    assert constant_limits(wait) == []
