"""Targets of faults: the name of a node, or a node that the planner draws (``any``, ``any validator``)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from random import Random
from typing import Final

from nomos_testing.cluster.roles import Role
from nomos_testing.faults.errors import FaultPlanError, FieldPath

ANY: Final = "any"
_OPEN: Final = {ANY: "", **{f"{ANY} {role}": f"{role}-" for role in Role}}
"""Every open target, with the prefix of the names of its candidates."""


def is_open(target: str) -> bool:
    """Tell whether the planner draws the node."""
    return target in _OPEN


def candidates(target: str, nodes: Sequence[str]) -> list[str]:
    """Return the nodes that a target may stand for. A name stands for itself."""
    if not is_open(target):
        return [target]
    return [node for node in nodes if node.startswith(_OPEN[target])]


def check_target(path: FieldPath, target: str, nodes: Sequence[str]) -> None:
    """Check that a target stands for a node of the network.

    Raises:
        FaultPlanError: it stands for none.
    """
    if is_open(target):
        if not candidates(target, nodes):
            raise FaultPlanError(path, f"{target!r}: the network has none; it has {', '.join(nodes)}")
    elif target not in nodes:
        known = ", ".join((*nodes, *_OPEN))
        raise FaultPlanError(path, f"there is no node {target!r}; expected one of {known}")


def drawn(targets: Iterable[str], nodes: Sequence[str], rng: Random) -> frozenset[str]:
    """Draw names for all targets. Open targets get different nodes while there are enough."""
    named = {target for target in targets if not is_open(target)}
    for target in sorted(targets):
        if is_open(target):
            able = candidates(target, nodes)
            named.add(rng.choice([node for node in able if node not in named] or able))
    return frozenset(named)
