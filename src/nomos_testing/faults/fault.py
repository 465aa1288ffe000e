"""The base of every fault. A fault is a frozen dataclass that says everything about itself in one place:

- its fields, which are also its fields in a scenario file and in a run's plan;
- which control it needs, which nodes and links it hits, and which other faults it excludes;
- how it is injected and healed.

A new fault subclasses ``NodeFault`` (done to one node) or ``LinkFault`` (done to the packets of links), and takes its
word from the decorator ``fault``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, is_dataclass, replace
from enum import StrEnum
from random import Random
from typing import Annotated, Any, ClassVar, Final, Self, TypeVar, get_type_hints

from pydantic import Field, ValidationError, create_model

from nomos_testing.cluster.interfaces import Cluster, ClusterError, NetworkControl, NodeControl, NodeHandle
from nomos_testing.cluster.link_effects import LinkEffect
from nomos_testing.cluster.links import ALL_LINKS, Impairment, Link, Links
from nomos_testing.faults.errors import FaultPlanError, FieldPath
from nomos_testing.faults.targets import candidates, check_target, drawn, is_open
from nomos_testing.registry import Kind, define
from nomos_testing.sections import Section, problem_of

TIMINGS: Final = ("at", "every", "during", "randomly")
RESERVED_WORDS: Final = (
    *(*TIMINGS, "lasting", "first", "until"),
    *("number", "origin", "path", "inject_at", "heal_at"),
)
"""The other keys of an entry of a scenario file, and of a planned fault in ``plan.json``."""
_DRAWS: Final = 32
"""Tries to draw links between different nodes that no other fault of the same kind occupies."""

Target = Annotated[
    str,
    Field(
        description="The name of a node, for example validator-0. Or any, any validator, any executor: the planner "
        "draws one."
    ),
]


class Control(StrEnum):
    """An ability that a fault needs of the cluster."""

    NODES = "node control"
    """Stop, start and freeze nodes."""
    NETWORK = "network control"
    """Cut and impair links."""
    CLOCK = "clock control"
    """Shift the clocks of nodes."""
    DISK = "disk control"
    """Keep files of nodes from growing."""


@dataclass(frozen=True, slots=True)
class FaultControls:
    """The means of a fault to act on a running cluster."""

    cluster: Cluster
    """The running network."""

    def node(self, name: str) -> NodeHandle:
        """Find a node by its name."""
        return next(node for node in self.cluster.nodes if node.name == name)

    @property
    def nodes(self) -> NodeControl:
        """Stops, freezes and starts nodes.

        Raises:
            ClusterError: the deployer cannot do that.
        """
        return _available(self.cluster.node_control(), Control.NODES)

    @property
    def network(self) -> NetworkControl:
        """Cuts and impairs links.

        Raises:
            ClusterError: the deployer cannot do that, or the run has no network control.
        """
        return _available(self.cluster.network_control(), Control.NETWORK)


@dataclass(frozen=True, slots=True)
class Fault(ABC):
    """The base of all faults. Nodes are given by name, or left to the planner (``any``, ``any validator``)."""

    kind: ClassVar[str]
    """Its word in scenario files and reports. The decorator ``fault`` sets it."""
    control: ClassVar[Control]
    """The control without which a run refuses the fault."""
    momentary: ClassVar[bool] = False
    """It is over at once and has no length."""

    @abstractmethod
    def check(self, nodes: Sequence[str], path: FieldPath) -> None:
        """Check it against the nodes of a network. ``path`` is the place of its fields in the scenario file.

        Raises:
            FaultPlanError: it makes no sense among these nodes.
        """

    def check_fields(self, path: FieldPath) -> None:
        """Check types and ranges of the fields, as a scenario file does.

        Raises:
            FaultPlanError: a field has a value that its type does not allow.
        """
        try:
            self.model().model_validate(self.values())
        except ValidationError as error:
            (first, *_) = error.errors(include_url=False)
            raise FaultPlanError((*path, *first["loc"]), problem_of(first)) from None

    @abstractmethod
    def concrete(self, nodes: Sequence[str], rng: Random) -> Iterator[Fault]:
        """Return the faults it may stand for, with a name for every target, in random order."""

    def hit_nodes(self) -> frozenset[str]:
        """Return the nodes it acts on. They are names once the fault is concrete. A fault of links has none."""
        return frozenset()

    def hit_links(self, nodes: Sequence[str]) -> frozenset[Link]:
        """Return the links it acts on. A fault of nodes has none."""
        return frozenset()

    @abstractmethod
    def excludes(self, other: Fault, nodes: Sequence[str]) -> bool:
        """Tell whether two concrete faults cannot be active at the same time."""

    @abstractmethod
    async def inject(self, controls: FaultControls) -> Impairment | None:
        """Begin the fault, and return when it has taken effect. A returned impairment is given to ``heal``.

        Raises:
            ClusterError: it could not be done.
        """

    async def heal(self, controls: FaultControls, impairment: Impairment | None) -> None:
        """End it. Called once or more often, also after an injection that failed or was interrupted.

        Raises:
            ClusterError: it could not be undone.
        """
        if impairment is not None:
            await controls.network.lift(impairment)

    async def keep_healed(self, controls: FaultControls) -> None:  # noqa: B027 (most faults have nothing to do)
        """Act again if the fault has an effect after its heal. Called repeatedly while the heal is verified."""

    # --- the form in scenario files and plans ---

    @classmethod
    def model(cls) -> type[Section]:
        """Make the model of its fields in a scenario file. By default its own fields with the same types."""
        return _model_of(cls, Section)

    @classmethod
    def of_section(cls, section: Section) -> Self:
        """Make the fault from its section."""
        return cls(**{name: getattr(section, name) for name in type(section).model_fields})

    def values(self) -> dict[str, Any]:
        """Return its fields as JSON values. Fields at their defaults are left out."""
        given = {item.name: (getattr(self, item.name), item.default) for item in fields(self)}
        return {name: value for name, (value, default) in given.items() if default is MISSING or value != default}

    def to_json(self) -> dict[str, Any]:
        """Return it as a scenario file has it: ``{"pause": {"node": "validator-0"}}``."""
        return {self.kind: self.values()}


@dataclass(frozen=True, slots=True)
class NodeFault(Fault):
    """A fault of one node. Its heal ends with a node that runs."""

    node: Target
    """Name of the node, or ``any``, ``any validator``, ``any executor``."""
    control: ClassVar[Control] = Control.NODES

    def check(self, nodes: Sequence[str], path: FieldPath) -> None:
        self.check_fields(path)
        check_target((*path, "node"), self.node, nodes)

    def concrete(self, nodes: Sequence[str], rng: Random) -> Iterator[Self]:
        able = candidates(self.node, nodes)
        yield from (replace(self, node=node) for node in rng.sample(able, len(able)))

    def hit_nodes(self) -> frozenset[str]:
        return frozenset({self.node})

    def excludes(self, other: Fault, nodes: Sequence[str]) -> bool:
        # A clock can be wrong whatever else happens to the node. Of everything else only one can happen at a time.
        alike = (self.control is Control.CLOCK) == (other.control is Control.CLOCK)
        return alike and self.node in other.hit_nodes()

    async def heal(self, controls: FaultControls, impairment: Impairment | None) -> None:
        await Fault.heal(self, controls, impairment)
        await self.run_again(controls)

    async def run_again(self, controls: FaultControls) -> None:
        """Start the node if it has no process."""
        node = controls.node(self.node)
        if not controls.nodes.running(node):
            await controls.nodes.start(node)

    def __str__(self) -> str:
        return f"{self.kind} {self.node}"


class LinksSection(Section):
    """The fields that choose links."""

    nodes: list[Target] | None = Field(default=None, description="The nodes whose links are meant. Default: all.")
    peers: list[Target] | None = Field(default=None, description="Only the links to these nodes. Default: all.")
    one_way: bool = Field(default=False, description="Only packets from nodes to peers.")


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkFault(Fault):
    """A fault of the packets on links. Rates are from 0 to 1, durations in seconds."""

    links: Links = field(default=ALL_LINKS)
    """The links; all by default."""
    control: ClassVar[Control] = Control.NETWORK

    @abstractmethod
    def effect(self) -> LinkEffect:
        """Return the effect on the packets of the links."""

    async def inject(self, controls: FaultControls) -> Impairment | None:
        return await controls.network.impair(self.effect(), self.links)

    def check(self, nodes: Sequence[str], path: FieldPath) -> None:
        for name, chosen in (("nodes", self.links.sources), ("peers", self.links.targets)):
            for node in sorted(chosen or ()):
                check_target((*path, name), node, nodes)
        able = (_able(side, nodes) for side in (self.links.sources, self.links.targets))
        if not self._with_sides(*able).links.chooses_among(nodes):
            raise FaultPlanError(path, f"there is no link {self.links} between different nodes of {', '.join(nodes)}")
        self.check_fields(path)

    def concrete(self, nodes: Sequence[str], rng: Random) -> Iterator[Self]:
        chosen = (self.links.sources, self.links.targets)
        if not any(is_open(node) for side in chosen for node in side or ()):
            yield self
            return
        for _ in range(_DRAWS):
            fault = self._with_sides(*(None if side is None else drawn(side, nodes, rng) for side in chosen))
            if fault.links.chooses_among(nodes):
                yield fault

    def _with_sides(self, sources: frozenset[str] | None, targets: frozenset[str] | None) -> Self:
        return replace(self, links=replace(self.links, sources=sources, targets=targets))

    def hit_links(self, nodes: Sequence[str]) -> frozenset[Link]:
        return self.links.among(nodes)

    def excludes(self, other: Fault, nodes: Sequence[str]) -> bool:
        return type(other) is type(self) and bool(self.hit_links(nodes) & other.hit_links(nodes))

    @classmethod
    def model(cls) -> type[Section]:
        return _model_of(cls, LinksSection, leave_out="links")

    @classmethod
    def of_section(cls, section: Section) -> Self:
        values = {name: getattr(section, name) for name in type(section).model_fields}
        sources, targets = values.pop("nodes"), values.pop("peers")
        links = Links(
            sources=None if sources is None else frozenset(sources),
            targets=None if targets is None else frozenset(targets),
            one_way=values.pop("one_way"),
        )
        return cls(links=links, **values)

    def values(self) -> dict[str, Any]:
        sides = {"nodes": self.links.sources, "peers": self.links.targets}
        chosen: dict[str, Any] = {name: sorted(side) for name, side in sides.items() if side is not None}
        own = {name: value for name, value in Fault.values(self).items() if name != "links"}
        return own | chosen | ({"one_way": True} if self.links.one_way else {})


F = TypeVar("F", bound=type[Fault])
T = TypeVar("T")


def fault(word: str) -> Callable[[F], F]:
    """Define a fault: decorate a frozen dataclass that subclasses ``NodeFault``, ``LinkFault`` or ``Fault``.

    Raises:
        ValueError: ``word`` is not a word, or is reserved.
        TypeError: from the decorator, for a class that is no fault.
    """

    def parts(cls: F) -> tuple[type[Section], Callable[[Any], Fault]]:
        if not (isinstance(cls, type) and issubclass(cls, Fault) and is_dataclass(cls)):
            raise TypeError(f"fault {word!r}: expected a dataclass that subclasses Fault, got {cls!r}")
        cls.kind = word
        return cls.model(), cls.of_section

    return define(Kind.FAULT, word, parts=parts, reserved=RESERVED_WORDS)


def _model_of(cls: type[Fault], base: type[Section], *, leave_out: str | None = None) -> type[Section]:
    hints = get_type_hints(cls, include_extras=True)
    own: Mapping[str, Any] = {
        item.name: (hints[item.name], ... if item.default is MISSING else item.default)
        for item in fields(cls)
        if item.name != leave_out
    }
    return create_model(cls.__name__, __base__=base, __doc__=cls.__doc__, __module__=cls.__module__, **own)


def _able(side: frozenset[str] | None, nodes: Sequence[str]) -> frozenset[str] | None:
    """Return every node that a side of links may stand for. None stands for all of them."""
    return None if side is None else frozenset(node for target in side for node in candidates(target, nodes))


def _available(control: T | None, needed: Control) -> T:
    if control is None:
        raise ClusterError(f"this deployer has no {needed}, or the scenario does not turn it on")
    return control
