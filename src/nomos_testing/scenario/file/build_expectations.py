"""From the expectation sections of a scenario file to the calls on the builder."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from nomos_testing.expectations.conditions import CONDITIONS, Condition
from nomos_testing.scenario.file.build_faults import moment
from nomos_testing.scenario.file.expectation_schema import ConditionSection, SometimesSection

if TYPE_CHECKING:
    from collections.abc import Callable

    from nomos_testing.scenario.builder import ScenarioBuilder
    from nomos_testing.scenario.file.schema import ExpectationSection


def expectation_step(section: ExpectationSection) -> Callable[[ScenarioBuilder], ScenarioBuilder]:
    """The builder's call for a section of which exactly one key is given."""
    from nomos_testing.scenario.builder import ScenarioBuilder

    if section.consensus_liveness is not None:
        liveness = section.consensus_liveness
        return partial(
            ScenarioBuilder.expect_consensus_liveness, lag_allowance=liveness.lag_allowance, window=liveness.window
        )
    if section.no_stalls is not None:
        return partial(ScenarioBuilder.expect_no_stalls, slots=section.no_stalls.slots)
    if section.recovers_from_faults is not None:
        return partial(ScenarioBuilder.expect_recovery, within=moment(section.recovers_from_faults.within))
    if section.no_conflicting_lib is not None:
        return ScenarioBuilder.expect_no_conflicting_lib
    if section.inclusions_stay is not None:
        return ScenarioBuilder.expect_inclusions_stay
    return _watch_step(section)


def _watch_step(section: ExpectationSection) -> Callable[[ScenarioBuilder], ScenarioBuilder]:
    from nomos_testing.scenario.builder import ScenarioBuilder

    if section.always is not None:
        always = partial(ScenarioBuilder.always, outside_faults=section.always.outside_faults)
        return partial(always, name=_name("always", section.always), check=_condition(section.always.condition))
    if section.eventually is not None:
        values = section.eventually
        eventually = partial(
            ScenarioBuilder.eventually, within=moment(values.within), after_each_heal=values.after_each_heal
        )
        return partial(eventually, name=_name("eventually", values), check=_condition(values.condition))
    sometimes = section.sometimes
    assert sometimes is not None, "the only key left"
    return partial(ScenarioBuilder.sometimes, name=_name("sometimes", sometimes), check=_condition(sometimes.condition))


def _name(word: str, section: SometimesSection) -> str:
    return section.name or f"{word} {_condition(section.condition)}"


def _condition(section: ConditionSection) -> Condition:
    ((word, values),) = section.model_dump(exclude_none=True).items()
    return CONDITIONS[word](**values)
