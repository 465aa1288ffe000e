"""The start of a scenario in a test: ``ScenarioBuilder`` with the marks of the test and the options of the session."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from nomos_testing.pytest_plugin.runs import Runs
from nomos_testing.runtime.run_directory import name_for_files
from nomos_testing.scenario.builder import MINIMUM_SLOTS, ScenarioBuilder
from nomos_testing.scenario.file.loader import load_builder
from nomos_testing.scenario.scenario import Scenario
from nomos_testing.settings import Settings
from nomos_testing.topology import DataAvailability


@dataclass(frozen=True, slots=True)
class ScenarioStart:
    """The fixture ``scenario_builder``: begins scenarios that are named after the test."""

    test: pytest.Item
    """The test."""
    runs: Runs = field(repr=False)
    """The runs of the session."""

    def topology(
        self,
        *,
        validators: int,
        executors: int = 0,
        layout: str = "star",
        data_availability: DataAvailability | str = "standard",
        sampling_delay: float | None = None,
    ) -> ScenarioBuilder:
        """Choose the nodes, as ``ScenarioBuilder.topology`` does."""
        builder = ScenarioBuilder.topology(
            validators=validators,
            executors=executors,
            layout=layout,
            data_availability=data_availability,
            sampling_delay=sampling_delay,
        )
        name = name_for_files(self.test.name) or "test"
        return with_marks(builder.with_settings(Settings.from_environ()).named(name), self.test, self.runs)

    def load(self, path: Path | str) -> ScenarioBuilder:
        """Begin with a scenario file. A relative path is relative to the directory of the test's file."""
        builder = load_builder(self.test.path.parent / path, Settings.from_environ())
        return with_marks(builder, self.test, self.runs)


def with_marks(builder: ScenarioBuilder, node: pytest.Item | pytest.Collector, runs: Runs) -> ScenarioBuilder:
    """Apply the marks ``nomos_slots`` and ``nomos_seed``. The option ``--nomos-seed`` wins over the mark."""
    slots, seed = _number_of(node, "nomos_slots", least=1), _number_of(node, "nomos_seed", least=0)
    if slots is not None:
        builder = builder.run_for(slots=slots)
    seed = seed if runs.seed is None else runs.seed
    return builder if seed is None else builder.seed(seed)


def built(network: Scenario | ScenarioBuilder, node: pytest.Collector, runs: Runs) -> Scenario:
    """Return the scenario of a running network, which lasts as long as its tests."""
    if isinstance(network, Scenario):
        return network
    builder = with_marks(network, node, runs)
    return (builder if builder.slots or builder.seconds else builder.run_for(slots=MINIMUM_SLOTS)).build()


def _number_of(node: pytest.Item | pytest.Collector, name: str, *, least: int) -> int | None:
    mark = node.get_closest_marker(name)
    if mark is None:
        return None
    value = mark.args[0] if len(mark.args) == 1 and not mark.kwargs else None
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        given = ", ".join([*map(repr, mark.args), *(f"{key}={value!r}" for key, value in mark.kwargs.items())])
        pytest.fail(
            f"{node.nodeid}: the mark {name} takes one whole number, {least} or more; got {name}({given})",
            pytrace=False,
        )
    return value
