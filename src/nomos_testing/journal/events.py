"""The events of a run's journal. Every kind of event is a frozen dataclass of JSON values.

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
    """An event of a kind without a dataclass: one of a user's workload, or of a newer version."""

    kind: str
    """The kind."""
    fields: Mapping[str, Any]
    """The event's own keys."""


@journal_event("unreadable_line")
@dataclass(frozen=True, slots=True)
class UnreadableLine:
    """A line of the journal that could not be read. Only a reader makes this event."""

    number: int
    """Number of the line in its file, from 1."""
    start: str
    """First characters of the line."""
    reason: str
    """Why it could not be read."""


@journal_event("run_started")
@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted:
    """The run begins; the first event of every journal."""

    run_id: str
    """Id of the run, which is the name of its directory."""
    scenario: str
    """Name of the scenario."""
    deployer: str
    """``local`` or ``compose``."""
    seed: int
    """Node keys and every random choice follow from it."""
    run_seconds: float
    """Planned duration of the run, in seconds."""
    slot_seconds: float | None = None
    """Length of a slot, in seconds."""
    expected_blocks: int
    """Blocks that the thresholds expect."""
    lottery_expected_blocks: float
    """Blocks that the leader lottery gives on average in the run's duration."""
    machine_factor: float
    """How many times slower this machine is than the reference; timeouts are multiplied by it."""
    directory: str
    """The run directory."""


@journal_event("run_environment")
@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnvironment:
    """The machine and the programs of the run."""

    version: str
    """Version of this package."""
    python: str
    """Version of Python."""
    system: str
    """The operating system and the processor: ``Linux-6.1.0-x86_64``."""
    processors: int
    """Processors of the runner's machine."""
    memory_bytes: int
    """Memory of the runner's machine, in bytes."""
    nodes: Mapping[str, str]
    """The program or image of ``validator`` and of ``executor``, with its version where it is known."""
    proofs: str
    """Who makes the proofs: ``development`` or ``groth16``."""
    settings: Mapping[str, str]
    """The environment variables that change something, by name, without secrets."""


@journal_event("notice")
@dataclass(frozen=True, slots=True)
class Notice:
    """A message for the user."""

    text: str
    """The message."""
    level: str = "info"
    """``info`` or ``warning``."""


@journal_event("phase_started")
@dataclass(frozen=True, slots=True)
class PhaseStarted:
    """A phase of the run begins."""

    phase: str
    """Name of the phase: ``start``, ``ready``, ``run``, ..."""
    planned_seconds: float | None = None
    """Planned duration, in seconds; None if the phase ends by a condition."""


@journal_event("phase_ended")
@dataclass(frozen=True, slots=True)
class PhaseEnded:
    """A phase of the run ended."""

    phase: str
    """Name of the phase."""
    seconds: float
    """Its duration, in seconds."""
    error: str | None = None
    """The error that ended it."""


@journal_event("node_started")
@dataclass(frozen=True, slots=True, kw_only=True)
class NodeStarted:
    """A node was started."""

    node: str
    """Name of the node."""
    pid: int | None = None
    """Id of its process, as the machine that runs it counts."""
    program: str
    """Path of the program, or name of the image."""
    url: str
    """Base of its HTTP API."""
    directory: str | None = None
    """Its directory."""


@journal_event("node_ready")
@dataclass(frozen=True, slots=True)
class NodeReady:
    """A node answers over HTTP."""

    node: str
    """Name of the node."""
    seconds: float
    """Seconds since its start."""


@journal_event("node_exited")
@dataclass(frozen=True, slots=True, kw_only=True)
class NodeExited:
    """A node's process ended."""

    node: str
    """Name of the node."""
    status: str
    """``exit code 1``, ``killed by SIGKILL``."""
    expected: bool
    """True if the run had asked for it."""
    last_lines: tuple[str, ...] = ()
    """Last lines of its log; empty if the end was expected."""


@journal_event("node_controlled")
@dataclass(frozen=True, slots=True)
class NodeControlled:
    """A node was stopped, started or frozen on purpose."""

    node: str
    """Name of the node."""
    action: str
    """``start``, ``stop``, ``kill``, ``pause``, ..."""
    seconds: float
    """Seconds until it took effect."""


@journal_event("wait_ended")
@dataclass(frozen=True, slots=True, kw_only=True)
class WaitEnded:
    """A wait for readiness ended."""

    waited_for: str
    """The condition."""
    seconds: float
    """Length of the wait, in seconds."""
    last_seen: str
    """The last state that was seen."""
    fulfilled: bool
    """False if the wait timed out."""


@journal_event("wait_continues")
@dataclass(frozen=True, slots=True, kw_only=True)
class WaitContinues:
    """A wait is taking long."""

    waited_for: str
    """The condition."""
    seconds: float
    """Seconds so far."""
    limit: float | None = None
    """Seconds after which the wait is given up; None if another wait decides."""
    last_seen: str = ""
    """The last state that was seen."""


@journal_event("block_seen")
@dataclass(frozen=True, slots=True, kw_only=True)
class BlockSeen:
    """A block was seen for the first time, on any node."""

    block: str
    """Id of the block, hex."""
    parent: str
    """Id of its parent, hex."""
    slot: int
    """Its slot."""
    height: int
    """Its height; genesis has 0."""
    transactions: int
    """Number of its transactions."""
    node: str
    """The node that showed it first. This need not be the proposer."""


