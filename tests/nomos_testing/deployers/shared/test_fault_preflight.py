"""Faults that a network cannot have are refused before anything is started, on every deployer alike."""

from __future__ import annotations

from pathlib import Path

import pytest

from nomos_testing import ScenarioBuilder
from nomos_testing.deployers.local.deployer import LocalDeployer
from nomos_testing.deployers.shared.errors import PreflightError, Problem
from nomos_testing.deployers.shared.fault_preflight import EMBEDDED_ONLY, enabled_controls, refused_faults
from nomos_testing.diagnosis.diagnose import diagnose
from nomos_testing.evidence.run_record import read_run
from nomos_testing.faults import ClockSkew, DiskFull, Kill
from nomos_testing.faults.fault import Control
from nomos_testing.scenario.scenario import Scenario
from support.processes.fake_node_scenario import fake_deployer

ALL = frozenset(Control)


def scenario(*, network: bool = False) -> Scenario:
    builder = ScenarioBuilder.topology(validators=2).enable_node_control()
    builder = builder.fault(Kill("any"), at=0, lasting=1).fault(DiskFull("validator-1"), at=2, lasting=1)
    builder = builder.fault(ClockSkew("validator-0", 5), at=4, lasting=1).run_for(seconds=10)
    return (builder.enable_network_control() if network else builder).build()


def refused(told: Scenario, *, capabilities: frozenset[Control] = ALL, **obstacles: Problem) -> list[str]:
    found = refused_faults(
        told.faults,
        enabled=enabled_controls(told),
        deployer="x",
        capabilities=capabilities,
        obstacles={Control[name]: problem for name, problem in obstacles.items()},
    )
    return [problem.what for problem in found]


def test_what_a_deployer_can_do_is_not_refused() -> None:
    assert refused(scenario()) == []


def test_an_obstacle_is_named_with_the_field_of_each_fault() -> None:
    assert refused(scenario(), DISK=EMBEDDED_ONLY) == [f"faults.1.disk_full: {EMBEDDED_ONLY.what}"]


def test_a_control_that_only_a_workload_may_use_is_refused_as_a_whole() -> None:
    obstacle = Problem("there are no addresses", "run on Linux")
    assert refused(scenario(), NETWORK=obstacle) == []
    assert refused(scenario(network=True), NETWORK=obstacle) == ["there are no addresses"]


def test_a_capability_that_a_deployer_lacks_refuses_every_fault_that_needs_it() -> None:
    assert refused(scenario(), capabilities=ALL - {Control.CLOCK, Control.NODES}) == [
        "faults.0.kill: the deployer x has no node control",
        "faults.2.clock_skew: the deployer x has no clock control",
    ]


class WithoutDisks(LocalDeployer):
    capabilities = ALL - {Control.DISK}


async def test_a_deployer_says_up_front_what_it_cannot_do(tmp_path: Path) -> None:
    known = fake_deployer(tmp_path)
    options = {"settings": known._settings, "environ": known._environ, "installation": known._installation}
    deployer = WithoutDisks(runs_directory=tmp_path / "runs", **options)  # type: ignore[arg-type]
    with pytest.raises(
        PreflightError, match=r"faults\.1\.disk_full: the deployer local has no disk control"
    ) as refused:
        await deployer.deploy(scenario())
    assert refused.value.run_directory is not None
    record = read_run(refused.value.run_directory)
    assert [cause.known for cause in diagnose(record)] == ["control-missing"]
    assert record.node_names() == []
