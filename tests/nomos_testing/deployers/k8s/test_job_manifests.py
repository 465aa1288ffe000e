"""The manifests of the Job that runs a scenario in the cluster, and the files that it brings along."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from nomos_testing import Scenario, ScenarioBuilder
from nomos_testing.deployers.k8s import job_manifests
from nomos_testing.deployers.k8s.job_manifests import JobPlan
from nomos_testing.deployers.k8s.plan import EXPIRES_ANNOTATION
from nomos_testing.deployers.shared.errors import DeployError
from nomos_testing.deployers.shared.reaper_client import RUN_LABEL
from nomos_testing.deployers.shared.stack_assets import find_assets
from nomos_testing.scenario.file.loader import load_scenario
from nomos_testing.scenario.replay import load_replay
from nomos_testing.settings import Settings
from support.repository.repository_copy import REPOSITORY, STACK

JOB = {"metadata": {"uid": "0b5c"}}
WITH_PLUGIN = """
topology: {validators: 3}
plugins: [my words.py]
node_control: true
expectations: [quiet: {}]
faults: [{randomly: {of: [{kill: {node: any}}], gap: {min: 5, max: 9}, lasting: {min: 2, max: 3}}}]
run_for: 60
"""
PLUGIN = """
from nomos_testing import Section, expectation

class Quiet:
    name = "quiet"
    def prepare(self, plan):
        pass
    async def capture(self, ctx):
        pass
    async def evaluate(self, ctx):
        return None

@expectation("quiet")
class QuietSection(Section):
    def build(self):
        return Quiet()
