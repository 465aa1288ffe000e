"""Links that stayed cut or impaired, and networks that did not recover, are told from those that did."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nomos_testing.cluster.network_events import NetworkImpaired, NetworkRestored, RelayEnded
from nomos_testing.diagnosis.diagnose import diagnose
from nomos_testing.expectations.expectation_events import ExpectationBroken
from nomos_testing.faults.fault_events import FaultHealed, FaultInjected, FaultRecovered
from nomos_testing.journal.events import NodeControlled, NodeSample, Sample
from support.inputs.written_run import RUN_SECONDS, at_slot, failed_expectation, judged_run, started

FORKED = failed_expectation("no_conflicting_lib", "validator-0 and validator-1 disagree")
CUT = NetworkImpaired(
    number=1,
    description="partition validator-0 | validator-1",
    links=("validator-0 -> validator-1", "validator-1 -> validator-0"),
    seconds=0.01,
)
SLOWED = NetworkImpaired(
    number=1, description="delay 2 s on all links", links=("validator-0 -> validator-1",), seconds=0.01
)
RESTORED = NetworkRestored(numbers=(1,), seconds=0.01)


def injected(fault: str) -> FaultInjected:
    return FaultInjected(number=1, fault=fault, origin="faults", planned_at=5.0, late=0.0, seconds=0.02)


def broken(slot: float) -> tuple[float, Any]:
    event = ExpectationBroken(
        expectation="no_conflicting_lib", description="they disagree", slot=slot, active_faults=()
    )
    return at_slot(slot), event


def test_a_partition_that_a_fault_kept_is_the_cause(tmp_path: Path) -> None:
    fault = (at_slot(10) + 0.01, injected("partition validator-0 | validator-1"))
    (cause,) = diagnose(judged_run(tmp_path, [(at_slot(10), CUT), fault], [FORKED]))
    assert (cause.known, cause.confidence, cause.since_slot) == ("partition-kept", "certain", 10.0)
    assert cause.title == ("the links were cut (validator-0 | validator-1) at slot 10 by fault 1, and not healed")
    assert cause.done_to_it == "fault 1: partition validator-0 | validator-1"


def test_links_that_only_the_end_of_the_run_healed_are_the_cause(tmp_path: Path) -> None:
    healed = (at_slot(0) + RUN_SECONDS + 0.1, RESTORED)
    (cause,) = diagnose(judged_run(tmp_path, [(at_slot(10), SLOWED), healed], [FORKED]))
    assert cause.known == "links-impaired"
    assert "(delay 2 s on all links) at slot 10 by a workload, and not healed before the end of the run" in cause.title


def test_a_partition_that_was_healed_long_before_the_failure_is_no_cause(tmp_path: Path) -> None:
    events = [(at_slot(10), CUT), (at_slot(15), RESTORED), broken(40)]
    assert diagnose(judged_run(tmp_path, events, [FORKED])) == ()


def test_a_failure_that_was_noticed_during_a_partition_points_to_it(tmp_path: Path) -> None:
    events = [(at_slot(10), CUT), (at_slot(25), RESTORED), broken(20)]
    (cause,) = diagnose(judged_run(tmp_path, events, [FORKED]))
    assert (cause.known, cause.confidence) == ("partition-kept", "likely")
    assert cause.title.endswith("and healed at slot 25; a failure was noticed meanwhile")


def test_a_fault_without_recovery_is_the_cause_if_recovery_was_asked_for(tmp_path: Path) -> None:
    fault = "kill validator-1"
    events: list[tuple[float, Any]] = [
        (at_slot(10), NodeControlled("validator-1", "kill", 0.01)),
        (at_slot(10) + 0.01, injected(fault)),
        (at_slot(15), NodeControlled("validator-1", "start", 0.5)),
        (at_slot(15), FaultHealed(number=1, fault=fault, seconds=0.5)),
    ]
    asked = failed_expectation("recovers_from_faults", f"the network did not recover from {fault}")
    (cause,) = diagnose(judged_run(tmp_path / "asked", events, [asked]))
    assert (cause.known, cause.confidence) == ("fault-not-recovered", "certain")
    assert cause.title == "the network did not recover from fault 1 (kill validator-1), which was healed at slot 15"
    recovered = FaultRecovered(number=1, fault=fault, seconds=1.0, slots=2.0, overlapped=False)
    assert diagnose(judged_run(tmp_path / "recovered", [*events, (at_slot(17), recovered)], [asked])) == ()
    (cause,) = diagnose(judged_run(tmp_path / "not asked", events, [FORKED]))  # the failure names the node
    assert (cause.known, cause.confidence) == ("node-killed", "likely")
    assert cause.title.endswith("started again at slot 15, and the network did not recover from it")


def test_the_end_of_the_relay_is_the_cause(tmp_path: Path) -> None:
    (cause,) = diagnose(judged_run(tmp_path, [(at_slot(6), RelayEnded("killed by SIGKILL"))], [FORKED]))
    assert cause.title == "the relay between the nodes ended at slot 6: killed by SIGKILL"


@pytest.mark.parametrize(("others", "known"), [(2, ["node-isolated"]), (0, [])])
def test_a_node_without_peers_stands_out_only_beside_nodes_with_peers(
    tmp_path: Path, others: int, known: list[str]
) -> None:
    nodes = {"validator-0": NodeSample(height=3, peers=others), "validator-1": NodeSample(height=3, peers=0)}
    samples = [(at_slot(slot), Sample(nodes, {})) for slot in range(10, 40, 2)]
    assert [cause.known for cause in diagnose(judged_run(tmp_path, samples, [FORKED]))] == known


@pytest.mark.parametrize(
    ("failure", "known"),
    [
        (
            "workload failure: faults: fault 1 (kill validator-1) could not be injected: no such node",
            "fault-not-injected",
        ),
        ("workload failure: faults: fault 1 (kill validator-1) could not be healed: it did not start", "heal-failed"),
        ("healing failed: the network is not seen to be whole: validator-1 has no peers", "heal-failed"),
    ],
)
def test_a_fault_that_could_not_be_injected_or_undone_is_the_cause(tmp_path: Path, failure: str, known: str) -> None:
    (cause,) = diagnose(judged_run(tmp_path, [], failure=failure))
    assert (cause.known, cause.title, cause.confidence) == (known, failure, "certain")


def test_a_short_run_is_a_possible_cause_of_too_few_blocks_and_comes_last(tmp_path: Path) -> None:
    few = failed_expectation("consensus_liveness", "2 blocks in the run's 4 slots, validator-1 has none")
    short = replace(started(tmp_path), run_seconds=2.0, lottery_expected_blocks=3.6)
    killed = (at_slot(2), NodeControlled("validator-1", "kill", 0.01))
    causes = diagnose(judged_run(tmp_path, [(0.0, short), killed], [few]))
    assert [(cause.known, cause.confidence) for cause in causes] == [
        ("node-killed", "certain"),
        ("run-too-short", "possible"),
    ]
    assert "the run's 2 s the lottery gives 3.6 blocks" in causes[1].title