@journal_event("reorganised")
@dataclass(frozen=True, slots=True, kw_only=True)
class Reorganised:
    """A node left a branch for another branch."""

    node: str
    """Name of the node."""
    old_tip: str
    """Id of the tip that it left."""
    new_tip: str
    """Id of its new tip."""
    common_ancestor: str
    """Id of the last block that both branches share."""
    abandoned: int
    """Number of blocks that it left."""
    adopted: int
    """Number of blocks of the new branch."""


@journal_event("tip_changed")
@dataclass(frozen=True, slots=True, kw_only=True)
class TipChanged:
    """A node has another tip. The blocks of its branch that it did not have before have reached it by now."""

    node: str
    """Name of the node."""
    tip: str
    """Id of its tip, hex."""
    height: int
    """Height of its tip."""
    slot: int
    """Slot of its tip."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSample:
    """The state of a node at one moment. A field is None if the node did not answer it."""

    height: int | None = None
    """Height of its tip."""
    slot: int | None = None
    """Slot of its tip."""
    peers: int | None = None
    """Number of its peers, asked for every few seconds."""
    tip: str | None = None
    """Id of its tip."""
    mode: str | None = None
    """``Bootstrapping`` or ``Online``."""
    mempool: int | None = None
    """Pending transactions in its mempool, asked for every few seconds."""
    cpu: float | None = None
    """Processors that it and the processes that it has started used during about the last second."""
    memory_bytes: int | None = None
    """Their resident memory, in bytes."""
    disk_bytes: int | None = None
    """Bytes of the files in its working directory; looked at every few seconds."""
    error: str | None = None
    """Why it did not answer."""


@journal_event("sample")
@dataclass(frozen=True, slots=True)
class Sample:
    """The state of the network, about once a second."""

    nodes: Mapping[str, NodeSample]
    """The state of each node, by name."""
    counters: Mapping[str, int]
    """The counters of workloads, such as ``transactions_sent``."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "nodes", MappingProxyType(dict(self.nodes)))

    @property
    def height(self) -> int | None:
        """The highest node's."""
        return max((node.height for node in self.nodes.values() if node.height is not None), default=None)


@journal_event("exception_raised")
@dataclass(frozen=True, slots=True, kw_only=True)
class ExceptionRaised:
    """A workload, an expectation or the framework raised an error that needs its traceback."""

    where: str
    """``workload load``, ``expectation fairness``."""
    error: str
    """Type and text: ``KeyError: 'missing'``."""
    location: str | None = None
    """The innermost frame: ``/tests/load.py:12 in run``."""
    traceback: str
    """The whole traceback."""


@journal_event("workload_ended")
@dataclass(frozen=True, slots=True)
class WorkloadEnded:
    """A workload ended."""

    workload: str
    """Name of the workload."""
    outcome: str
    """``finished``, ``stopped`` (at the end of the cooldown), ``failed`` or ``errored``."""
    error: str | None = None
    """The error that ended it."""


@journal_event("expectation_judged")
@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectationJudged:
    """An expectation was evaluated."""

    expectation: str
    """Name of the expectation."""
    passed: bool
    """True if it holds."""
    observed: Any = None
    """The observed value."""
    required: Any = None
    """The required value."""
    message: str = ""
    """Why it does not hold."""
    evidence: tuple[str, ...] = ()
    """Further lines for people."""
    errored: bool = False
    """True if its code raised an error that is no ``Failure``: the network was not judged."""


@journal_event("verdict")
@dataclass(frozen=True, slots=True)
class VerdictReached:
    """The verdict of the run."""

    passed: bool
    """True if the run passed."""
    failure: str | None = None
    """Why it did not pass."""
    errored: bool = False
    """True if code of the test raised an error that is no ``Failure``."""
    verdict: str | None = None
    """``passed``, ``failed``, ``slow``, ``errored (user's code)`` or ``errored (framework)``."""

    @property
    def outcome(self) -> str:
        """``passed``, ``failed`` or ``errored``."""
        return outcome_of(passed=self.passed, errored=self.errored)


@journal_event("network_kept")
@dataclass(frozen=True, slots=True)
class NetworkKept:
    """The network stays up after the verdict."""

    until: float
    """When it ends by itself, in seconds of the Unix epoch."""
    pid: int
    """Id of the process that holds it. SIGTERM ends the network in order."""

    def __str__(self) -> str:
        return "the network stays up after the verdict"


@journal_event("keep_ended")
@dataclass(frozen=True, slots=True)
class KeepEnded:
    """The time of a kept network is over: it is taken down now."""

    reason: str
    """``its time is over``, ``by hand``, or the signal."""

    def __str__(self) -> str:
        return f"the kept network ends: {self.reason}"


@journal_event("run_ended")
@dataclass(frozen=True, slots=True)
class RunEnded:
    """The run is over and nothing of it is left running; the last event of every journal."""

    outcome: str
    """``passed``, ``failed``, ``errored``, ``interrupted``; ``killed``: the runner died, the reaper cleaned up."""
    detail: str | None = None
    """The failure, or the signal that interrupted the run."""
    evidence: str | None = None
    """Directory of the evidence of a run that did not pass."""


def event_kinds() -> Mapping[str, type[Any]]:
    """Return the dataclass of each kind of event that the imported modules have registered."""
    return MappingProxyType(_KINDS)


def kind_of(event: Any) -> str:
    """Return the kind of an event."""
    return event.kind if isinstance(event, OtherEvent) else _NAMES[type(event)]


def event_to_json(event: Any) -> dict[str, Any]:
    """Return the event's own keys as JSON values.

    None is left out, because it is the default of every field that may be None.
    """
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
    """Convert a value to JSON; a value that JSON does not have becomes its text."""
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
