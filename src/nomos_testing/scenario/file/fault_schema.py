"""The faults of a scenario file: when they happen. Each fault declares its own fields."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from nomos_testing.scenario.file.times import Moment, RangeSection, WindowSection
from nomos_testing.sections import Positive, Section


class RandomlySection(Section):
    """Inject one fault after the other, drawn by the seed."""

    of: Annotated[list[Section], Field(min_length=1)]
    gap: RangeSection = Field(description="Time from one injection to the next.")
    lasting: RangeSection = Field(description="Length of each fault.")
    start: Moment = Field(default=0.0, description="Time before which no fault begins.")
    until: Moment | None = Field(
        default=None, description="Time by which every fault is over. Default: the end of the run."
    )
    count: Positive | None = Field(default=None, description="Largest number of faults. Default: no limit.")


class FaultEntrySection(Section):
    """One fault and its time. Give one of at, every, during and randomly, and one fault (randomly has its own)."""

    at: Moment | None = Field(default=None, description="Once, this long after the start of the workloads.")
    every: Moment | None = Field(default=None, description="Again and again, with this period.")
    during: WindowSection | None = Field(default=None, description="From start to end.")
    randomly: RandomlySection | None = None
    lasting: Moment | None = Field(default=None, description="With at and every: length of the fault.")
    first: Moment | None = Field(default=None, description="With every: time of the first fault. Default: one period.")
    until: Moment | None = Field(
        default=None, description="With every: time by which every fault is over. Default: the end of the run."
    )
