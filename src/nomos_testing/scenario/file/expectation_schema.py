"""The expectations of a scenario file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import Field

from nomos_testing.expectations.conditions import CONDITIONS, Condition
from nomos_testing.expectations.continuous import Always, Eventually, Sometimes
from nomos_testing.expectations.inclusion_permanence import InclusionsStay
from nomos_testing.expectations.liveness import ConsensusLiveness
from nomos_testing.expectations.no_stalls import NoStalls
from nomos_testing.expectations.recovery import RecoversFromFaults
from nomos_testing.expectations.safety import NoConflictingLib
from nomos_testing.expectations.validator_heights import ValidatorHeights
from nomos_testing.registry import Word, expectation, words_of
from nomos_testing.runtime.interfaces import AnyExpectation
from nomos_testing.scenario.file.times import Moment, SlotsSection, moment
from nomos_testing.sections import Count, OneOf, Positive, Section


class BlocksSection(Section):
    """A number of blocks."""

    blocks: Count


class EmptySection(Section):
    """No fields."""


class ConditionSection(OneOf):
    """A condition; exactly one of the keys is given."""

    nodes_within: BlocksSection | None = Field(
        default=None,
        description="Every node answers, and is on one chain, at most this many blocks behind the highest node.",
    )
    nodes_answer: EmptySection | None = Field(default=None, description="Every node answered the last request.")
    height_at_least: BlocksSection | None = Field(
        default=None, description="The highest node has at least this height."
    )
    reorganisation_deeper_than: BlocksSection | None = Field(
        default=None, description="A node leaves a branch of more than this many blocks."
    )
    fault_active: EmptySection | None = Field(default=None, description="A fault is active.")

    def build(self) -> Condition:
        """Make the condition of the one key that is given."""
        ((word, values),) = self.model_dump(exclude_none=True).items()
        return CONDITIONS[word](**values)


@expectation("consensus_liveness")
class LivenessSection(Section):
    """The chain grows, and every node stays near the highest node."""

    lag_allowance: Annotated[int, Field(ge=0, le=5)] = Field(default=2, description="Blocks that a node may be behind.")
    window: Literal["run", "original"] = Field(
        default="run",
        description="run: count the blocks of the run's duration. original: compare the heights at the end, with the "
        "blocks of the cooldown.",
    )

    def build(self) -> AnyExpectation:
        return ConsensusLiveness(lag_allowance=self.lag_allowance, window=self.window)


@expectation("no_conflicting_lib")
class NoConflictingLibSection(Section):
    """No two nodes finalize conflicting blocks."""

    def build(self) -> AnyExpectation:
        return NoConflictingLib()


@expectation("no_stalls")
class NoStallsSection(Section):
    """Outside of faults, no node goes without a new block for too long."""

    slots: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = Field(
        default=None,
        description="Longest time without a block. Default: as the leader lottery makes likely, at least 10.",
    )

    def build(self) -> AnyExpectation:
        return NoStalls(slots=self.slots)


@expectation("recovers_from_faults")
class RecoversSection(Section):
    """After each heal, every node comes within two blocks of the highest node."""

    within: Moment = Field(default=SlotsSection(slots=30), description="Longest time from the heal to the recovery.")

    def build(self) -> AnyExpectation:
        return RecoversFromFaults(within=moment(self.within))


@expectation("inclusions_stay")
class InclusionsStaySection(Section):
    """A transaction that all nodes have on their chain after a recovery is still on it at the end."""

    def build(self) -> AnyExpectation:
        return InclusionsStay()


@expectation("validator_heights")
class ValidatorHeightsSection(Section):
    """Every validator has a chain of some length at the end of the run."""

    blocks: Positive = Field(description="Lowest height that a validator may have.")

    def build(self) -> AnyExpectation:
        return ValidatorHeights(blocks=self.blocks)


class WatchSection(Section):
    """The fields of every expectation that watches a condition."""

    condition: ConditionSection
    name: str | None = Field(default=None, description="Name in reports. Default: the word and the condition.")

    def name_after(self, word: str) -> str:
        """Return the name in reports; by default the word and the condition."""
        return self.name or f"{word} {self.condition.build()}"


@expectation("always")
class AlwaysSection(WatchSection):
    """The condition holds whenever it is checked."""

    outside_faults: bool = Field(default=False, description="True: check only while no fault is active.")

    def build(self) -> AnyExpectation:
        return Always(self.name_after("always"), self.condition.build(), outside_faults=self.outside_faults)


@expectation("eventually")
class EventuallySection(WatchSection):
    """The condition comes true in time."""

    within: Moment = Field(description="Longest time until the condition is true.")
    after_each_heal: bool = Field(
        default=False, description="True: count the time from each heal. False: from the start."
    )

    def build(self) -> AnyExpectation:
        return Eventually(
            self.name_after("eventually"),
            self.condition.build(),
            within=moment(self.within),
            after_each_heal=self.after_each_heal,
        )


@expectation("sometimes")
class SometimesSection(WatchSection):
    """The condition is true at least once."""

    def build(self) -> AnyExpectation:
        return Sometimes(self.name_after("sometimes"), self.condition.build())


EXPECTATION_WORDS: Final[Mapping[str, Word]] = words_of(
    (
        *(LivenessSection, NoConflictingLibSection, NoStallsSection, RecoversSection, InclusionsStaySection),
        *(ValidatorHeightsSection, AlwaysSection, EventuallySection, SometimesSection),
    )
)
"""Every built-in expectation by its word."""
