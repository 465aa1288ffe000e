"""Tests a network of Logos/Nomos nodes: build a scenario, deploy it, get a verdict.

What workloads and expectations of your own use besides:

- ``nomos_testing.faults``: faults, and when they happen
- ``nomos_testing.client.node_client``, ``nomos_testing.client.answers``, ``nomos_testing.client.errors``: a node's HTTP
  API, its answers, its errors
- ``nomos_testing.cluster.node_clients``: the clients of all nodes
- ``nomos_testing.cluster.links``: links between nodes, and what is done to them
- ``nomos_testing.blocks.block_feed``, ``nomos_testing.blocks.chain_history``: the blocks that nodes show
- ``nomos_testing.faults.fault_log``: the faults of a run so far
- ``nomos_testing.journal.journal``, ``nomos_testing.journal.events``: the journal, and every event in it
- ``nomos_testing.observability.telemetry``: the nodes' metrics
- ``nomos_testing.outcome``: observations, judgements, the verdict

Names are loaded when first used, so that a program's ``--help`` does not wait for what it does not need.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nomos_testing.blocks.block_feed import BlockFeed
    from nomos_testing.blocks.chain_history import BlockRecord
    from nomos_testing.client.errors import NodeClientError
    from nomos_testing.client.node_client import NodeClient
    from nomos_testing.cluster.interfaces import Cluster, NetworkControl, NodeControl, NodeHandle
    from nomos_testing.deployers.compose.deployer import ComposeDeployer
    from nomos_testing.deployers.k8s.deployer import K8sDeployer
    from nomos_testing.deployers.local.deployer import LocalDeployer
    from nomos_testing.deployers.shared.protocol import Deployer
    from nomos_testing.failure import Failure
    from nomos_testing.journal.events import journal_event
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
    "BlockFeed": "nomos_testing.blocks.block_feed",
    "BlockRecord": "nomos_testing.blocks.chain_history",
    "Cluster": "nomos_testing.cluster.interfaces",
    "ComposeDeployer": "nomos_testing.deployers.compose.deployer",
    "Deployer": "nomos_testing.deployers.shared.protocol",
    "Expectation": "nomos_testing.runtime.interfaces",
    "expectation": "nomos_testing.registry",
    "ExpectationFailed": "nomos_testing.runtime.interfaces",
    "ExpectationSpec": "nomos_testing.runtime.interfaces",
    "Failure": "nomos_testing.failure",
    "journal_event": "nomos_testing.journal.events",
    "K8sDeployer": "nomos_testing.deployers.k8s.deployer",
    "load_scenario": "nomos_testing.scenario.file.loader",
    "LocalDeployer": "nomos_testing.deployers.local.deployer",
    "NetworkControl": "nomos_testing.cluster.interfaces",
    "NodeClient": "nomos_testing.client.node_client",
    "NodeClientError": "nomos_testing.client.errors",
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
    "BlockFeed",
    "BlockRecord",
    "Cluster",
    "ComposeDeployer",
    "Deployer",
    "Expectation",
    "ExpectationFailed",
    "ExpectationSpec",
    "Failure",
    "K8sDeployer",
    "LocalDeployer",
    "NetworkControl",
    "NodeClient",
    "NodeClientError",
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
    "journal_event",
    "load_scenario",
    "workload",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
