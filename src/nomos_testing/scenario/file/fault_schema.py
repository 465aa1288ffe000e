"""The faults of a scenario file: when they happen. Each fault declares its own fields."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from nomos_testing.scenario.file.times import Moment, RangeSection, WindowSection
from nomos_testing.sections import Positive, Section


class RandomlySection(Section):
    """One fault after the other, drawn by the seed."""

    of: Annotated[list[Section], Field(min_length=1)]
    gap: RangeSection = Field(description="From one injection to the next.")
    lasting: RangeSection = Field(description="How long each lasts.")
    start: Moment = 0.0
    until: Moment | None = Field(default=None, description="Default: the end of the run.")
    count: Positive | None = Field(default=None, description="At most so many.")


class FaultEntrySection(Section):
    """When (one of at, every, during, randomly) and what (one fault; randomly has its own)."""

    at: Moment | None = Field(default=None, description="Once, so long after the workloads start.")
    every: Moment | None = Field(default=None, description="Each such period.")
    during: WindowSection | None = None
    randomly: RandomlySection | None = None
    lasting: Moment | None = Field(default=None, description="With at and every: how long it lasts.")
    first: Moment | None = Field(default=None, description="With every: when the first one is; default a period.")
    until: Moment | None = Field(default=None, description="With every: default the end of the run.")
