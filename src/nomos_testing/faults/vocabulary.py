"""The built-in faults. The same words hold on every deployer."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Annotated, Any, ClassVar, Final, Self

from pydantic import Field

from nomos_testing.cluster.interfaces import ClusterError
from nomos_testing.cluster.link_effects import DEFAULT_HOLD_SECONDS, LinkEffect
from nomos_testing.cluster.links import Impairment, Link, links_across
from nomos_testing.faults.errors import FaultPlanError, FieldPath
from nomos_testing.faults.fault import Control, Fault, FaultControls, LinkFault, NodeFault, Target, fault
from nomos_testing.faults.targets import candidates, check_target
from nomos_testing.registry import Word, words_of
from nomos_testing.sections import NotNegative, Seconds, Section

Rate = Annotated[float, Field(gt=0, le=1, description="Share of the packets, up to 1.")]


@fault("restart")
@dataclass(frozen=True, slots=True)
class Restart(NodeFault):
    """Kill a node (SIGKILL) and start it again at once."""

    wipe_data: Annotated[bool, Field(description="Delete everything the node has stored in between.")] = False
    momentary: ClassVar[bool] = True

    async def inject(self, controls: FaultControls) -> Impairment | None:
        await controls.nodes.restart(controls.node(self.node), wipe_data=self.wipe_data)
        return None

    def __str__(self) -> str:
        return f"restart {self.node}" + (" with wiped data" if self.wipe_data else "")


@fault("kill")
@dataclass(frozen=True, slots=True)
class Kill(NodeFault):
    """Kill a node (SIGKILL). The heal starts it."""

    async def inject(self, controls: FaultControls) -> Impairment | None:
        await controls.nodes.kill(controls.node(self.node))
        return None


@fault("stop")
@dataclass(frozen=True, slots=True)
class Stop(NodeFault):
    """Ask a node to end (SIGTERM). The heal starts it."""

    async def inject(self, controls: FaultControls) -> Impairment | None:
        await controls.nodes.stop(controls.node(self.node))
        return None


@fault("pause")
@dataclass(frozen=True, slots=True)
class Pause(NodeFault):
    """Freeze a node (SIGSTOP): its sockets stay open and nothing answers. The heal lets it continue."""

    async def inject(self, controls: FaultControls) -> Impairment | None:
        await controls.nodes.pause(controls.node(self.node))
        return None

    async def heal(self, controls: FaultControls, impairment: Impairment | None) -> None:
        node = controls.node(self.node)
        if controls.nodes.running(node):
            await controls.nodes.resume(node)
        await self.run_again(controls)


@fault("clock_skew")
@dataclass(frozen=True, slots=True)
class ClockSkew(NodeFault):
    """Shift the wall clock of a node. Timeouts use the monotonic clock and are not affected."""

    seconds: Annotated[
        float, Field(allow_inf_nan=False, description="Shift of the clock. Negative: the clock is behind.")
    ]
    control: ClassVar[Control] = Control.CLOCK

    def check(self, nodes: Sequence[str], path: FieldPath) -> None:
        NodeFault.check(self, nodes, path)
        if self.seconds == 0:
            raise FaultPlanError((*path, "seconds"), f"expected a number other than 0, got {self.seconds}")

    async def inject(self, controls: FaultControls) -> Impairment | None:
        await controls.nodes.skew_clock(controls.node(self.node), self.seconds)
        return None

    async def heal(self, controls: FaultControls, impairment: Impairment | None) -> None:
        await controls.nodes.skew_clock(controls.node(self.node), 0.0)
        await self.run_again(controls)

    def __str__(self) -> str:
        return f"clock_skew {self.node} {self.seconds:+g} s"


@fault("disk_full")
@dataclass(frozen=True, slots=True)
class DiskFull(NodeFault):
    """Keep the files of a node from growing. The heal removes the limit, and starts the node if it has died of it."""

    control: ClassVar[Control] = Control.DISK

    async def inject(self, controls: FaultControls) -> Impairment | None:
        await controls.nodes.fill_disk(controls.node(self.node))
        return None

    async def heal(self, controls: FaultControls, impairment: Impairment | None) -> None:
        await controls.nodes.free_disk(controls.node(self.node))
        await self.run_again(controls)

    async def keep_healed(self, controls: FaultControls) -> None:
        # A node may die of a failed write some time after there is room again.
        await self.run_again(controls)


class PartitionSection(Section):
    """Cut the links between groups of nodes."""

    groups: list[list[str]] = Field(default=[], description="Groups of nodes. Without any, two halves are drawn.")
    one_way: bool = Field(default=False, description="Cut only what a group sends to the groups after it.")


@fault("partition")
@dataclass(frozen=True, slots=True)
class Partition(Fault):
    """Cut the links between groups of nodes. A node in no group keeps all its links.

    Without groups the planner draws two halves.
    """

    groups: tuple[frozenset[str], ...] = ()
    """Names of the nodes of each group; without any, the planner draws two halves."""
    one_way: bool = False
    """Cut only what a group sends to the groups after it."""
    control: ClassVar[Control] = Control.NETWORK

    @classmethod
    def of(cls, *groups: Collection[str], one_way: bool = False) -> Self:
        """Part these groups."""
        return cls(tuple(map(frozenset, groups)), one_way)

    @classmethod
    def halves(cls, *, one_way: bool = False) -> Self:
        """Part two halves that the planner draws."""
        return cls((), one_way)

    @classmethod
    def model(cls) -> type[Section]:
        return PartitionSection

    @classmethod
    def of_section(cls, section: Section) -> Self:
        assert isinstance(section, PartitionSection)
        return cls.of(*section.groups, one_way=section.one_way)

    def values(self) -> dict[str, Any]:
        groups: dict[str, Any] = {"groups": [sorted(group) for group in self.groups]} if self.groups else {}
        return groups | ({"one_way": True} if self.one_way else {})

    def check(self, nodes: Sequence[str], path: FieldPath) -> None:
        self.check_fields(path)
        if not self.groups:
            _require_two(nodes, path)
            return
        try:
            links_across(self.groups, nodes, one_way=self.one_way)
        except ValueError as error:
            raise FaultPlanError((*path, "groups"), str(error)) from None

    def concrete(self, nodes: Sequence[str], rng: Random) -> Iterator[Partition]:
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

    async def inject(self, controls: FaultControls) -> Impairment | None:
        return await controls.network.partition(self.groups, one_way=self.one_way)

    def __str__(self) -> str:
        sides = (", ".join(sorted(group)) for group in self.groups)
        return f"partition {(' -> ' if self.one_way else ' | ').join(sides) or 'into halves'}"


@fault("isolate")
@dataclass(frozen=True, slots=True)
class Isolate(Fault):
    """Cut one node off from all others. The planner makes a ``Partition`` of it."""

    node: Target
    """Name of the node, or ``any``, ``any validator``, ``any executor``."""
    one_way: Annotated[bool, Field(description="Lose only what the node sends. It still hears the others.")] = False
    control: ClassVar[Control] = Control.NETWORK

    def check(self, nodes: Sequence[str], path: FieldPath) -> None:
        self.check_fields(path)
        check_target((*path, "node"), self.node, nodes)
        _require_two(nodes, path)

    def concrete(self, nodes: Sequence[str], rng: Random) -> Iterator[Partition]:
        able = candidates(self.node, nodes)
        for node in rng.sample(able, len(able)):
            yield Partition.of({node}, set(nodes) - {node}, one_way=self.one_way)

    def excludes(self, other: Fault, nodes: Sequence[str]) -> bool:
        return isinstance(other, Partition | Isolate)

    async def inject(self, controls: FaultControls) -> Impairment | None:
        raise ClusterError(f"{self} is not concrete: the planner makes a partition of it")

    def __str__(self) -> str:
        return f"isolate {self.node}"


@fault("latency")
@dataclass(frozen=True, slots=True, kw_only=True)
class Latency(LinkFault):
    """Delay packets by ``seconds``, give or take up to ``jitter``. Packets keep their order."""

    seconds: Annotated[Seconds, Field(description="Delay of each packet.")]
    jitter: Annotated[NotNegative, Field(description="Largest random change of the delay, in seconds.")] = 0.0

    def check(self, nodes: Sequence[str], path: FieldPath) -> None:
        LinkFault.check(self, nodes, path)
        if self.jitter > self.seconds:
            raise FaultPlanError((*path, "jitter"), f"expected from 0 to the latency itself, got {self.jitter}")

    def effect(self) -> LinkEffect:
        return LinkEffect(delay=self.seconds, jitter=self.jitter)

    def __str__(self) -> str:
        jitter = f" +-{self.jitter:g} s" if self.jitter else ""
        return f"latency {self.seconds:g} s{jitter} on {self.links}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _ShareOfPackets(LinkFault):
    rate: Rate

    def __str__(self) -> str:
        return f"{self.kind} {self.rate:.3g} on {self.links}"


@fault("loss")
@dataclass(frozen=True, slots=True, kw_only=True)
class Loss(_ShareOfPackets):
    """Lose a share of the packets."""

    def effect(self) -> LinkEffect:
        return LinkEffect(loss=self.rate)


@fault("duplicate")
@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicate(_ShareOfPackets):
    """Deliver a share of the packets twice."""

    def effect(self) -> LinkEffect:
        return LinkEffect(duplicate=self.rate)


@fault("reorder")
@dataclass(frozen=True, slots=True, kw_only=True)
class Reorder(_ShareOfPackets):
    """Hold a share of the packets back while others overtake them."""

    hold: Annotated[Seconds, Field(description="Seconds that these packets are held back.")] = DEFAULT_HOLD_SECONDS

    def effect(self) -> LinkEffect:
        return LinkEffect(reorder=self.rate, hold=self.hold)


@fault("bandwidth")
@dataclass(frozen=True, slots=True, kw_only=True)
class Bandwidth(LinkFault):
    """Limit the bytes per second on each link."""

    bytes_per_second: Annotated[float, Field(gt=0, allow_inf_nan=False, description="Limit of each link.")]

    def effect(self) -> LinkEffect:
        return LinkEffect(bandwidth=self.bytes_per_second)

    def __str__(self) -> str:
        return f"bandwidth {self.bytes_per_second:g} bytes/s on {self.links}"


FAULT_WORDS: Final[Mapping[str, Word]] = words_of(
    (
        *(Restart, Kill, Stop, Pause, ClockSkew, DiskFull),
        *(Partition, Isolate, Latency, Loss, Duplicate, Reorder, Bandwidth),
    )
)
"""Every built-in fault by its word."""


def _require_two(nodes: Sequence[str], path: FieldPath) -> None:
    if len(nodes) < 2:
        raise FaultPlanError(path, "a partition needs two nodes or more")
