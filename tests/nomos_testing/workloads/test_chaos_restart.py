"""The chaos workload: parameters, defaults and messages of the original, and a cooldown of each node's own."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nomos_testing import ScenarioBuilder, ScenarioBuildError
from nomos_testing.cluster.interfaces import NodeControlError
from nomos_testing.faults import Restart, slots
from nomos_testing.faults.fault_log import FaultLog
from nomos_testing.journal.journal import Journal
from nomos_testing.scenario.file.loader import parse_scenario
from nomos_testing.scenario.scenario import Scenario
from nomos_testing.waiting.machine import Patience
from nomos_testing.workloads.chaos import ChaosRestart


def built(*, validators: int = 3, executors: int = 2, seconds: float = 600, seed: int = 1, **chaos: Any) -> Scenario:
    builder = ScenarioBuilder.topology(validators=validators, executors=executors).enable_node_control()
    return builder.restarts(**chaos).run_for(seconds=seconds).seed(seed).build()


def restarts(scenario: Scenario) -> list[tuple[float, str]]:
    found = []
    for planned in scenario.faults:
        assert isinstance(planned.fault, Restart)
        assert planned.origin == "chaos_restart"
        found.append((planned.inject_at, planned.fault.node))
    return found


def test_the_defaults_are_the_originals() -> None:
    scenario = built()
    assert scenario.workloads[0].name == "chaos_restart"
    assert ChaosRestart().file_section() == {
        "restarts": {
            "min_delay": 10.0,
            "max_delay": 30.0,
            "cooldown": 60.0,
            "include_validators": True,
            "include_executors": True,
        }
    }
    times = [time for time, _ in restarts(scenario)]
    assert times
    assert times[0] >= 10
    gaps = [later - earlier for earlier, later in pairwise(times)]
    # With five nodes and a minute for each there may be none to restart for a while; then the first that is ready is.
    assert all(10 - 0.002 <= gap <= 60 for gap in gaps)


@pytest.mark.parametrize("seed", range(5))
def test_a_node_is_left_alone_for_its_cooldown_and_holds_up_no_other(seed: int) -> None:
    plan = restarts(built(seed=seed))
    by_node = defaultdict(list)
    for time, node in plan:
        by_node[node].append(time)
    assert set(by_node) == {"validator-0", "validator-1", "validator-2", "executor-0", "executor-1"}
    for times in by_node.values():
        assert all(later - earlier >= 60 - 0.002 for earlier, later in pairwise(times))
    # The original waits for a minute after every restart, whichever node it was.
    assert min(later - earlier for (earlier, _), (later, _) in pairwise(plan)) < 60
    assert len(plan) > 600 / 60


@pytest.mark.parametrize(
    ("network", "chaos", "targets"),
    [
        ({"validators": 1, "executors": 2}, {}, {"executor-0", "executor-1"}),
        ({"validators": 2, "executors": 1}, {"include_validators": False}, {"executor-0"}),
        ({"validators": 2, "executors": 1}, {"include_executors": False}, {"validator-0", "validator-1"}),
    ],
)
def test_a_single_validator_and_what_was_left_out_are_spared(
    network: dict[str, int], chaos: dict[str, Any], targets: set[str]
) -> None:
    assert {node for _, node in restarts(built(**network, **chaos))} == targets


def test_times_may_be_slots() -> None:
    in_slots = built(min_delay=slots(5), max_delay=slots(15), cooldown=slots(30))
    assert restarts(in_slots) == restarts(built()), "slots of two seconds"


@pytest.mark.parametrize(
    ("chaos", "message"),
    [
        ({"min_delay": 0}, "chaos restart min delay must be non-zero"),
        ({"max_delay": 0}, "chaos restart max delay must be non-zero"),
        ({"cooldown": 0}, "chaos restart target cooldown must be non-zero"),
        ({"min_delay": float("nan")}, "chaos restart min delay must be non-zero"),
        ({"min_delay": 31}, "chaos restart min delay must not exceed max delay"),
        ({"cooldown": 9}, "chaos restart target cooldown must be >= min delay"),
        ({"cooldown": slots(4)}, "chaos restart target cooldown must be >= min delay"),
        ({"include_validators": False, "include_executors": False}, "chaos restart requires at least one node group"),
    ],
)
def test_numbers_that_make_no_sense_are_refused_in_the_originals_words(chaos: dict[str, Any], message: str) -> None:
    with pytest.raises(ScenarioBuildError, match=message):
        built(**chaos)


def test_without_node_control_or_targets_it_is_refused_while_building() -> None:
    alone = ScenarioBuilder.topology(validators=1).restarts().run_for(seconds=60)
    with pytest.raises(ScenarioBuildError, match="chaos restart workload requires node control"):
        alone.build()
    with pytest.raises(ScenarioBuildError, match="chaos restart workload has no eligible targets"):
        alone.enable_node_control().build()


def test_a_file_says_the_same() -> None:
    scenario = parse_scenario(
        "topology: {validators: 3, executors: 2}\nnode_control: true\nseed: 1\nrun_for: 600\n"
        "workloads:\n- restarts: {min_delay: 10, max_delay: 30, cooldown: 60}\n",
        "s.yaml",
    )
    assert restarts(scenario) == restarts(built())


class BrokenControl:
    """Restarts nothing."""

    async def restart(self, node: Any, *, wipe_data: bool) -> None:
        raise NodeControlError("executor restart failed: exit code 3")

    def running(self, node: Any) -> bool:
        return True


async def test_a_failed_restart_fails_the_workload_in_the_originals_words(tmp_path: Path) -> None:
    chaos: Any = {"min_delay": 0.01, "max_delay": 0.02, "cooldown": 1}
    scenario = built(validators=1, executors=1, seconds=4, **chaos)
    (workload,) = scenario.workloads
    journal = Journal(tmp_path / "journal.jsonl")
    cluster = SimpleNamespace(
        nodes=[SimpleNamespace(name=name) for name in scenario.topology.node_names],
        node_control=BrokenControl,
        network_control=lambda: None,
    )
    log, healers = FaultLog(), list[Any]()
    context: Any = SimpleNamespace(
        plan=lambda: scenario,
        cluster=lambda: cluster,
        faults=lambda: log,
        journal=lambda: journal,
        patience=Patience,
        on_heal=healers.append,
    )
    with pytest.raises(NodeControlError, match=r"^executor restart failed: exit code 3$"):
        await workload.run(context)
    assert len(healers) == 1, "the runner heals what it may have left"
    journal.close()
