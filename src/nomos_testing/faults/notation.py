"""Faults as JSON values, the same in scenario files and in a run's plan: ``{"pause": {"node": "validator-0"}}``.

A fault of links names them by ``nodes`` (those whose links are meant, every node by default), ``peers`` (only the links
to these) and ``one_way`` (only what ``nodes`` send to ``peers``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any

from nomos_testing.cluster.links import Links
from nomos_testing.faults.vocabulary import KINDS, Fault


def fault_to_json(fault: Fault) -> dict[str, Any]:
    """Fields at their defaults are left out."""
    values: dict[str, Any] = {}
    for item in fields(fault):
        value = getattr(fault, item.name)
        if isinstance(value, Links):
            values |= _links_to_json(value)
        elif value != item.default or item.default is MISSING:
            values[item.name] = [sorted(group) for group in value] if isinstance(value, tuple) else value
    return {fault.kind: values}


def fault_from_json(value: Mapping[str, Any]) -> Fault:
    """
    Raises:
        ValueError: not one of the known faults, or not with its fields.
    """
    if len(value) != 1:
        raise ValueError(f"expected one fault, got {', '.join(value) or 'none'}")
    ((kind, given),) = value.items()
    if kind not in KINDS:
        raise ValueError(f"unknown fault {kind!r}; expected one of {', '.join(KINDS)}")
    if not isinstance(given, Mapping):
        raise ValueError(f"{kind}: expected its fields, got {given!r}")
    own = {item.name for item in fields(KINDS[kind])}
    values = dict(given)
    arguments: dict[str, Any] = {}
    try:
        if "links" in own:
            arguments["links"] = _links_from_json(values)
        if "groups" in own:
            arguments["groups"] = tuple(frozenset(group) for group in values.pop("groups", ()))
        if unknown := values.keys() - own:
            raise ValueError(f"{kind}: unknown field {', '.join(sorted(unknown))}")
        return KINDS[kind](**arguments, **values)
    except TypeError as error:
        raise ValueError(f"{kind}: {error}") from None


def _links_to_json(links: Links) -> dict[str, Any]:
    values = {"nodes": links.sources, "peers": links.targets}
    named: dict[str, Any] = {name: sorted(side) for name, side in values.items() if side is not None}
    return named | {"one_way": True} if links.one_way else named


def _links_from_json(values: dict[str, Any]) -> Links:
    """Takes its own fields out of ``values``."""
    sources, targets = values.pop("nodes", None), values.pop("peers", None)
    return Links(
        sources=None if sources is None else frozenset(sources),
        targets=None if targets is None else frozenset(targets),
        one_way=bool(values.pop("one_way", False)),
    )
