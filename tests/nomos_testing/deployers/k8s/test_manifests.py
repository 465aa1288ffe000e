"""The manifests of a run: names and labels of the manual, no privileges, one pod a node, everything labelled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nomos_core.proofs.development import DevelopmentProver
from nomos_testing import ScenarioBuilder
from nomos_testing.deployers.k8s import manifests
from nomos_testing.deployers.k8s.plan import EXPIRES_ANNOTATION, HostFile, NetworkPlan
from nomos_testing.deployers.k8s.planning import NetworkPlanner, cfgsync_text
from nomos_testing.deployers.k8s.preflight import Prepared
from nomos_testing.deployers.shared.errors import DeployError
from nomos_testing.deployers.shared.reaper_client import RUN_LABEL
from nomos_testing.observability.images import PrometheusImage
from nomos_testing.scenario.scenario import Scenario
from nomos_testing.settings import Settings
from nomos_testing.surroundings import THIS_MACHINE
from support.repository.repository_copy import REPOSITORY, STACK

PROMETHEUS = PrometheusImage("prom/prometheus:v3.0.1", receives_otlp=True)


def scenario(**topology: Any) -> Scenario:
    return ScenarioBuilder.topology(**{"validators": 2, "executors": 1, **topology}).run_for(seconds=60).build()


def planner(of: Scenario | None = None, **environ: str) -> NetworkPlanner:
    return NetworkPlanner(
        scenario=scenario() if of is None else of,
        settings=Settings.from_environ(environ),
        prepared=Prepared(
            assets=REPOSITORY / STACK,
            prover=DevelopmentProver(),
            kzg=None,
            clock_library=None,
            prometheus=PROMETHEUS,
        ),
        environ=environ,
        surroundings=THIS_MACHINE,
    )


def plan(of: Scenario | None = None, **environ: str) -> NetworkPlan:
    return planner(of, **environ).plan("demo-1")


def pods(of: NetworkPlan) -> list[manifests.Manifest]:
    nodes = [manifests.node_pod(of, node) for node in of.nodes]
    return [*nodes, manifests.cfgsync_pod(of), manifests.relay_pod(of), manifests.prometheus_pod(of)]


def objects(of: NetworkPlan) -> Iterator[manifests.Manifest]:
    yield from manifests.config_maps(of)
    yield from manifests.services(of)
    yield from pods(of)


def test_everything_tells_whose_run_it_is_unless_nobody_runs_it() -> None:
    marks = {"logos-blockchain-testing.owner": "me"}
    marked = planner().plan("demo-1", marks=marks)
    for item in (manifests.namespace(marked), *objects(marked)):
        assert marks.items() <= item["metadata"]["annotations"].items()
    assert not any("annotations" in item["metadata"] for item in objects(plan()))


def test_pods_have_the_names_and_labels_of_the_manual() -> None:
    first, second, executor = pods(plan())[:3]
    assert [pod["metadata"]["name"] for pod in (first, second, executor)] == [
        "nomos-validator-0",
        "nomos-validator-1",
        "nomos-executor-0",
    ]
    labels = second["metadata"]["labels"]
    assert labels["app"] == "nomos-validator"
    assert labels["nomos/logical-role"] == "validator"
    assert labels["nomos/validator-index"] == "1"
    assert labels["app.kubernetes.io/name"] == "nomos-runner"
    assert executor["metadata"]["labels"]["app"] == "nomos-executor"


def test_every_object_belongs_to_its_run() -> None:
    made = plan()
    assert made.namespace == made.release
    assert made.release.startswith("nomos-k8s-")
    for manifest in objects(made):
        assert manifest["metadata"]["labels"][RUN_LABEL] == made.release
        assert manifest["metadata"]["namespace"] == made.namespace
    assert EXPIRES_ANNOTATION in manifests.namespace(made)["metadata"]["annotations"]


def test_a_namespace_that_is_there_is_used_and_not_made() -> None:
    made = plan(K8S_NAMESPACE="tests")
    assert (made.namespace, made.owns_namespace) == ("tests", False)
    assert made.release != "tests"


@pytest.mark.parametrize("number", range(6))
def test_no_pod_needs_a_privilege(number: int) -> None:
    """The rules of the Pod Security standard "restricted"."""
    spec = pods(plan())[number]["spec"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] > 0
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
    for container in spec["containers"]:
        assert container["securityContext"] == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    assert {next(key for key in volume if key != "name") for volume in spec["volumes"]} <= {"configMap", "emptyDir"}


def test_a_pod_never_comes_back_by_itself_and_is_never_probed() -> None:
    for pod in pods(plan()):
        assert pod["spec"]["restartPolicy"] == "Never"
        assert pod["spec"]["activeDeadlineSeconds"] > 60
        assert not {"livenessProbe", "readinessProbe", "startupProbe"} & set(pod["spec"]["containers"][0])


def test_parameters_are_mounted_at_the_doubled_path() -> None:
    usual = replace(plan(), kzg=HostFile(Path("/data/kzgrs_test_params/kzgrs_test_params")))
    named = replace(plan(), kzg=HostFile(Path("/data/other.bin")))
    assert _kzg(usual) == ({"path": "/data/kzgrs_test_params", "type": "Directory"}, "/kzgrs_test_params")
    assert _kzg(named) == ({"path": "/data/other.bin", "type": "File"}, "/kzgrs_test_params/kzgrs_test_params")


def _kzg(of: NetworkPlan) -> tuple[Any, Any]:
    spec = pods(of)[0]["spec"]
    (volume,) = (volume["hostPath"] for volume in spec["volumes"] if volume["name"] == "kzg")
    (mount,) = (mount["mountPath"] for mount in spec["containers"][0]["volumeMounts"] if mount["name"] == "kzg")
    return volume, mount


def test_nodes_go_to_different_machines_unless_told_otherwise() -> None:
    (constraint,) = pods(plan())[0]["spec"]["topologySpreadConstraints"]
    assert constraint["topologyKey"] == "kubernetes.io/hostname"
    assert "topologySpreadConstraints" not in pods(plan(K8S_RUNNER_SPREAD="false"))[0]["spec"]


def test_variables_say_what_pods_may_use_and_where_they_run() -> None:
    made = plan(
        K8S_RUNNER_REQUESTS="cpu=250m,memory=1Gi",
        K8S_RUNNER_LIMITS="memory=2Gi",
        K8S_RUNNER_NODE_SELECTOR="disk=ssd",
        NOMOS_TESTNET_IMAGE="registry.example/nodes:7",
        NOMOS_TESTNET_IMAGE_PULL_POLICY="Always",
    )
    spec = pods(made)[0]["spec"]
    container = spec["containers"][0]
    assert container["resources"] == {"requests": {"cpu": "250m", "memory": "1Gi"}, "limits": {"memory": "2Gi"}}
    assert spec["nodeSelector"] == {"disk": "ssd"}
    assert (container["image"], container["imagePullPolicy"]) == ("registry.example/nodes:7", "Always")


def test_nodes_wait_for_the_runner_and_start_by_themselves_without_one() -> None:
    assert _env(plan())["NOMOS_POD_HOLD"] == "1"
    exported = planner().plan("exported", for_the_runner=False)
    assert _env(exported)["NOMOS_POD_HOLD"] == ""
    assert exported.lifetime is None


def test_a_network_that_is_kept_expires_later() -> None:
    short, kept = plan(), replace(planner(), kept_seconds=3600.0).plan("kept")
    assert short.lifetime is not None
    assert kept.lifetime == short.lifetime + 3600
    assert kept.expires is not None
    assert short.expires is not None
    assert 3600 <= (kept.expires - short.expires).total_seconds() < 7200


def _env(of: NetworkPlan) -> dict[str, str]:
    return {entry["name"]: entry.get("value", "") for entry in pods(of)[0]["spec"]["containers"][0]["env"]}


def test_every_node_has_ports_of_its_own_for_its_peers() -> None:
    ports = [port for node in plan().nodes for port in node.ports.peering]
    assert len(set(ports)) == len(ports)


def test_prometheus_scrapes_nodes_that_do_not_push() -> None:
    scraping = replace(plan(), prometheus=PrometheusImage("own", receives_otlp=False))
    assert "nomos-executor-0:18080" in manifests.prometheus_files(scraping)["nodes.json"]


def test_more_wallets_than_a_config_map_takes_are_refused() -> None:
    builder = ScenarioBuilder.topology(validators=1).wallets(12_000).run_for(seconds=60)
    own = planner(builder.build())
    with pytest.raises(DeployError, match=r"takes 1000000\n  -> use fewer wallets than 12000: about \d+ fit"):
        cfgsync_text(own.cfgsync(own.plan("x")))
