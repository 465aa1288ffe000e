"""What can be done to a network, as values: the same words for every deployer.

Each fault says which kind of control it takes, what it hits, and how it is checked against a network's nodes. A node
is given by name (``validator-0``) or left to the planner (``any``, ``any validator``, ``any executor``). How a fault is
injected and healed is in ``injection``.
"""

from __future__ import annotations

import math
import random
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import ClassVar, Self

from nomos_testing.cluster.link_effects import DEFAULT_HOLD_SECONDS, LinkEffect
from nomos_testing.cluster.links import ALL_LINKS, Link, Links, links_across
from nomos_testing.faults.errors import FaultPlanError, FieldPath
from nomos_testing.faults.targets import candidates, check_target, drawn, is_open

_DRAWS = 32
"""Tries to find links, and such as no other fault of the same kind is busy with."""


class Control(StrEnum):
    """What a cluster must be able to do."""

    NODES = "node control"
    NETWORK = "network control"
    CLOCK = "clock control"
    DISK = "disk control"


@dataclass(frozen=True, slots=True)
class Fault(ABC):
    """The base of all faults."""

    kind: ClassVar[str]
    """Its word in scenario files and reports."""
    control: ClassVar[Control]
    momentary: ClassVar[bool] = False
    """It heals itself at once, so that it has no length."""

    @abstractmethod
    def check(self, nodes: Sequence[str], path: FieldPath) -> None:
        """
        Raises:
            FaultPlanError: it makes no sense among these nodes; ``path`` is where its fields are.
        """

    @abstractmethod
    def concrete(self, nodes: Sequence[str], rng: random.Random) -> Iterator[Fault]:
        """The faults with names for all targets that it may stand for, in random order."""

    def hit_nodes(self) -> frozenset[str]:
        """The nodes it does something to; empty for a fault of links. Names only once it is concrete."""
        return frozenset()

    def hit_links(self, nodes: Sequence[str]) -> frozenset[Link]:
        """The links it does something to; empty for a fault of nodes."""
        return frozenset()

    @abstractmethod
    def excludes(self, other: Fault, nodes: Sequence[str]) -> bool:
        """Whether the two cannot be there at once; both are concrete."""


@dataclass(frozen=True, slots=True)
class NodeFault(Fault):
    """Something done to one node."""

    node: str
    control: ClassVar[Control] = Control.NODES

    def check(self, nodes: Sequence[str], path: FieldPath) -> None:
        check_target((*path, "node"), self.node, nodes)

    def concrete(self, nodes: Sequence[str], rng: random.Random) -> Iterator[Self]:
        able = candidates(self.node, nodes)
        yield from (replace(self, node=node) for node in rng.sample(able, len(able)))

    def hit_nodes(self) -> frozenset[str]:
        return frozenset({self.node})

    def excludes(self, other: Fault, nodes: Sequence[str]) -> bool:
        # A clock can be wrong whatever else happens to the node; of all else only one thing can happen at a time.
        alike = (self.control is Control.CLOCK) == (other.control is Control.CLOCK)
        return alike and isinstance(other, NodeFault) and self.node == other.node

    def __str__(self) -> str:
        return f"{self.kind} {self.node}"


@dataclass(frozen=True, slots=True)
class Restart(NodeFault):
    """Kill (SIGKILL) and start again."""

    wipe_data: bool = False
    """Everything the node had stored is deleted in between."""
    kind: ClassVar[str] = "restart"
    momentary: ClassVar[bool] = True

    def __str__(self) -> str:
        return f"restart {self.node}" + (" with wiped data" if self.wipe_data else "")


@dataclass(frozen=True, slots=True)
class Kill(NodeFault):
    """End it at once (SIGKILL); healed by starting it."""

    kind: ClassVar[str] = "kill"


@dataclass(frozen=True, slots=True)
class Stop(NodeFault):
    """Ask it to end (SIGTERM); healed by starting it."""

    kind: ClassVar[str] = "stop"


@dataclass(frozen=True, slots=True)
class Pause(NodeFault):
    """Freeze it (SIGSTOP): its sockets stay open and nothing answers; healed by letting it run on."""

    kind: ClassVar[str] = "pause"


