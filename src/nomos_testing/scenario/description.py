"""The description of a scenario in words: what a run of it would do."""

from __future__ import annotations

import os
from collections.abc import Iterator

from nomos_testing.runtime.interfaces import DescribesLoad
from nomos_testing.scenario.scenario import Scenario
from nomos_testing.surroundings import measured_machine_factor
from nomos_testing.workloads.transactions.workload import TransactionWorkload, proof_sentence


def described_plan(scenario: Scenario, *, real_proofs: bool = False) -> Iterator[str]:
    """Return seed, network, timing, parts, and every fault with its time and target, as lines.

    ``real_proofs`` adds the time that the proofs take on this machine.
    """
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
            yield from (f"  {workload.name}: {sentence}" for sentence in workload.describe_load(scenario.plan))
        if real_proofs and isinstance(workload, TransactionWorkload):
            factor, processors = measured_machine_factor(), os.cpu_count() or 1
            sentence = proof_sentence(workload.submissions(scenario.plan), machine_factor=factor, processors=processors)
            yield f"  {workload.name}: {sentence}"
    yield "expectations: " + (", ".join(expectation.name for expectation in scenario.expectations) or "none")
    yield f"faults: {len(scenario.faults) or 'none'}"
    yield from scenario.faults.lines(spec.slot_duration)
