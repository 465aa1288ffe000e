"""A scenario in words, for those who want to know what it would do before it does."""

from __future__ import annotations

from collections.abc import Iterator

from nomos_testing.runtime.interfaces import DescribesLoad
from nomos_testing.scenario.scenario import Scenario


def described_plan(scenario: Scenario) -> Iterator[str]:
    """Seed, network, timing, parts, and every fault with its time and target."""
    spec, metrics = scenario.topology, scenario.metrics
    yield f"{scenario.name}, seed {scenario.seed}"
    yield f"network: {spec.validators} validators, {spec.executors} executors, layout {spec.layout}"
    cooldown = metrics.cooldown(node_control=scenario.node_control)
    yield (
        f"time: {metrics.run_duration:g} s of {spec.slot_duration:g} s slots, "
        f"{metrics.expected_blocks} blocks expected, then {cooldown:g} s cooldown"
    )
    yield "workloads: " + (", ".join(workload.name for workload in scenario.workloads) or "none")
    for workload in scenario.workloads:
        if isinstance(workload, DescribesLoad):
            yield from (f"  {workload.name}: {sentence}" for sentence in workload.describe_load())
    yield "expectations: " + (", ".join(expectation.name for expectation in scenario.expectations) or "none")
    yield f"faults: {len(scenario.faults) or 'none'}"
    yield from scenario.faults.lines(spec.slot_duration)