@dataclass(frozen=True, slots=True)
class ClockSkew(NodeFault):
    """Its wall clock is off by so much; negative is behind."""

    seconds: float
    kind: ClassVar[str] = "clock_skew"
    control: ClassVar[Control] = Control.CLOCK

    def check(self, nodes: Sequence[str], path: FieldPath) -> None:
        NodeFault.check(self, nodes, path)
        if not math.isfinite(self.seconds) or self.seconds == 0:
            raise FaultPlanError((*path, "seconds"), f"expected a number other than 0, got {self.seconds}")

    def __str__(self) -> str:
        return f"clock_skew {self.node} {self.seconds:+g} s"


@dataclass(frozen=True, slots=True)
class DiskFull(NodeFault):
    """None of its files can grow; healed by lifting the limit, and by starting the node if it died of it."""

    kind: ClassVar[str] = "disk_full"
    control: ClassVar[Control] = Control.DISK


@dataclass(frozen=True, slots=True)
class Partition(Fault):
    """Links between different groups are cut; a node in no group keeps all its links.

    Without groups the planner draws two halves.
    """

    groups: tuple[frozenset[str], ...] = ()
    one_way: bool = False
    """Only what a group sends to the groups after it is cut."""
    kind: ClassVar[str] = "partition"
    control: ClassVar[Control] = Control.NETWORK

    @classmethod
    def of(cls, *groups: Collection[str], one_way: bool = False) -> Self:
        return cls(tuple(map(frozenset, groups)), one_way)

    @classmethod
    def halves(cls, *, one_way: bool = False) -> Self:
        """Two halves that the planner draws."""
        return cls((), one_way)

    def check(self, nodes: Sequence[str], path: FieldPath) -> None:
        if not self.groups and len(nodes) < 2:
            raise FaultPlanError(path, "a partition needs two nodes or more")
        if self.groups:
            try:
                links_across(self.groups, nodes, one_way=self.one_way)
            except ValueError as error:
                raise FaultPlanError((*path, "groups"), str(error)) from None

    def concrete(self, nodes: Sequence[str], rng: random.Random) -> Iterator[Partition]:
        if self.groups:
            yield self
            return
        shuffled = rng.sample(list(nodes), len(nodes))
        middle = len(nodes) // 2
        yield Partition.of(shuffled[:middle], shuffled[middle:], one_way=self.one_way)

    def hit_links(self, nodes: Sequence[str]) -> frozenset[Link]:
        return links_across(self.groups, nodes, one_way=self.one_way)

    def excludes(self, other: Fault, nodes: Sequence[str]) -> bool:
        return isinstance(other, Partition | Isolate)

    def __str__(self) -> str:
        sides = (", ".join(sorted(group)) for group in self.groups)
        return f"partition {(' -> ' if self.one_way else ' | ').join(sides) or 'into halves'}"


