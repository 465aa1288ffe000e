"""The part of the scenario file's schema that speaks of expectations that watch while the run lasts."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from nomos_testing.scenario.file.fault_schema import Moment, SlotsSection
from nomos_testing.scenario.file.sections import Count, Section


class BlocksSection(Section):
    """A number of blocks."""

    blocks: Count


class EmptySection(Section):
    """Nothing to choose."""


class ConditionSection(Section):
    """What is looked for; exactly one of its keys is given."""

    nodes_within: BlocksSection | None = Field(
        default=None, description="Every node answers and is at most so many blocks behind, on the same chain."
    )
    nodes_answer: EmptySection | None = Field(default=None, description="Every node answered when last asked.")
    height_at_least: BlocksSection | None = Field(default=None, description="The highest node is so high.")
    reorganisation_deeper_than: BlocksSection | None = Field(
        default=None, description="A node leaves a branch of more than so many blocks."
    )
    fault_active: EmptySection | None = Field(default=None, description="A fault is there.")


class SometimesSection(Section):
    """The condition holds at one look at least."""

    condition: ConditionSection
    name: str | None = Field(default=None, description="What reports call it.")


class AlwaysSection(SometimesSection):
    """The condition holds at every look."""

    outside_faults: bool = Field(default=False, description="Only while no fault is there.")


class EventuallySection(SometimesSection):
    """The condition holds once in time."""

    within: Moment
    after_each_heal: bool = Field(default=False, description="Counted from each heal, not from the start.")


class NoStallsSection(Section):
    """Outside of faults no node goes without a new block for longer."""

    slots: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = Field(
        default=None, description="Default: as many as the leader lottery makes likely, at least 10."
    )


class RecoversSection(Section):
    """After each heal every node is within two blocks of the highest in time."""

    within: Moment = SlotsSection(slots=30)
