"""The part of the scenario file's schema that speaks of faults: what is done, and when."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from nomos_testing.scenario.file.sections import Positive, Seconds, Section

NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Rate = Annotated[float, Field(gt=0, le=1, description="Share of the packets.")]
Target = Annotated[
    str,
    Field(description="A node's name, as validator-0; or any, any validator, any executor: the planner draws one."),
]


class SlotsSection(Section):
    """A time in slots."""

    slots: NotNegative


Moment = NotNegative | SlotsSection
"""Seconds, or ``{slots: N}``; since the workloads start."""


class RangeSection(Section):
    """From the shortest to the longest."""

    min: Moment
    max: Moment


class WindowSection(Section):
    """From a moment to a later one."""

    start: Moment
    end: Moment


class NodeSection(Section):
    """The node it is done to."""

    node: Target


class RestartSection(NodeSection):
    """Kill and start again at once."""

    wipe_data: bool = Field(default=False, description="Delete all it had stored in between.")


class ClockSkewSection(NodeSection):
    """The node's wall clock is off."""

    seconds: Annotated[float, Field(allow_inf_nan=False, description="Negative is behind.")]


class PartitionSection(Section):
    """Links between different groups are cut."""

    groups: list[list[str]] = Field(default=[], description="Groups of nodes; without any, two halves by chance.")
    one_way: bool = Field(default=False, description="Only what a group sends to the groups after it is cut.")


class IsolateSection(NodeSection):
    """One node is cut off from all others."""

    one_way: bool = Field(default=False, description="Only what it sends is lost.")


class LinksSection(Section):
    """The links meant."""

    nodes: list[Target] | None = Field(default=None, description="Whose links; default every node's.")
    peers: list[Target] | None = Field(default=None, description="Only the links to these.")
    one_way: bool = Field(default=False, description="Only what nodes send to peers.")


class LatencySection(LinksSection):
    """Packets come later, in order."""

    seconds: Seconds
    jitter: NotNegative = Field(default=0.0, description="Seconds, give or take.")


class RateSection(LinksSection):
    """Some of the packets, by chance."""

    rate: Rate


class ReorderSection(RateSection):
    """Some packets are held back while others overtake them."""

    hold: Seconds = Field(default=0.02, description="Seconds.")


class BandwidthSection(LinksSection):
    """A limit for each link."""

    bytes_per_second: Annotated[float, Field(gt=0, allow_inf_nan=False)]


class FaultSection(Section):
    """One fault; exactly one of its keys is given."""

    restart: RestartSection | None = None
    kill: NodeSection | None = Field(default=None, description="End it at once; it is started when healed.")
    stop: NodeSection | None = Field(default=None, description="Ask it to end; it is started when healed.")
    pause: NodeSection | None = Field(default=None, description="Freeze it.")
    clock_skew: ClockSkewSection | None = None
    disk_full: NodeSection | None = Field(default=None, description="None of its files can grow.")
    partition: PartitionSection | None = None
    isolate: IsolateSection | None = None
    latency: LatencySection | None = None
    loss: RateSection | None = Field(default=None, description="Packets are lost.")
    duplicate: RateSection | None = Field(default=None, description="Packets come twice.")
    reorder: ReorderSection | None = None
    bandwidth: BandwidthSection | None = None


class RandomlySection(Section):
    """One fault after the other, drawn by the seed."""

    of: Annotated[list[FaultSection], Field(min_length=1)]
    gap: RangeSection = Field(description="From one injection to the next.")
    lasting: RangeSection = Field(description="How long each lasts.")
    start: Moment = 0.0
    until: Moment | None = Field(default=None, description="Default: the end of the run.")
    count: Positive | None = Field(default=None, description="At most so many.")


class FaultEntrySection(FaultSection):
    """When (one of at, every, during, randomly) and what (one fault; randomly has its own)."""

    at: Moment | None = Field(default=None, description="Once, so long after the workloads start.")
    every: Moment | None = Field(default=None, description="Each such period.")
    during: WindowSection | None = None
    randomly: RandomlySection | None = None
    lasting: Moment | None = Field(default=None, description="With at and every: how long it lasts.")
    first: Moment | None = Field(default=None, description="With every: when the first one is; default a period.")
    until: Moment | None = Field(default=None, description="With every: default the end of the run.")


class RestartsSection(Section):
    """Nodes are killed and started at random moments. Needs node_control."""

    min_delay: Moment = 10.0
    max_delay: Moment = 30.0
    cooldown: Moment = Field(default=60.0, description="How long a node that was restarted is left alone.")
    include_validators: bool = True
    include_executors: bool = True
