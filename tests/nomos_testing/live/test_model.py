"""The entries of a journal become the state that the live view shows."""

from __future__ import annotations

from pathlib import Path

from nomos_testing.cluster.network_events import NetworkImpaired, NetworkRestored
from nomos_testing.journal.events import (
    NodeControlled,
    NodeExited,
    NodeReady,
    NodeSample,
    NodeStarted,
    Notice,
    OtherEvent,
    RunEnded,
    Sample,
)
from nomos_testing.live.model import FaultState, NodeState, RunState
from support.inputs.live_journals import entry, run_of


def state_after(*events: object) -> RunState:
    state = RunState()
    for at, event in enumerate(events):
        state.take(entry(float(at), event))
    return state


def started(name: str) -> NodeStarted:
    return NodeStarted(node=name, program="nomos-node", url="http://127.0.0.1:1")


def test_a_run_has_nodes_load_and_an_outcome(tmp_path: Path) -> None:
    state = RunState()
    for item in run_of(tmp_path):
        state.take(item)
    assert [(node.name, node.state, node.height, node.cpu) for node in state.nodes.values()] == [
        (f"validator-{index}", NodeState.RUNNING, 10, 0.25) for index in range(3)
    ]
    assert state.progress.counters["transactions_sent"] == 20
    assert (state.slot, state.outcome) == (20, "passed")
    assert [message.text for message in state.messages if message.level == "good"][-1] == "the run ended: passed"


def test_a_fault_is_planned_active_healed_and_recovered(tmp_path: Path) -> None:
    state, states = RunState(), []
    for item in run_of(tmp_path):
        state.take(item)
        if 1 in state.faults and (not states or states[-1] is not state.faults[1].state):
            states.append(state.faults[1].state)
    assert states == [FaultState.PLANNED, FaultState.ACTIVE, FaultState.HEALED, FaultState.RECOVERED]
    fault = state.faults[1]
    assert (fault.text, fault.begins, fault.ends, fault.recovery) == ("partition validator-2", 3.0, 5.0, "2 slots")


def test_a_planned_fault_has_its_time_on_the_journals_clock(tmp_path: Path) -> None:
    state = RunState()
    for item in run_of(tmp_path):
        if item.at < 2.0:
            state.take(item)
    fault = state.faults[1]
    # The phase `run` began at 1 s; the plan says 2 s to 4 s.
    assert (fault.text, fault.begins, fault.ends) == ("partition validator-2", 3.0, 5.0)


def test_the_states_of_a_node_follow_what_is_done_to_it() -> None:
    name = "validator-0"
    steps = [
        (started(name), NodeState.STARTING),
        (NodeReady(name, 0.1), NodeState.RUNNING),
        (Sample({name: NodeSample(error="no answer within 1 s")}, {}), NodeState.SILENT),
        (NodeControlled(name, "pause", 0.1), NodeState.PAUSED),
        (Sample({name: NodeSample(error="no answer within 1 s")}, {}), NodeState.PAUSED),
        (NodeControlled(name, "resume", 0.1), NodeState.RUNNING),
        (NodeExited(node=name, status="killed by SIGKILL", expected=True), NodeState.ENDED),
        (Sample({name: NodeSample(height=4)}, {}), NodeState.ENDED),
        (started(name), NodeState.STARTING),
    ]
    state = RunState()
    for at, (event, expected) in enumerate(steps):
        state.take(entry(float(at), event))
        assert state.nodes[name].state is expected, event


def test_a_node_that_ended_says_how() -> None:
    state = state_after(
        started("executor-0"),
        NodeExited(node="executor-0", status="exit code 3", expected=False, last_lines=("no space left",)),
    )
    assert state.nodes["executor-0"].detail == "exit code 3"
    assert state.messages[-1].level == "error"
    assert "no space left" in state.messages[-1].text


def test_links_that_somebody_cut_are_named_until_they_are_restored() -> None:
    cut = NetworkImpaired(number=4, description="partition validator-0 | validator-1", links=(), seconds=0.1)
    state = state_after(cut)
    assert list(state.impairments.values()) == ["partition validator-0 | validator-1"]
    state.take(entry(2.0, NetworkRestored(numbers=(4,), seconds=0.1)))
    assert not state.impairments


def test_the_death_of_the_runner_is_a_message_and_the_outcome() -> None:
    state = state_after(RunEnded("killed", "the runner was killed; 3 process groups killed"))
    assert state.outcome == "killed"
    assert state.messages[-1].text == "the runner died: the runner was killed; 3 process groups killed"


def test_texts_of_the_journal_lose_control_characters() -> None:
    state = state_after(Notice("\x1b[31mred\x1b[0m\x00\nsecond line"), OtherEvent("of a plugin", {"x": 1}))
    assert [message.text for message in state.messages] == ["red\nsecond line"]