@dataclass(frozen=True, slots=True)
class Isolate(Fault):
    """A partition of one node from all others. Once concrete it is a ``Partition``."""

    node: str
    one_way: bool = False
    """Only what the node sends is lost; it still hears the others."""
    kind: ClassVar[str] = "isolate"
    control: ClassVar[Control] = Control.NETWORK

    def check(self, nodes: Sequence[str], path: FieldPath) -> None:
        check_target((*path, "node"), self.node, nodes)
        if len(nodes) < 2:
            raise FaultPlanError(path, "a partition needs two nodes or more")

    def concrete(self, nodes: Sequence[str], rng: random.Random) -> Iterator[Partition]:
        able = candidates(self.node, nodes)
        for node in rng.sample(able, len(able)):
            yield Partition.of({node}, set(nodes) - {node}, one_way=self.one_way)

    def excludes(self, other: Fault, nodes: Sequence[str]) -> bool:
        return isinstance(other, Partition | Isolate)

    def __str__(self) -> str:
        return f"isolate {self.node}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkFault(Fault):
    """Something done to packets on the links chosen; rates are from 0 to 1, durations in seconds."""

    links: Links = field(default=ALL_LINKS)
    control: ClassVar[Control] = Control.NETWORK

    def check(self, nodes: Sequence[str], path: FieldPath) -> None:
        for name, chosen in (("nodes", self.links.sources), ("peers", self.links.targets)):
            for node in sorted(chosen or ()):
                check_target((*path, name), node, nodes)
        able = (_able(side, nodes) for side in (self.links.sources, self.links.targets))
        if not self._drawn_from(*able).chooses_among(nodes):
            raise FaultPlanError(path, f"there is no link {self.links} between different nodes of {', '.join(nodes)}")
        self.check_numbers(path)

    @abstractmethod
    def check_numbers(self, path: FieldPath) -> None:
        """
        Raises:
            FaultPlanError: a number is out of its range.
        """

    @abstractmethod
    def effect(self) -> LinkEffect:
        """Give what happens to the packets of the links."""

    def concrete(self, nodes: Sequence[str], rng: random.Random) -> Iterator[Self]:
        chosen = (self.links.sources, self.links.targets)
        if not any(is_open(node) for side in chosen for node in side or ()):
            yield self
            return
        for _ in range(_DRAWS):
            links = self._drawn_from(*(None if side is None else drawn(side, nodes, rng) for side in chosen))
            if links.chooses_among(nodes):
                yield replace(self, links=links)

    def _drawn_from(self, sources: frozenset[str] | None, targets: frozenset[str] | None) -> Links:
        return replace(self.links, sources=sources, targets=targets)

    def hit_links(self, nodes: Sequence[str]) -> frozenset[Link]:
        return self.links.among(nodes)

    def excludes(self, other: Fault, nodes: Sequence[str]) -> bool:
        return type(other) is type(self) and bool(self.hit_links(nodes) & other.hit_links(nodes))


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency(LinkFault):
    """Each packet comes later by ``seconds``, give or take up to ``jitter``; packets keep their order."""

    seconds: float
    jitter: float = 0.0
    kind: ClassVar[str] = "latency"

    def check_numbers(self, path: FieldPath) -> None:
        _require(0 < self.seconds < math.inf, path, "seconds", "a number above 0", self.seconds)
        _require(0 <= self.jitter <= self.seconds, path, "jitter", "from 0 to the latency itself", self.jitter)

    def effect(self) -> LinkEffect:
        return LinkEffect(delay=self.seconds, jitter=self.jitter)

    def __str__(self) -> str:
        jitter = f" +-{self.jitter:g} s" if self.jitter else ""
        return f"latency {self.seconds:g} s{jitter} on {self.links}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _ShareOfPackets(LinkFault):
    rate: float

    def check_numbers(self, path: FieldPath) -> None:
        _require(0 < self.rate <= 1, path, "rate", "above 0 and at most 1", self.rate)

    def __str__(self) -> str:
        return f"{self.kind} {self.rate:.3g} on {self.links}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss(_ShareOfPackets):
    """This share of the packets is lost."""

    kind: ClassVar[str] = "loss"

    def effect(self) -> LinkEffect:
        return LinkEffect(loss=self.rate)


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicate(_ShareOfPackets):
    """This share of the packets comes twice."""

    kind: ClassVar[str] = "duplicate"

    def effect(self) -> LinkEffect:
        return LinkEffect(duplicate=self.rate)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reorder(_ShareOfPackets):
    """This share of the packets is held back for ``hold`` seconds while others overtake them."""

    hold: float = DEFAULT_HOLD_SECONDS
    kind: ClassVar[str] = "reorder"

    def check_numbers(self, path: FieldPath) -> None:
        _ShareOfPackets.check_numbers(self, path)
        _require(0 < self.hold < math.inf, path, "hold", "a number above 0", self.hold)

    def effect(self) -> LinkEffect:
        return LinkEffect(reorder=self.rate, hold=self.hold)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bandwidth(LinkFault):
    """So many bytes a second get through each link."""

    bytes_per_second: float
    kind: ClassVar[str] = "bandwidth"

    def check_numbers(self, path: FieldPath) -> None:
        _require(
            0 < self.bytes_per_second < math.inf, path, "bytes_per_second", "a number above 0", self.bytes_per_second
        )

    def effect(self) -> LinkEffect:
        return LinkEffect(bandwidth=self.bytes_per_second)

    def __str__(self) -> str:
        return f"bandwidth {self.bytes_per_second:g} bytes/s on {self.links}"


KINDS: dict[str, type[Fault]] = {
    kind.kind: kind
    for kind in (
        *(Restart, Kill, Stop, Pause, ClockSkew, DiskFull),
        *(Partition, Isolate, Latency, Loss, Duplicate, Reorder, Bandwidth),
    )
}
"""Every fault by its word."""


def _able(side: frozenset[str] | None, nodes: Sequence[str]) -> frozenset[str] | None:
    """Every node that a side of links may come to stand for; None for all of them."""
    return None if side is None else frozenset(node for target in side for node in candidates(target, nodes))


def _require(holds: bool, path: FieldPath, name: str, expected: str, value: float) -> None:
    if not holds:
        raise FaultPlanError((*path, name), f"expected {expected}, got {value}")