"""


class OnlyPython:
    """A workload that no scenario file can say."""

    name = "only_python"

    def expectations(self) -> tuple[Any, ...]:
        return ()

    def prepare(self, plan: Any) -> None:
        """Nothing to check."""

    async def run(self, ctx: Any) -> None:
        """Nothing to do."""


def scenario() -> Scenario:
    return ScenarioBuilder.topology(validators=2).seed(5).run_for(seconds=60).build()


def plan(**changed: Any) -> JobPlan:
    made = JobPlan(
        release="nomos-k8s-1",
        namespace="tests",
        service_account="runner",
        image="nodes:1",
        pull_policy="Never",
        environment={"RUST_LOG": "debug"},
        files={**job_manifests.stack_files(REPOSITORY / STACK), **job_manifests.scenario_files(scenario())},
        node_selector={"pool": "tests"},
        lifetime=100,
        expires=datetime(2026, 1, 1, tzinfo=UTC),
    )
    return replace(made, **changed)


def mounted(made: JobPlan, directory: Path) -> Path:
    """The files as the pod sees them."""
    content = job_manifests.config_map(made, owner=JOB)["binaryData"]
    (volume,) = [each for each in pod(made)["volumes"] if "configMap" in each]
    assert {item["key"] for item in volume["configMap"]["items"]} == set(content)
    for item in volume["configMap"]["items"]:
        file = directory / item["path"]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(base64.b64decode(content[item["key"]]))
    return directory


def pod(made: JobPlan) -> dict[str, Any]:
    found: dict[str, Any] = job_manifests.job(made)["spec"]["template"]["spec"]
    return found


def test_the_job_runs_once_and_ends_by_itself() -> None:
    spec = job_manifests.job(plan())["spec"]
    assert spec["backoffLimit"] == 0
    assert spec["activeDeadlineSeconds"] == 100
    assert spec["ttlSecondsAfterFinished"] == job_manifests.KEPT_SECONDS
    assert pod(plan())["restartPolicy"] == "Never"


def test_the_pod_is_what_the_restricted_rule_allows() -> None:
    security = pod(plan())["securityContext"]
    assert security["runAsNonRoot"] is True
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    (container,) = pod(plan())["containers"]
    assert container["securityContext"] == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    assert container["resources"]["requests"]
    assert all("hostPath" not in volume for volume in pod(plan())["volumes"])


def test_the_objects_belong_to_their_run_and_the_config_map_to_the_job() -> None:
    job, files = job_manifests.job(plan()), job_manifests.config_map(plan(), owner=JOB)
    for made in (job, files):
        assert made["metadata"]["labels"][RUN_LABEL] == "nomos-k8s-1"
        assert made["metadata"]["annotations"][EXPIRES_ANNOTATION] == "2026-01-01T00:00:00+00:00"
    assert job["spec"]["template"]["metadata"]["labels"][RUN_LABEL] == "nomos-k8s-1"
    (owner,) = files["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["uid"]) == ("Job", "nomos-k8s-1", "0b5c")


def test_account_image_selector_and_environment_are_those_of_the_plan() -> None:
    (container,) = pod(plan())["containers"]
    assert pod(plan())["serviceAccountName"] == "runner"
    assert pod(plan())["nodeSelector"] == {"pool": "tests"}
    assert (container["image"], container["imagePullPolicy"]) == ("nodes:1", "Never")
    assert container["env"] == [{"name": "RUST_LOG", "value": "debug"}]


def test_the_runner_finds_the_assets_and_the_scenario_in_its_files(tmp_path: Path) -> None:
    directory = mounted(plan(), tmp_path)
    assets = find_assets(directory)
    assert assets == directory / STACK
    assert (assets / "scripts/run_nomos_node.sh").is_file()
    assert (assets / "monitoring/prometheus.yml").is_file()
    assert (directory / job_manifests.PROGRAM).is_file()
    assert load_replay(directory / job_manifests.SCENARIO_DIRECTORY).seed == 5


def test_a_seed_that_was_drawn_here_plugins_and_planned_faults_are_the_same_there(tmp_path: Path) -> None:
    (tmp_path / "my words.py").write_text(PLUGIN)
    (tmp_path / "given.yaml").write_text(WITH_PLUGIN)
    given = load_scenario(tmp_path / "given.yaml")
    directory = mounted(plan(files=job_manifests.scenario_files(given)), tmp_path / "pod")
    there = load_replay(directory / job_manifests.SCENARIO_DIRECTORY)
    assert there.seed == given.seed
    assert there.faults.to_json() == given.faults.to_json() != []
    assert [each.name for each in there.expectations] == [each.name for each in given.expectations]


def test_a_scenario_that_only_python_can_say_is_refused_with_the_reason() -> None:
    made = ScenarioBuilder.topology(validators=1).with_workload(OnlyPython()).run_for(seconds=60).build()
    with pytest.raises(DeployError, match=r"cannot be sent to the cluster: .*only_python(.|\n)*without --in-cluster"):
        job_manifests.scenario_files(made)


def test_files_that_no_config_map_takes_are_refused() -> None:
    with pytest.raises(DeployError, match="1000001 bytes"):
        job_manifests.config_map(plan(files={"a": bytes(1_000_001)}), owner=JOB)


def test_settings_go_along_but_paths_secrets_and_the_way_to_the_cluster_do_not() -> None:
    environ = {
        "RUST_LOG": "debug",
        "K8S_RUNNER_DEBUG": "1",
        "K8S_RUNNER_NAMESPACE": "tests",
        "HOME": "/home/user",
        "KUBECONFIG": "/home/user/config",
        "K8S_CONTEXT": "kind-kind",
        "K8S_RUNNER_NODE_HOST": "localhost",
        "NOMOS_CIRCUITS": "/home/user/circuits",
        "NOMOS_TESTS_FAKETIME_LIB": "/home/user/libfaketime.so.1",
        "COMPOSE_GRAFANA_PASSWORD": "secret",
        "COMPOSE_RUNNER_PRESERVE": "1",
    }
    sent = job_manifests.job_environment(Settings.from_environ(environ), environ)
    assert set(sent) == {"RUST_LOG", "K8S_RUNNER_DEBUG", "K8S_RUNNER_NAMESPACE"}


@pytest.mark.parametrize(("namespace", "sent"), [({}, False), ({"K8S_NAMESPACE": "tests"}, True)])
def test_the_account_of_the_runner_is_that_of_nodes_only_in_its_own_namespace(
    namespace: dict[str, str], sent: bool
) -> None:
    environ = {"K8S_RUNNER_SERVICE_ACCOUNT": "runner", **namespace}
    assert (
        "K8S_RUNNER_SERVICE_ACCOUNT" in job_manifests.job_environment(Settings.from_environ(environ), environ)
    ) is sent
