"""Every way to the pods of a cluster leads to them; nodes are spread; expired runs are removed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from nomos_testing import ScenarioBuilder
from nomos_testing.deployers.k8s.api_proxy import ApiProxyTransport
from nomos_testing.deployers.k8s.kubernetes_api import KubernetesApi
from nomos_testing.deployers.k8s.plan import EXPIRES_ANNOTATION
from nomos_testing.deployers.k8s.teardown import remove_expired
from nomos_testing.deployers.shared.errors import DeployError
from nomos_testing.deployers.shared.reaper_client import RUN_LABEL
from nomos_testing.journal.events import Notice
from nomos_testing.journal.journal import read_journal
from nomos_testing.scenario.scenario import Scenario
from nomos_testing.surroundings import THIS_MACHINE
from support.inputs.fault_deadlines import MACHINE_FACTOR
from support.processes.embedded_node import wait_until
from support.processes.kubernetes_cluster import alone
from support.processes.live_cluster import (
    cluster_deployer,
    cluster_environment,
    kubectl,
    leftovers,
    listed,
    live_cluster,
)
from support.processes.live_network import all_reach, reached

pytestmark = [pytest.mark.kubernetes, pytest.mark.slow, pytest.mark.timeout(600)]

NOBODY = "10.244.0.254"
"""An address of the pods' network that no pod has."""
POOL = "nomos-testing.example/pool"
PATIENCE = 120.0 * MACHINE_FACTOR
SHORT = {"K8S_RUNNER_NODE_HOST": NOBODY, "K8S_RUNNER_HTTP_PROBE_TIMEOUT_SECS": "12"}


def one_validator() -> Scenario:
    return ScenarioBuilder.topology(validators=1).slot(seconds=0.5).run_for(slots=2).build()


def notices(directory: Path) -> str:
    (journal,) = directory.glob("*/journal.jsonl")
    return "\n".join(entry.event.text for entry in read_journal(journal) if isinstance(entry.event, Notice))


def gone(namespace: str) -> None:
    def looked() -> bool:
        return namespace not in {item["metadata"]["name"] for item in listed("namespaces")}

    wait_until(f"the end of the namespace {namespace}", looked, patience=PATIENCE)


@pytest.fixture(autouse=True)
def nothing_left(tmp_path: Path) -> Iterator[None]:
    yield
    assert leftovers(tmp_path) == []


async def test_nodes_are_reached_through_the_api_server_where_node_ports_are_not(tmp_path: Path) -> None:
    async with live_cluster(tmp_path, one_validator(), **SHORT) as runner:
        (node,) = runner.context.cluster().nodes
        assert "/proxy" in node.url
        await all_reach([node], 2)
    assert "by the API server's pod proxy" in notices(tmp_path)


async def test_nodes_are_reached_by_port_forward_where_nothing_else_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def forbidden(self: ApiProxyTransport, url: str) -> bool:
        return False

    monkeypatch.setattr(ApiProxyTransport, "answers", forbidden)
    async with live_cluster(tmp_path, one_validator(), **SHORT) as runner:
        (node,) = runner.context.cluster().nodes
        assert node.url.startswith("http://127.0.0.1:")
        await all_reach([node], 2)
    assert "by port-forward" in notices(tmp_path)


async def test_nodes_go_to_different_machines(tmp_path: Path) -> None:
    """Machines without a kubelet take pods and never run them. They take those of any run, so this test is alone."""
    machines = [f"{tmp_path.name.replace('_', '-')}-{number}" for number in range(3)]
    pool = {POOL: tmp_path.name}
    scenario = ScenarioBuilder.topology(validators=3).slot(seconds=1).run_for(slots=2).build()
    deployer = cluster_deployer(
        tmp_path, K8S_RUNNER_NODE_SELECTOR=f"{POOL}={tmp_path.name}", K8S_RUNNER_DEPLOYMENT_TIMEOUT_SECS="20"
    )
    seen: set[str] = set()

    async def spread() -> bool:
        pods = await asyncio.to_thread(listed, "pods", "-A", "-l", "app=nomos-validator")
        seen.update(pod["spec"].get("nodeName", "") for pod in pods)
        return seen >= set(machines)

    with alone():
        try:
            for name in machines:
                kubectl("create", "-f", "-", stdin=json.dumps(machine(name, pool)))
            deploying = asyncio.create_task(deployer.deploy(scenario))
            await reached("a node on each machine", spread)
            with pytest.raises(DeployError):
                await deploying
        finally:
            kubectl("delete", "nodes", *machines, "--ignore-not-found")


def machine(name: str, labels: Mapping[str, str]) -> Any:
    room = {"cpu": "8", "memory": "16Gi", "pods": "110"}
    ready = [{"type": "Ready", "status": "True"}]
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {**labels, "kubernetes.io/hostname": name}},
        "status": {"capacity": room, "allocatable": room, "conditions": ready},
    }


def test_a_namespace_whose_time_is_over_is_removed_by_the_next_run(tmp_path: Path) -> None:
    name = f"{tmp_path.name.replace('_', '-')[:40]}-expired"
    manifest = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": name,
            "labels": {RUN_LABEL: name},
            "annotations": {EXPIRES_ANNOTATION: "2026-01-01T00:00:00+00:00"},
        },
    }
    kubectl("create", "-f", "-", stdin=json.dumps(manifest))

    async def sweep() -> list[str]:
        api = await KubernetesApi.connect(cluster_environment())
        try:
            return await remove_expired(api, THIS_MACHINE.utc())
        finally:
            await api.close()

    assert name in asyncio.run(sweep())
    wait_until(
        "its end", lambda: name not in {item["metadata"]["name"] for item in listed("namespaces")}, patience=PATIENCE
    )
