"""What a run draws and reads follows from the surroundings that it is given."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from nomos_core.proofs.development import DevelopmentProver
from nomos_testing import ScenarioBuilder
from nomos_testing.deployers.local.planning import PlannedNetwork, plan_network
from nomos_testing.journal.journal import Journal, read_journal
from nomos_testing.runtime.run_directory import RunDirectory
from nomos_testing.settings import Settings
from nomos_testing.surroundings import THIS_MACHINE, Surroundings
from nomos_testing.topology import TopologySpec
from nomos_testing.topology.identities import joining_identity, node_identities

MOMENT = datetime(2025, 3, 4, 5, 6, 7, 890123, tzinfo=UTC)
NANOSECONDS = 1_741_064_767_890_123_456


def surroundings() -> Surroundings:
    return Surroundings(now_ns=lambda: NANOSECONDS, rng=Random(3), machine_factor=lambda: 1.0)


def test_the_wall_clock_is_exact_to_the_microsecond() -> None:
    assert surroundings().utc() == MOMENT
    assert abs(surroundings().unix_time() - MOMENT.timestamp()) < 1e-6
    assert abs(THIS_MACHINE.utc() - datetime.now(UTC)) < timedelta(minutes=1)


def test_a_scenario_without_a_seed_draws_it(tmp_path: Path) -> None:
    builder = ScenarioBuilder.topology(validators=1).run_for(seconds=5)
    seeds = {builder.build(rng=Random(3)).seed for _ in range(3)}
    assert len(seeds) == 1
    assert builder.build(rng=Random(4)).seed not in seeds


def test_a_topology_without_a_seed_draws_its_ids() -> None:
    spec = TopologySpec(validators=2)
    assert node_identities(spec, Random(3)) == node_identities(spec, Random(3)) != node_identities(spec, Random(4))
    joining = [joining_identity(spec, "validator-2", Random(seed)) for seed in (3, 3, 4)]
    assert joining[0] == joining[1] != joining[2]


def test_the_run_and_its_network_have_the_time_of_the_surroundings(tmp_path: Path) -> None:
    def planned(directory: Path) -> tuple[RunDirectory, PlannedNetwork]:
        given = surroundings()
        scenario = ScenarioBuilder.topology(validators=2).run_for(seconds=5).build(rng=given.rng)
        run = RunDirectory.create(directory, "run", surroundings=given)
        network = plan_network(scenario, run, Settings(), DevelopmentProver(), surroundings=given)
        network.release_ports()
        return run, network

    (first_run, first), (second_run, second) = (planned(tmp_path / name) for name in ("a", "b"))
    assert first_run.run_id == second_run.run_id
    assert first.descriptors.chain_start == second.descriptors.chain_start
    assert abs(first.descriptors.chain_start.unix_seconds - MOMENT.timestamp()) < 1
    assert [node.identity for node in first.descriptors.nodes] == [node.identity for node in second.descriptors.nodes]


def test_a_journal_has_the_time_of_its_clocks(tmp_path: Path) -> None:
    moments = iter([5.0, 6.5])
    journal = Journal(tmp_path / "journal.jsonl", surroundings=surroundings(), clock=lambda: next(moments))
    journal.write("happened")
    journal.close()
    (entry,) = read_journal(journal.path)
    assert (entry.at, entry.time) == (1.5, "2025-03-04T05:06:07.890123+00:00")
