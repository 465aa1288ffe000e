"""Scenarios over fake nodes, and the deployer that runs them as real processes."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from nomos_core.proofs.prover import Prover
from nomos_testing.deployers.local.deployer import LocalDeployer
from nomos_testing.deployers.local.planning import PlannedNetwork
from nomos_testing.deployers.local.programs import Installation
from nomos_testing.journal.journal import Listener
from nomos_testing.runtime.interfaces import AnyExpectation, AnyWorkload
from nomos_testing.runtime.run_directory import RunDirectory
from nomos_testing.scenario.scenario import Scenario
from nomos_testing.settings import Settings
from nomos_testing.topology import TopologySpec
from nomos_testing.topology.timing import RunTiming
from support.processes.fake_node_processes import fake_blueprint, fake_environment, fake_program

SLOT_SECONDS = 0.1


def fake_scenario(
    *,
    validators: int = 2,
    seconds: float = 0.5,
    workloads: Sequence[AnyWorkload] = (),
    expectations: Sequence[AnyExpectation] = (),
    node_control: bool = False,
) -> Scenario:
    spec = TopologySpec(validators=validators, slot_duration=SLOT_SECONDS, seed=1)
    return Scenario(
        name="fake",
        topology=spec,
        workloads=tuple(workloads),
        expectations=tuple(expectations),
        metrics=RunTiming(run_duration=seconds, slot_duration=SLOT_SECONDS, active_slot_coeff=0.9, security_param=1),
        seed=1,
        node_control=node_control,
    )


def fake_planner(fakes: Mapping[int, Mapping[str, Any]] | None = None) -> Callable[..., PlannedNetwork]:
    """Plans validators only; ``fakes`` has what single nodes are told besides, by index."""

    def plan(scenario: Scenario, run_directory: RunDirectory, settings: Settings, prover: Prover) -> PlannedNetwork:
        start = time.time()
        blueprints = [
            fake_blueprint(
                index, **{"chain_start": start, "slot_seconds": SLOT_SECONDS, **(fakes or {}).get(index, {})}
            )
            for index in range(scenario.topology.validators)
        ]
        nodes = [SimpleNamespace(name=blueprint.name, expected_peers=0) for blueprint in blueprints]
        descriptors: Any = SimpleNamespace(spec=scenario.topology, nodes=nodes, wallet_accounts=())
        return PlannedNetwork(descriptors=descriptors, blueprints=blueprints, release_ports=lambda: None)

    return plan


def fake_deployer(
    directory: Path,
    *,
    fakes: Mapping[int, Mapping[str, Any]] | None = None,
    listeners: Sequence[Listener] = (),
    keep_logs: bool = False,
) -> LocalDeployer:
    """A deployer to which fake nodes are the embedded ones, so that it starts them from a fork server."""
    programs = directory / "bin"
    programs.mkdir(exist_ok=True)
    fake_program(programs)
    return LocalDeployer(
        settings=Settings(pol_proof_dev_mode=True, keep_logs=keep_logs),
        runs_directory=directory / "runs",
        listeners=listeners,
        environ=fake_environment(),
        planner=fake_planner(fakes),
        installation=Installation(
            interpreter_directory=programs,
            path="",
            fork_server=(sys.executable, "-m", "support.fakes.fake_fork_server"),
        ),
    )
