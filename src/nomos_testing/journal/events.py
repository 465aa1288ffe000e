"""What a run's journal can say. Every kind of event is a frozen dataclass of JSON values.

The live view, the summary and every report are made from these events alone. Other rooms add kinds of their own with
``@journal_event("kind")``; a reader that does not know a kind gets an ``OtherEvent`` and loses nothing.

The journal leaves out a field that is None. So a field that may be None has None as its default, which
``@journal_event`` checks; and a field that a later version adds has a default, so that older journals are still read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from types import MappingProxyType, NoneType
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_type_hints

from nomos_testing.outcome import outcome_of

if TYPE_CHECKING:
    from pydantic import TypeAdapter

E = TypeVar("E")

_KINDS: dict[str, type[Any]] = {}
_NAMES: dict[type[Any], str] = {}


def journal_event(kind: str) -> Callable[[type[E]], type[E]]:
    """Register a dataclass as the event ``kind``; its fields become the event's keys in the journal.

    Raises:
        TypeError: it is no dataclass, or a field that may be None has another default than None.
        ValueError: another event has this kind already.
    """

    def register(event: type[E]) -> type[E]:
        _check_defaults(event)
        if kind in _KINDS:
            raise ValueError(f"two events have the kind {kind!r}: {_KINDS[kind].__qualname__}, {event.__qualname__}")
        _KINDS[kind] = event
        _NAMES[event] = kind
        return event

    return register


def _check_defaults(event: type[Any]) -> None:
    if not is_dataclass(event):
        raise TypeError(f"{event.__qualname__}: expected a dataclass")
    hints = get_type_hints(event)
    for item in fields(event):
        if NoneType in get_args(hints[item.name]) and item.default is not None:
            raise TypeError(
                f"{event.__qualname__}.{item.name} may be None, so its default has to be None: "
                "the journal leaves out what is None"
            )


@dataclass(frozen=True, slots=True)
class OtherEvent:
    """An event of a kind that has no dataclass: one workload's own, or a newer version's."""

    kind: str
    fields: Mapping[str, Any]


@journal_event("unreadable_line")
@dataclass(frozen=True, slots=True)
class UnreadableLine:
    """A line of the journal that gives no event; a reader puts it in the event's place."""

    number: int
    """Of the line in its file, counted from 1."""
    start: str
    """Its first characters."""
    reason: str


@journal_event("run_started")
@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted:
    run_id: str
    scenario: str
    deployer: str
    seed: int
    run_seconds: float
    slot_seconds: float | None = None
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
    pid: int | None = None
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


@journal_event("wait_continues")
@dataclass(frozen=True, slots=True, kw_only=True)
class WaitContinues:
    """Something is being waited for, and has been for a while."""

    waited_for: str
    seconds: float
    """So far."""
    limit: float | None = None
    """Seconds after which the wait is given up; None where another wait decides."""
    last_seen: str = ""


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
        object.__setattr__(self, "nodes", MappingProxyType(dict(self.nodes)))

    @property
    def height(self) -> int | None:
        """The highest node's."""
        return max((node.height for node in self.nodes.values() if node.height is not None), default=None)


@journal_event("exception_raised")
@dataclass(frozen=True, slots=True, kw_only=True)
class ExceptionRaised:
    """A workload, an expectation or another part of the test raised something that its text does not explain."""

    where: str
    """``workload load``, ``expectation fairness``."""
    error: str
    """``KeyError: 'missing'``"""
    location: str | None = None
    """The innermost frame: ``/tests/load.py:12 in run``."""
    traceback: str


@journal_event("workload_ended")
@dataclass(frozen=True, slots=True)
class WorkloadEnded:
    workload: str
    outcome: str
    """``finished``, ``stopped`` (at the end of the cooldown), ``failed`` or ``errored``."""
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
    errored: bool = False
    """Its code raised something that is no failure: it was not judged."""


@journal_event("verdict")
@dataclass(frozen=True, slots=True)
class VerdictReached:
    passed: bool
    failure: str | None = None
    errored: bool = False
    """Code of the test raised something that is no failure."""

    @property
    def outcome(self) -> str:
        """``passed``, ``failed`` or ``errored``."""
        return outcome_of(passed=self.passed, errored=self.errored)


@journal_event("run_ended")
@dataclass(frozen=True, slots=True)
class RunEnded:
    """Nothing of the run is left running."""

    outcome: str
    """``passed``, ``failed``, ``errored``, ``interrupted``; ``killed``: the runner died, and the reaper cleaned up."""
    detail: str | None = None
    evidence: str | None = None
    """The directory that explains a run that did not pass."""


def kind_of(event: Any) -> str:
    return event.kind if isinstance(event, OtherEvent) else _NAMES[type(event)]


def event_to_json(event: Any) -> dict[str, Any]:
    """The event's own keys as JSON values; None is left out, as the default of every field that may be None."""
    return _plain(event.fields) if isinstance(event, OtherEvent) else _plain_fields(event)


def event_from_json(kind: str, values: Mapping[str, Any]) -> Any:
    """Read an event; keys that this version does not know are dropped.

    Raises:
        ValueError: a key is missing, or its value is not of the type that the event's field has.
    """
    from pydantic import ValidationError

    if kind not in _KINDS:
        return OtherEvent(kind, dict(values))
    try:
        return _reader(kind).validate_python(dict(values))
    except ValidationError as error:
        problems = (f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors(include_url=False))
        raise ValueError(f"{kind}: {'; '.join(problems)}") from None


@cache
def _reader(kind: str) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter

    return TypeAdapter(_KINDS[kind])


def _plain(value: Any) -> Any:
    """The value as JSON has it; the text of what JSON cannot say, such as an object that an expectation observed."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        return _plain_fields(value)
    return str(value)


def _plain_fields(value: Any) -> dict[str, Any]:
    given = ((item.name, getattr(value, item.name)) for item in fields(value))
    return {name: _plain(item) for name, item in given if item is not None}
