"""A run repeated from what it left: the same plan, keys and order, or another seed's."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from nomos_testing import ScenarioBuilder
from nomos_testing.cli.main import main
from nomos_testing.expectations.conditions import FaultActive
from nomos_testing.faults import ClockSkew, Isolate, Kill, Latency, Pause, at, during, randomly, slots
from nomos_testing.journal.events import Notice, RunStarted
from nomos_testing.journal.journal import Journal
from nomos_testing.scenario.replay import ReplayError, deployer_of, load_replay
from nomos_testing.topology import DataAvailability
from support.inputs.stored_run import left_by

ROOT = Path(__file__).parents[3]


def faulty() -> ScenarioBuilder:
    builder = ScenarioBuilder.topology(validators=3, executors=2, layout="chain").named("faulty").slot(seconds=0.5)
    builder = builder.wallets(20).transactions(rate=2).data_availability().restarts(min_delay=3, cooldown=slots(20))
    builder = builder.enable_node_control().faults(
        at(slots(3), Isolate("any"), lasting=2),
        during(10, 20, Latency(seconds=0.1, jitter=0.05)),
        at(1, ClockSkew("executor-1", -2.5), lasting=slots(3)),
        randomly(Kill("any"), Pause("any validator"), gap=(2, slots(6)), lasting=(1, 2), count=5),
    )
    builder = builder.expect_consensus_liveness().expect_no_conflicting_lib().expect_no_stalls(slots=40)
    builder = builder.expect_recovery(within=slots(50)).expect_inclusions_stay()
    builder = builder.always("never", FaultActive()).sometimes("once", FaultActive())
    return builder.eventually("soon", FaultActive(), within=slots(9), after_each_heal=True).run_for(seconds=60)


def test_a_replay_is_the_same_run(tmp_path: Path) -> None:
    scenario = faulty().build()
    assert len(scenario.faults) > 5
    again = load_replay(left_by(scenario, tmp_path))
    assert (again.faults, again.seed, again.topology) == (scenario.faults, scenario.seed, scenario.topology)
    assert again.metrics == scenario.metrics
    assert again.source == scenario.source, "a replay can be replayed"
    names = [[part.name for part in (*each.workloads, *each.expectations)] for each in (scenario, again)]
    assert names[0] == names[1]


@pytest.mark.parametrize(("deployer", "place"), [("local", "local"), ("compose", "compose"), (None, "local")])
def test_a_replay_runs_where_the_run_was(tmp_path: Path, deployer: str | None, place: str) -> None:
    run = left_by(faulty().build(), tmp_path)
    journal = Journal(run / "journal.jsonl", clock=time.monotonic)
    if deployer is not None:
        journal.write(Notice("first"))
        journal.write(
            RunStarted(
                run_id="faulty",
                scenario="faulty",
                deployer=deployer,
                seed=1,
                run_seconds=60,
                expected_blocks=108,
                lottery_expected_blocks=108,
                machine_factor=1,
                directory=str(run),
            )
        )
    journal.close()
    assert deployer_of(run) == place


def test_a_directory_that_is_no_runs_has_no_deployer(tmp_path: Path) -> None:
    with pytest.raises(ReplayError, match="is not the directory of a run"):
        deployer_of(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "place"), [((), "compose"), (("--on", "host"), "local"), (("--on", "local"), "local")]
)
def test_the_command_says_where_it_replays_unless_it_was_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], place: str
) -> None:
    chosen: list[str] = []
    monkeypatch.setattr("nomos_testing.scenario.replay.deployer_of", lambda run: "compose")
    monkeypatch.setattr("nomos_testing.cli.run_and_report.run_on", lambda on, *rest, **more: chosen.append(on) or 0)
    done = CliRunner().invoke(main, ["replay", str(left_by(faulty().build(), tmp_path)), *arguments])
    assert (done.exit_code, chosen) == (0, [place]), done.output
    assert ("replaying on compose, where the run was made; --on chooses another" in done.output) is not bool(arguments)


@pytest.mark.parametrize("delay", [None, 3.5])
def test_the_parameters_of_data_availability_are_repeated(tmp_path: Path, delay: float | None) -> None:
    builder = ScenarioBuilder.topology(validators=2, executors=1, data_availability="original", sampling_delay=delay)
    scenario = builder.data_availability().run_for(seconds=60).build()
    again = load_replay(left_by(scenario, tmp_path))
    assert again.topology == scenario.topology
    assert (again.topology.da.subnetwork_size, again.topology.da.sampling_delay) == (3, delay or 5.0)


def test_a_topologys_own_parameters_can_not_be_replayed(tmp_path: Path) -> None:
    builder = ScenarioBuilder.topology(validators=2, executors=1, data_availability=DataAvailability(num_subnets=4))
    run = left_by(builder.run_for(seconds=60).build(), tmp_path)
    with pytest.raises(ReplayError, match="sets data_availability, which a scenario file can only name"):
        load_replay(run)


def test_another_seed_makes_another_plan_and_other_keys(tmp_path: Path) -> None:
    scenario = faulty().seed(1).build()
    run = left_by(scenario, tmp_path)
    other = load_replay(run, seed=2)
    assert other.seed == other.topology.seed == 2
    assert other.faults != scenario.faults
    assert load_replay(run, seed=1).faults == scenario.faults


def test_the_stored_plan_wins_over_what_the_seed_would_make(tmp_path: Path) -> None:
    run = left_by(faulty().seed(1).build(), tmp_path)
    plan = json.loads((run / "plan.json").read_text())
    del plan["faults"][1:]
    (run / "plan.json").write_text(json.dumps(plan))
    assert len(load_replay(run).faults) == 1


def first_fault(**changed: Any) -> Callable[[dict[str, Any]], None]:
    def edit(plan: dict[str, Any]) -> None:
        plan["faults"] = [{**plan["faults"][0], **changed}]

    return edit


@pytest.mark.parametrize(
    ("edit", "complaint"),
    [
        (first_fault(heal_at=99.0), "faults.0: the fault would end at 99 s, after the run, which lasts 60 s"),
        (first_fault(inject_at="x"), "faults.0.inject_at: expected a valid number"),
        (first_fault(poke={"node": "any"}), "faults.0.poke: unknown field"),
        (first_fault(kill={"node": "executor-0"}), "faults: expected one fault, got "),
        (lambda plan: plan.update(faults=3), "faults: expected a valid list"),
        (lambda plan: plan["faults"][0].pop("number"), "faults.0.number: is missing"),
    ],
)
def test_a_plan_edited_into_nonsense_is_refused_by_its_field(
    tmp_path: Path, edit: Callable[[dict[str, Any]], None], complaint: str
) -> None:
    run = left_by(faulty().seed(1).build(), tmp_path)
    plan = json.loads((run / "plan.json").read_text())
    edit(plan)
    (run / "plan.json").write_text(json.dumps(plan))
    with pytest.raises(ReplayError) as caught:
        load_replay(run)
    assert str(caught.value).startswith(f"{run / 'plan.json'}: {complaint}")


def test_what_is_no_run_or_only_python_can_say_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReplayError, match=f"{tmp_path} is not the directory of a run: it has no plan.json"):
        load_replay(tmp_path)
    python = faulty().always("mine", lambda view: True).seed(7).build()
    with pytest.raises(ReplayError) as caught:
        load_replay(left_by(python, tmp_path))
    assert "cannot be replayed: expectation 'mine' is Python (nomos_testing.expectations.continuous.Always)" in str(
        caught.value
    )
    assert "run the program that built the scenario again, with seed 7" in str(caught.value)


# --- as programs ---


def test_plan_prints_what_would_be_done_and_runs_nothing(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["plan", str(ROOT / "examples/faults.yaml")])
    assert result.exit_code == 0
    assert "network: 4 validators, 0 executors, layout full" in result.output
    assert "faults: 6" in result.output
    assert "   3  at    15.00 s  (slot 30)    for 2.5 s       partition validator-0, validator-1 | " in result.output
    other = CliRunner().invoke(main, ["plan", str(ROOT / "examples/faults.yaml"), "--seed", "4"])
    assert other.output.splitlines()[0] == "faults, seed 4"
    assert other.output.splitlines()[-6:] != result.output.splitlines()[-6:]


def test_plan_as_json_is_what_a_run_would_store() -> None:
    result = CliRunner().invoke(main, ["plan", "--json", str(ROOT / "examples/faults.yaml")])
    printed = json.loads(result.output)
    assert printed["seed"] == 3
    assert printed["faults"][0] == {
        "number": 1, "origin": "faults", "path": "faults.0", "inject_at": 4.0, "heal_at": 6.5,
        "pause": {"node": "validator-0"},
    }  # fmt: skip


def test_plan_and_replay_say_what_is_wrong_and_exit_with_1(tmp_path: Path) -> None:
    nonsense = tmp_path / "nonsense.yaml"
    nonsense.write_text("run_for: 9\nnode_control: true\nfaults: [{at: 20, lasting: 1, kill: {node: any}}]\n")
    planned = CliRunner().invoke(main, ["plan", str(nonsense)])
    assert (planned.exit_code, planned.output) == (
        1, f"{nonsense}:3: faults.0.at: 20 s is after the run, which lasts 9 s\n",
    )  # fmt: skip
    replayed = CliRunner().invoke(main, ["replay", str(tmp_path)])
    assert replayed.exit_code == 1
    assert "is not the directory of a run" in replayed.output
