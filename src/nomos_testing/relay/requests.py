"""The relay's control protocol: JSON lines. Each request comes on standard input, its answer on standard output.

    {"id": 1, "do": "open", "host": "127.0.0.1", "nodes": {"validator-0": {"host": "127.0.1.1", "ports": [4000]}},
     "probe_token": "hex", "seed": "7"}
    {"id": 2, "do": "add", "name": "validator-1", "node": {"host": "127.0.1.2", "ports": [4001]}}
    {"id": 3, "do": "impose", "number": 1, "links": [["validator-0", "validator-1"]], "effect": {"loss": 0.1}}
    {"id": 4, "do": "lift", "numbers": [1]}
    {"id": 5, "do": "clear"}
    {"id": 6, "do": "count"}

The answer is ``{"id": 2, "at": 17.25}``, where ``at`` is the monotonic time at which the request took effect, or
``{"id": 2, "error": "effect.loss: expected ..."}``. ``count`` answers with ``counters``: a list of links, each with
``source``, ``target`` and its numbers. The relay ends when its standard input ends.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from nomos_testing.cluster.link_effects import LinkEffect
from nomos_testing.cluster.links import Link
from nomos_testing.relay.proxy_sockets import NodeSockets
from nomos_testing.relay.rules import Rule

T = TypeVar("T")

SHORTEST_TOKEN = 8


class RequestError(ValueError):
    """A request is invalid. The text begins with the field."""


@dataclass(frozen=True, slots=True)
class Open:
    """The first request: the network that the relay serves."""

    host: str
    nodes: Mapping[str, NodeSockets]
    probe_token: bytes
    seed: str


@dataclass(frozen=True, slots=True)
class Admit:
    """Add a node."""

    name: str
    sockets: NodeSockets


@dataclass(frozen=True, slots=True)
class Impose:
    """Put a rule into force."""

    number: int
    rule: Rule


@dataclass(frozen=True, slots=True)
class Lift:
    """End rules."""

    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Clear:
    """End all rules."""


@dataclass(frozen=True, slots=True)
class Count:
    """Ask for the counters of all links."""


Request = Open | Admit | Impose | Lift | Clear | Count


def parse_line(line: str | bytes) -> tuple[Any, dict[str, Any]]:
    """Return the id of a request, and its fields.

    Raises:
        RequestError: not a JSON object.
    """
    try:
        value = json.loads(line)
    except ValueError as error:
        raise RequestError(f"expected a line of JSON: {error}") from None
    if not isinstance(value, dict):
        raise RequestError(f"expected a JSON object, got {value!r}")
    return value.get("id"), value


def parse_request(value: Mapping[str, Any]) -> Request:
    """Read a request.

    Raises:
        RequestError: an unknown request, or a field that is missing or has another form.
    """
    match value.get("do"):
        case "open":
            return Open(
                host=_field(value, "host", str),
                nodes=_parsed("nodes", _nodes, value.get("nodes")),
                probe_token=_parsed("probe_token", _token, value.get("probe_token")),
                seed=_field(value, "seed", str),
            )
        case "add":
            return Admit(_field(value, "name", str), _parsed("node", _sockets, value.get("node")))
        case "impose":
            links = _parsed("links", _links, value.get("links"))
            effect = _parsed("effect", _effect, value.get("effect"))
            return Impose(_field(value, "number", int), Rule(links, effect))
        case "lift":
            return Lift(_parsed("numbers", _numbers, value.get("numbers")))
        case "clear":
            return Clear()
        case "count":
            return Count()
        case other:
            raise RequestError(f"do: expected open, add, impose, lift, clear or count, got {other!r}")


def _parsed(field: str, parse: Callable[[Any], T], value: Any) -> T:
    try:
        return parse(value)
    except (AttributeError, KeyError, TypeError) as error:
        raise RequestError(f"{field}: malformed ({error!r}): {value!r}") from None
    except ValueError as error:
        raise RequestError(f"{field}.{error}" if field == "effect" else f"{field}: {error}") from None


def _field(value: Mapping[str, Any], name: str, kind: type[T]) -> T:
    found = value.get(name)
    if not isinstance(found, kind) or isinstance(found, bool):
        raise RequestError(f"{name}: expected {kind.__name__}, got {found!r}")
    return found


def _nodes(value: Any) -> dict[str, NodeSockets]:
    nodes = {str(name): _sockets(node) for name, node in value.items()}
    if not nodes:
        raise ValueError("expected at least one node")
    return nodes


def _sockets(value: Any) -> NodeSockets:
    return NodeSockets(str(value["host"]), tuple(map(_port, value["ports"])))


def _port(value: Any) -> int:
    if not isinstance(value, int) or not 0 < value <= 65_535:
        raise ValueError(f"expected ports from 1 to 65535, got {value!r}")
    return value


def _token(value: Any) -> bytes:
    token = bytes.fromhex(value)
    if len(token) < SHORTEST_TOKEN:
        raise ValueError(f"expected at least {SHORTEST_TOKEN} bytes in hex, got {len(token)}")
    return token


def _links(value: Any) -> frozenset[Link]:
    links = frozenset(Link(str(source), str(target)) for source, target in value)
    if not links:
        raise ValueError("expected at least one link")
    return links


def _effect(value: Any) -> LinkEffect:
    return LinkEffect.from_json(dict(value.items()))


def _numbers(value: Any) -> tuple[int, ...]:
    if not all(isinstance(number, int) for number in value):
        raise ValueError(f"expected whole numbers, got {value!r}")
    return tuple(value)
