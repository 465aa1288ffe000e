"""Tests a network of Logos/Nomos nodes: build a scenario, deploy it, get a verdict.

Names are loaded when first used, so that a program's ``--help`` does not wait for what it does not need.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nomos_testing.cluster.interfaces import Cluster, NodeControl, NodeHandle
    from nomos_testing.deployers.compose.deployer import ComposeDeployer
    from nomos_testing.deployers.local.deployer import LocalDeployer
    from nomos_testing.deployers.shared.protocol import Deployer
    from nomos_testing.failure import Failure
    from nomos_testing.outcome import Verdict
    from nomos_testing.registry import expectation, workload
    from nomos_testing.runtime.interfaces import (
        Expectation,
        ExpectationFailed,
        ExpectationSpec,
        Observation,
        RunContext,
        RunPlan,
        Workload,
        WorkloadSpec,
    )
    from nomos_testing.runtime.runner import Runner
    from nomos_testing.scenario.builder import ScenarioBuilder
    from nomos_testing.scenario.errors import ScenarioBuildError, ScenarioError, ScenarioFileError
    from nomos_testing.scenario.file.loader import load_scenario
    from nomos_testing.scenario.scenario import Scenario
    from nomos_testing.sections import Section
    from nomos_testing.settings import Settings

_HOMES = {
    "Cluster": "nomos_testing.cluster.interfaces",
    "ComposeDeployer": "nomos_testing.deployers.compose.deployer",
    "Deployer": "nomos_testing.deployers.shared.protocol",
    "Expectation": "nomos_testing.runtime.interfaces",
    "expectation": "nomos_testing.registry",
    "ExpectationFailed": "nomos_testing.runtime.interfaces",
    "ExpectationSpec": "nomos_testing.runtime.interfaces",
    "Failure": "nomos_testing.failure",
    "load_scenario": "nomos_testing.scenario.file.loader",
    "LocalDeployer": "nomos_testing.deployers.local.deployer",
    "NodeControl": "nomos_testing.cluster.interfaces",
    "NodeHandle": "nomos_testing.cluster.interfaces",
    "Observation": "nomos_testing.runtime.interfaces",
    "RunContext": "nomos_testing.runtime.interfaces",
    "Runner": "nomos_testing.runtime.runner",
    "RunPlan": "nomos_testing.runtime.interfaces",
    "Scenario": "nomos_testing.scenario.scenario",
    "ScenarioBuilder": "nomos_testing.scenario.builder",
    "ScenarioBuildError": "nomos_testing.scenario.errors",
    "ScenarioError": "nomos_testing.scenario.errors",
    "ScenarioFileError": "nomos_testing.scenario.errors",
    "Section": "nomos_testing.sections",
    "Settings": "nomos_testing.settings",
    "Verdict": "nomos_testing.outcome",
    "Workload": "nomos_testing.runtime.interfaces",
    "workload": "nomos_testing.registry",
    "WorkloadSpec": "nomos_testing.runtime.interfaces",
}

__all__ = [
    "Cluster",
    "ComposeDeployer",
    "Deployer",
    "Expectation",
    "ExpectationFailed",
    "ExpectationSpec",
    "Failure",
    "LocalDeployer",
    "NodeControl",
    "NodeHandle",
    "Observation",
    "RunContext",
    "RunPlan",
    "Runner",
    "Scenario",
    "ScenarioBuildError",
    "ScenarioBuilder",
    "ScenarioError",
    "ScenarioFileError",
    "Section",
    "Settings",
    "Verdict",
    "Workload",
    "WorkloadSpec",
    "expectation",
    "load_scenario",
    "workload",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
