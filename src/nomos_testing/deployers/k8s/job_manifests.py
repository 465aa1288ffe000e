"""The manifests of a Job that runs a scenario in the cluster: the Job, and a ConfigMap with the files that it needs."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from nomos_testing.deployers.k8s import job_program
from nomos_testing.deployers.k8s.manifests import Manifest, no_privileges, pod_security, run_labels
from nomos_testing.deployers.k8s.plan import EXPIRES_ANNOTATION, LARGEST_CONFIG_MAP
from nomos_testing.deployers.shared.errors import DeployError
from nomos_testing.deployers.shared.stack_assets import STACK_ASSETS
from nomos_testing.runtime.run_directory import PLAN_NAME, SCENARIO_NAME
from nomos_testing.scenario.scenario import Scenario
from nomos_testing.settings import Settings

CONTAINER: Final = "runner"
SCENARIO_DIRECTORY: Final = "scenario"
MOUNTED: Final = "/etc/nomos/run"
"""Where the files are in the pod; the working directory of the runner."""
PROGRAM: Final = "job_program.py"
JOB_PROGRAM: Final = ("python3", "-I", "-S", f"{MOUNTED}/{PROGRAM}")
"""Starts the program of the pod."""
KEPT_SECONDS: Final = 600
"""How long the Job is kept after its end where nobody removes it."""
_HOME: Final = "/var/lib/nomos"
_TERMINATION_SECONDS: Final = 120
"""Time that a runner gets to remove its network."""
_REQUESTS: Final = {"cpu": "100m", "memory": "256Mi"}
_RUNNER: Final = ("python3", "-c", "from nomos_testing.cli.main import main; main(prog_name='nomos-testing')")


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPlan:
    """The contents of both manifests."""

    release: str
    """Name of both objects."""
    namespace: str
    service_account: str
    image: str
    pull_policy: str
    environment: Mapping[str, str]
    files: Mapping[str, bytes]
    """Content by the path below ``MOUNTED``."""
    node_selector: Mapping[str, str]
    lifetime: int
    """Seconds after which the Job is ended."""
    expires: datetime


def scenario_files(scenario: Scenario) -> dict[str, bytes]:
    """Return the scenario as ``replay`` reads it: the same keys and planned faults, and its plugin files.

    Raises:
        DeployError: the scenario is Python that no file can say.
    """
    source = scenario.source
    if source.document is None:
        raise DeployError(
            f"the scenario cannot be sent to the cluster: {source.not_replayable_because}\n"
            "  -> run it without --in-cluster, or say it in a scenario file with a plugin"
        )
    plan = {"seed": scenario.seed, "faults": scenario.faults.to_json(), **source.plugin_records()}
    files = {SCENARIO_NAME: source.text().encode(), PLAN_NAME: json.dumps(plan, default=str).encode()}
    return {f"{SCENARIO_DIRECTORY}/{name}": content for name, content in {**files, **source.copies()}.items()}


def stack_files(assets: Path) -> dict[str, bytes]:
    """Return the stack's assets that the runner needs, and the program of the pod."""
    paths = [*sorted((assets / "scripts").glob("*.sh")), assets / "monitoring" / "prometheus.yml"]
    files = {str(STACK_ASSETS / path.relative_to(assets)): path.read_bytes() for path in paths}
    return {**files, PROGRAM: Path(job_program.__file__).read_bytes()}


def job_environment(settings: Settings, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the caller's settings that also hold in a pod of the cluster."""
    left_out = {"K8S_CONTEXT", "K8S_RUNNER_NODE_HOST", "DOCKER_HOST_GATEWAY"}
    if settings.k8s_namespace is None:
        left_out.add("K8S_RUNNER_SERVICE_ACCOUNT")  # the namespace of the run's own does not have that account
    known = Settings.portable_variables(environ)
    return {name: value for name, value in known.items() if name not in left_out and not name.startswith("COMPOSE_")}


def config_map(plan: JobPlan, *, owner: Mapping[str, Any]) -> Manifest:
    """Return the ConfigMap with all files. The cluster removes it with its ``owner``, the Job.

    Raises:
        DeployError: the files do not fit.
    """
    size = sum(map(len, plan.files.values()))
    if size > LARGEST_CONFIG_MAP:
        raise DeployError(
            f"the scenario, its plugins and the scripts have {size} bytes, and a ConfigMap takes {LARGEST_CONFIG_MAP}"
            "\n  -> make the scenario's plugins smaller, or run without --in-cluster"
        )
    keys = _keys(plan.files)
    content = {keys[path]: base64.b64encode(data).decode() for path, data in plan.files.items()}
    reference = {"apiVersion": "batch/v1", "kind": "Job", "name": plan.release, "uid": owner["metadata"]["uid"]}
    metadata = {**_metadata(plan), "ownerReferences": [reference]}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "binaryData": content}


def job(plan: JobPlan) -> Manifest:
    """Return the Job. Its pod is made once and never again, and needs no privilege."""
    container = {
        "name": CONTAINER,
        "image": plan.image,
        "imagePullPolicy": plan.pull_policy,
        "command": [*JOB_PROGRAM, "run", *_RUNNER, *_arguments()],
        "workingDir": MOUNTED,
        "env": [{"name": name, "value": value} for name, value in sorted(plan.environment.items())],
        "resources": {"requests": dict(_REQUESTS)},
        "securityContext": no_privileges(),
        "volumeMounts": [
            {"name": "files", "mountPath": MOUNTED, "readOnly": True},
            {"name": "results", "mountPath": _HOME},
        ],
    }
    items = [{"key": key, "path": path} for path, key in _keys(plan.files).items()]
    pod: Manifest = {
        "restartPolicy": "Never",
        "serviceAccountName": plan.service_account,
        "automountServiceAccountToken": True,
        # The variables of services would have the names of the framework's own.
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": _TERMINATION_SECONDS,
        "securityContext": pod_security(),
        "containers": [container],
        "volumes": [
            {"name": "files", "configMap": {"name": plan.release, "items": items}},
            {"name": "results", "emptyDir": {}},
        ],
    }
    if plan.node_selector:
        pod["nodeSelector"] = dict(plan.node_selector)
    spec = {
        "backoffLimit": 0,
        "activeDeadlineSeconds": plan.lifetime,
        "ttlSecondsAfterFinished": KEPT_SECONDS,
        "template": {"metadata": {"labels": _labels(plan)}, "spec": pod},
    }
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": _metadata(plan), "spec": spec}


def _arguments() -> list[str]:
    return ["replay", SCENARIO_DIRECTORY, "--on", "k8s", "--runs-dir", job_program.RUNS]


def _metadata(plan: JobPlan) -> Manifest:
    return {
        "name": plan.release,
        "namespace": plan.namespace,
        "labels": _labels(plan),
        "annotations": {EXPIRES_ANNOTATION: plan.expires.isoformat(timespec="seconds")},
    }


def _labels(plan: JobPlan) -> dict[str, str]:
    return {**run_labels(plan.release), "app.kubernetes.io/component": "runner"}


def _keys(paths: Mapping[str, object]) -> dict[str, str]:
    """Return a key for each path. Keys have letters, digits and few signs; the number makes each of them unique."""
    return {path: f"{number:02}-{re.sub(r'[^-._A-Za-z0-9]', '_', path)}" for number, path in enumerate(paths)}
