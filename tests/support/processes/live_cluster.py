"""Networks of embedded nodes on a Kubernetes cluster, for tests: deployed by the framework."""

from __future__ import annotations

import json
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from nomos_testing import Runner, Scenario
from nomos_testing.deployers.k8s.deployer import K8sDeployer
from nomos_testing.deployers.k8s.plan import RUN_ID_ANNOTATION
from nomos_testing.deployers.shared.reaper_client import RUN_LABEL
from nomos_testing.settings import Settings
from support.processes.kubernetes_cluster import require_cluster
from support.processes.live_network import live_environment
from support.repository.repository_copy import REPOSITORY


def cluster_environment(**variables: str) -> dict[str, str]:
    """The environment of a run on the cluster under test; ``variables`` join it."""
    cluster = require_cluster()
    return live_environment(NOMOS_TESTNET_IMAGE=cluster.load_node_image(), **cluster.environment(), **variables)


def cluster_deployer(directory: Path, *, root: Path = REPOSITORY, **variables: str) -> K8sDeployer:
    """Deploys below ``directory`` and keeps all that is kept; ``variables`` join the environment."""
    environ = cluster_environment(**variables)
    settings = Settings.from_environ({**environ, "NOMOS_TESTS_KEEP_LOGS": "1"})
    return K8sDeployer(settings=settings, runs_directory=directory, environ=environ, root=root)


@asynccontextmanager
async def live_cluster(directory: Path, scenario: Scenario, **variables: str) -> AsyncIterator[Runner]:
    async with cluster_deployer(directory, **variables).deployed(scenario) as runner:
        yield runner


def kubectl(*arguments: str, stdin: str | None = None, check: bool = True) -> str:
    """``kubectl ARGUMENTS`` on the cluster under test; its output, stripped."""
    cluster = require_cluster()
    done = subprocess.run(
        ["kubectl", *arguments],
        env=live_environment(**cluster.environment()),
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0 or not check, f"kubectl {' '.join(arguments)}: {done.stderr}"
    return done.stdout.strip()


def listed(kind: str, *arguments: str) -> list[dict[str, Any]]:
    """The objects of a kind, as the API tells of them."""
    found: list[dict[str, Any]] = json.loads(kubectl("get", kind, "-o", "json", *arguments))["items"]
    return found


def namespaces_of_runs(directory: Path) -> list[str]:
    """The namespaces on the cluster of the runs whose directories are below ``directory``."""
    run_ids = {path.name for path in directory.glob("runs/*")}
    found = [item["metadata"] for item in listed("namespaces", "-l", RUN_LABEL)]
    return [each["name"] for each in found if each.get("annotations", {}).get(RUN_ID_ANNOTATION) in run_ids]


def leftovers(directory: Path) -> list[str]:
    """What is left on the cluster of the runs whose directories are below ``directory``."""
    plans = [json.loads(plan.read_text()) for plan in directory.rglob("plan.json")]
    releases = {plan["release"] for plan in plans if "release" in plan}
    selector = f"{RUN_LABEL} in ({','.join(sorted(releases))})"
    kinds = ("namespaces", "pods,services,configmaps", "persistentvolumes")
    return [name for kind in kinds for name in kubectl("get", kind, "-A", "-l", selector, "-o", "name").split()]
