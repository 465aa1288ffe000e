"""What a run's journal can say. Every kind of event is a frozen dataclass of JSON values.

The live view, the summary and every report are made from these events alone. Other rooms add kinds of their own with
``@journal_event("kind")``; a reader that does not know a kind gets an ``OtherEvent`` and loses nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass
from types import MappingProxyType
from typing import Any, TypeVar

E = TypeVar("E")

_KINDS: dict[str, type[Any]] = {}
_NAMES: dict[type[Any], str] = {}


def journal_event(kind: str) -> Callable[[type[E]], type[E]]:
    """Register a dataclass as the event ``kind``; its fields become the event's keys in the journal."""

    def register(event: type[E]) -> type[E]:
        assert is_dataclass(event)
        assert _KINDS.setdefault(kind, event) is event, f"two events are called {kind!r}"
        _NAMES[event] = kind
        return event

    return register


@dataclass(frozen=True, slots=True)
class OtherEvent:
    """An event of a kind that has no dataclass: one workload's own, or a newer version's."""

    kind: str
    fields: Mapping[str, Any]


@journal_event("run_started")
@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted:
    run_id: str
    scenario: str
    deployer: str
    seed: int
    run_seconds: float
    slot_seconds: float | None
    expected_blocks: int
    lottery_expected_blocks: float
    """The average of what the leader lottery gives in the run's time."""
    machine_factor: float
    """How many times slower this machine is than the reference; timeouts are scaled by it."""
    directory: str


@journal_event("notice")
@dataclass(frozen=True, slots=True)
class Notice:
    """Something a person should know."""

    text: str
    level: str = "info"
    """``info`` or ``warning``."""


@journal_event("phase_started")
@dataclass(frozen=True, slots=True)
class PhaseStarted:
    phase: str
    planned_seconds: float | None = None


@journal_event("phase_ended")
@dataclass(frozen=True, slots=True)
class PhaseEnded:
    phase: str
    seconds: float
    error: str | None = None


@journal_event("node_started")
@dataclass(frozen=True, slots=True, kw_only=True)
class NodeStarted:
    node: str
    pid: int | None
    program: str
    url: str
    directory: str | None = None


@journal_event("node_ready")
@dataclass(frozen=True, slots=True)
class NodeReady:
    """It answers over HTTP."""

    node: str
    seconds: float
    """Since its start."""


@journal_event("node_exited")
@dataclass(frozen=True, slots=True, kw_only=True)
class NodeExited:
    node: str
    status: str
    """``exit code 1``, ``killed by SIGKILL``."""
    expected: bool
    """Whether the run had asked for it."""
    last_lines: tuple[str, ...] = ()


@journal_event("node_controlled")
@dataclass(frozen=True, slots=True)
class NodeControlled:
    """A node was stopped, started or frozen on purpose."""

    node: str
    action: str
    seconds: float


@journal_event("wait_ended")
@dataclass(frozen=True, slots=True, kw_only=True)
class WaitEnded:
    """A wait for readiness is over."""

    waited_for: str
    seconds: float
    last_seen: str
    fulfilled: bool


@journal_event("block_seen")
@dataclass(frozen=True, slots=True, kw_only=True)
class BlockSeen:
    """A block was seen for the first time, by any node."""

    block: str
    parent: str
    slot: int
    height: int
    transactions: int
    node: str


@journal_event("reorganised")
@dataclass(frozen=True, slots=True, kw_only=True)
class Reorganised:
    """A node left a branch for another one."""

    node: str
    old_tip: str
    new_tip: str
    common_ancestor: str
    abandoned: int
    adopted: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSample:
    """A node at a moment; None for what it did not answer."""

    height: int | None = None
    slot: int | None = None
    peers: int | None = None
    tip: str | None = None
    mode: str | None = None
    error: str | None = None


@journal_event("sample")
@dataclass(frozen=True, slots=True)
class Sample:
    """Where the network stands; about once a second."""

    nodes: Mapping[str, NodeSample]
    counters: Mapping[str, int]

    def __post_init__(self) -> None:
        read = {
            name: node if isinstance(node, NodeSample) else _known_fields(NodeSample, node)
            for name, node in self.nodes.items()
        }
        object.__setattr__(self, "nodes", MappingProxyType(read))

    @property
    def height(self) -> int | None:
        """The highest node's."""
        return max((node.height for node in self.nodes.values() if node.height is not None), default=None)


@journal_event("workload_ended")
@dataclass(frozen=True, slots=True)
class WorkloadEnded:
    workload: str
    outcome: str
    """``finished``, ``stopped`` (at the end of the cooldown) or ``failed``."""
    error: str | None = None


@journal_event("expectation_judged")
@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectationJudged:
    expectation: str
    passed: bool
    observed: Any = None
    required: Any = None
    message: str = ""
    evidence: tuple[str, ...] = ()


@journal_event("verdict")
@dataclass(frozen=True, slots=True)
class VerdictReached:
    passed: bool
    failure: str | None = None


@journal_event("run_ended")
@dataclass(frozen=True, slots=True)
class RunEnded:
    """Nothing of the run is left running."""

    outcome: str
    """``passed``, ``failed``, ``interrupted``, or ``killed``: the runner died, and the reaper cleaned up."""
    detail: str | None = None
    evidence: str | None = None
    """The directory that explains a run that did not pass."""


def kind_of(event: Any) -> str:
    return event.kind if isinstance(event, OtherEvent) else _NAMES[type(event)]


def event_to_json(event: Any) -> dict[str, Any]:
    """The event's own keys; None is left out, as the default of every field that may be None."""
    if isinstance(event, OtherEvent):
        return dict(event.fields)
    if isinstance(event, Sample):  # the nodes are values of their own
        nodes = {name: _without_none(asdict(node)) for name, node in event.nodes.items()}
        return {"nodes": nodes, "counters": dict(event.counters)}
    return _without_none({item.name: getattr(event, item.name) for item in fields(event)})


def event_from_json(kind: str, values: Mapping[str, Any]) -> Any:
    """Read an event; keys that this version does not know are dropped."""
    event = _KINDS.get(kind)
    return OtherEvent(kind, dict(values)) if event is None else _known_fields(event, values)


def _known_fields(event: type[E], values: Mapping[str, Any]) -> E:
    known = {item.name for item in fields(event)}  # type: ignore[arg-type]
    given = {
        name: tuple(value) if isinstance(value, list) else value for name, value in values.items() if name in known
    }
    return event(**given)


def _without_none(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
