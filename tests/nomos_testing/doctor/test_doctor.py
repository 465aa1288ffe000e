"""What the doctor finds: on this machine, of a Docker and of clusters that answer as a test tells them."""

from __future__ import annotations

import json
import os
import resource
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from click.testing import CliRunner

from nomos_testing.cli.main import main
from nomos_testing.deployers.local.programs import Installation
from nomos_testing.doctor import examination, machine
from nomos_testing.doctor.checks import COMPOSE, K8S, LOCAL, Check, State, can_run
from nomos_testing.doctor.compose_runner import check_compose
from nomos_testing.doctor.k8s_runner import check_k8s
from nomos_testing.doctor.local_runner import check_local
from nomos_testing.doctor.machine import check_machine
from nomos_testing.observability.images import PUBLIC_GRAFANA, PUBLIC_PROMETHEUS
from nomos_testing.settings import Settings
from support.fakes.fake_docker import fake_docker
from support.fakes.fake_kubernetes import FakeKubernetes
from support.processes.fake_node_processes import free_port

DEVELOPMENT = {"POL_PROOF_DEV_MODE": "true"}


def found(checks: Sequence[Check], what: str) -> Check:
    (check,) = [check for check in checks if check.what == what]
    return check


def states(checks: Sequence[Check]) -> dict[str, State]:
    return {check.what: check.state for check in checks}


# This machine


def machine_checks(directory: Path, **variables: str) -> list[Check]:
    environ = {"HOME": str(directory), "PATH": os.environ["PATH"], **DEVELOPMENT, **variables}
    return list(check_machine(Settings.from_environ(environ), environ, directory / "runs"))


def test_a_machine_that_has_everything_can_run_and_nothing_is_made(tmp_path: Path) -> None:
    checks = machine_checks(tmp_path)
    assert can_run(checks, LOCAL)
    assert found(checks, "runs directory").found == str(tmp_path / "runs")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("variables", "what", "text", "remedy"),
    [
        ({"POL_PROOF_DEV_MODE": "false"}, "proofs", "real proofs are needed", "POL_PROOF_DEV_MODE=true"),
        ({"NOMOS_KZGRS_PARAMS_PATH": "/nothing"}, "KZG parameters", "missing KZG parameters at /nothing", "kzg-params"),
    ],
)
def test_what_is_missing_is_named_with_its_remedy(
    tmp_path: Path, variables: dict[str, str], what: str, text: str, remedy: str
) -> None:
    check = found(machine_checks(tmp_path, **variables), what)
    assert check.state is State.MISSING
    assert text in check.found
    assert remedy in str(check.remedy)


def test_broken_parameters_are_no_parameters(tmp_path: Path) -> None:
    (tmp_path / "broken").write_bytes(b"no parameters")
    check = found(machine_checks(tmp_path, NOMOS_KZGRS_PARAMS_PATH=str(tmp_path / "broken")), "KZG parameters")
    assert check.state is State.MISSING
    assert "delete it" in str(check.remedy)


def test_a_value_that_does_not_parse_limits_runs(tmp_path: Path) -> None:
    check = found(machine_checks(tmp_path, CONSENSUS_SLOT_TIME="soon"), "environment variables")
    assert (check.state, check.found.startswith("CONSENSUS_SLOT_TIME='soon' is not")) == (State.LIMITED, True)


def test_a_runs_directory_below_a_file_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file")
    assert found(machine_checks(tmp_path), "runs directory").state is State.MISSING


@pytest.mark.parametrize(("soft", "state"), [(100, State.MISSING), (512, State.LIMITED), (4096, State.OK)])
def test_too_few_open_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, soft: int, state: State) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda which: (soft, 1 << 20))
    check = found(machine_checks(tmp_path), "file limit")
    assert check.state is state
    assert check.found.startswith(f"{soft} open files")


@pytest.mark.parametrize(("free", "state"), [(0, State.MISSING), (1 << 30, State.LIMITED), (1 << 34, State.OK)])
def test_too_little_room_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, state: State) -> None:
    usage = type("Usage", (), {"free": free})
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda path: usage)
    assert found(machine_checks(tmp_path), "disk").state is state


def test_an_extra_that_is_not_installed_matters_to_its_runner_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = machine.find_spec
    monkeypatch.setattr(machine, "find_spec", lambda name: None if name == "kubernetes_asyncio" else known(name))
    checks = machine_checks(tmp_path)
    assert not can_run(checks, K8S)
    assert can_run(checks, LOCAL)
    assert found(checks, "package for runs on Kubernetes").remedy == (
        "python -m pip install 'logos-blockchain-testing[k8s]'"
    )


# Processes


def test_programs_are_found_or_named(tmp_path: Path) -> None:
    environ = {"NOMOS_NODE_BIN": str(tmp_path / "nothing"), "PATH": os.environ["PATH"], **DEVELOPMENT}
    checks = list(check_local(Settings.from_environ(environ), environ, Installation.running()))
    check = found(checks, "validator program nomos-node")
    assert (check.state, check.found) == (State.MISSING, f"NOMOS_NODE_BIN={tmp_path / 'nothing'} does not exist")
    assert found(checks, "executor program nomos-executor").found.endswith("(the embedded node)")
    assert found(checks, "ports").state is State.OK


# Docker


def docker_answers(
    *, system_time: datetime | None = None, architecture: str = "amd64", images: Sequence[str] = ("nodes:test",)
) -> list[tuple[Sequence[str], Mapping[str, Any]]]:
    now = datetime.now(UTC) if system_time is None else system_time
    info = {
        "Architecture": "x86_64",
        "ServerVersion": "27.1",
        "SystemTime": now.isoformat().replace("+00:00", "000Z"),
    }
    image = json.dumps([{"Id": "sha256:abc", "Architecture": architecture}])
    return [
        (["info"], {"out": json.dumps(info)}),
        (["compose", "version"], {"out": "v2"}),
        *((["image", "inspect", name], {"out": image}) for name in images),
        (["image", "inspect"], {"out": "[]\n", "err": "Error: No such image: x\n", "status": 1}),
    ]


async def docker_checks(
    directory: Path, answers: Sequence[tuple[Sequence[str], Mapping[str, Any]]], **variables: str
) -> list[Check]:
    environ = fake_docker(directory / "bin", answers) | {"NOMOS_TESTNET_IMAGE": "nodes:test", **variables}
    return [check async for check in check_compose(Settings.from_environ(environ), environ)]


async def test_a_docker_that_has_everything(tmp_path: Path) -> None:
    images = ("nodes:test", PUBLIC_PROMETHEUS, PUBLIC_GRAFANA)
    checks = await docker_checks(tmp_path, docker_answers(images=images))
    assert set(states(checks).values()) == {State.OK}
    assert found(checks, "image of the nodes").found == "nodes:test, amd64, sha256:abc"
    assert found(checks, "compose tool").found == "docker compose"


async def test_what_docker_lacks(tmp_path: Path) -> None:
    port = free_port()
    ahead = docker_answers(system_time=datetime.now(UTC) + timedelta(minutes=5), images=())
    without_compose = [each for each in ahead if list(each[0]) != ["compose", "version"]]
    checks = await docker_checks(tmp_path, without_compose, TEST_FRAMEWORK_PROMETHEUS_PORT=str(port))
    assert states(checks) == {
        "Docker daemon": State.OK,
        "clock of the Docker host": State.LIMITED,
        "compose tool": State.MISSING,
        "image of the nodes": State.MISSING,
        "image prom/prometheus, for metrics": State.LIMITED,
        "image grafana/grafana, for metrics": State.LIMITED,
        f"port {port} of TEST_FRAMEWORK_PROMETHEUS_PORT": State.OK,
    }
    assert "build_test_image.sh" in str(found(checks, "image of the nodes").remedy)


async def test_an_image_for_another_processor(tmp_path: Path) -> None:
    checks = await docker_checks(tmp_path, docker_answers(architecture="arm64"))
    check = found(checks, "image of the nodes")
    assert check.state is State.MISSING
    assert "is for arm64, the Docker host is amd64" in check.found


async def test_no_docker_is_one_finding(tmp_path: Path) -> None:
    environ = {"PATH": str(tmp_path)}
    (check,) = [check async for check in check_compose(Settings.from_environ(environ), environ)]
    assert (check.what, check.state, check.runners) == ("Docker daemon", State.MISSING, (COMPOSE,))


# Kubernetes


class Cluster(FakeKubernetes):
    """A cluster that also answers what the account may do."""

    refused: tuple[str, ...] = ()
    """Resources that it may do nothing with."""

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if not request.path.endswith("/selfsubjectaccessreviews"):
            return await super()._answer(request)
        asked = (await request.json())["spec"]["resourceAttributes"]
        return web.json_response({"status": {"allowed": asked["resource"] not in self.refused}})


@pytest.fixture
async def cluster() -> AsyncIterator[Cluster]:
    served = Cluster()
    await served.start()
    yield served
    await served.stop()


def add_machine(cluster: Cluster, *, ready: bool, image: str = PUBLIC_PROMETHEUS) -> None:
    status = {
        "conditions": [{"type": "Ready", "status": str(ready)}],
        "images": [{"names": [f"docker.io/{image}"]}],
    }
    cluster.put("/api/v1/nodes/one", {"metadata": {"name": "one"}, "status": status})


async def cluster_checks(cluster: Cluster, directory: Path, **variables: str) -> list[Check]:
    environ = cluster.kubeconfig(directory) | variables
    return [check async for check in check_k8s(Settings.from_environ(environ), environ)]


async def test_a_cluster_that_has_everything(cluster: Cluster, tmp_path: Path) -> None:
    add_machine(cluster, ready=True)
    before = dict(cluster.objects)
    checks = await cluster_checks(cluster, tmp_path)
    assert set(states(checks).values()) == {State.OK}
    assert found(checks, "cluster").found == cluster.url
    assert found(checks, "permissions").found == "all, in namespaces of the runs"
    assert cluster.objects == before


async def test_what_a_cluster_lacks(cluster: Cluster, tmp_path: Path) -> None:
    add_machine(cluster, ready=False, image="nothing")
    cluster.refused = ("services",)
    checks = await cluster_checks(cluster, tmp_path, K8S_NAMESPACE="absent")
    assert states(checks) == {
        "cluster": State.OK,
        "permissions": State.MISSING,
        "namespace": State.MISSING,
        "machines of the cluster": State.MISSING,
        "image of Prometheus, for metrics": State.LIMITED,
    }
    assert "deploy/k8s/rbac.yaml" in str(found(checks, "permissions").remedy)
    assert "kubectl create namespace absent" in str(found(checks, "namespace").remedy)


async def test_no_cluster_is_one_finding(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path)}
    (check,) = [check async for check in check_k8s(Settings.from_environ(environ), environ)]
    assert (check.what, check.state, check.runners) == ("cluster", State.MISSING, (K8S,))


# The command


def invoked(monkeypatch: pytest.MonkeyPatch, directory: Path, *arguments: str, **variables: str) -> Any:
    environ = {"HOME": str(directory), "PATH": str(directory), **DEVELOPMENT, **variables}
    for name in set(os.environ) - {"PYTEST_CURRENT_TEST"}:
        monkeypatch.delenv(name)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    return CliRunner().invoke(main, ["doctor", "--runs-dir", str(directory / "runs"), *arguments])


def test_without_a_runner_all_are_looked_at_and_local_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = invoked(monkeypatch, tmp_path)
    assert done.exit_code == 0, done.output
    *_, local, compose, k8s = done.output.splitlines()
    assert (local, compose, k8s) == (
        "local: can run",
        "compose: cannot run: Docker daemon",
        "k8s: cannot run: cluster",
    )


@pytest.mark.parametrize(("runner", "status"), [("local", 0), ("compose", 1), ("k8s", 1)])
def test_the_exit_code_is_that_of_the_runner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runner: str, status: int
) -> None:
    done = invoked(monkeypatch, tmp_path, "--on", runner, "--json")
    assert done.exit_code == status, done.output
    answer = json.loads(done.output)
    assert answer["can_run"] == {runner: status == 0}
    assert all(runner in check["runners"] for check in answer["checks"])
    assert all(check["remedy"] for check in answer["checks"] if check["state"] != "ok")


def test_the_table_shows_each_remedy_below_its_finding_and_no_control_characters() -> None:
    checks = [
        Check("Docker daemon", State.MISSING, "it says \x1b[31mno\x1b[0m\nand nothing else", "start it", (COMPOSE,)),
        Check("disk", State.OK, "9 GiB free"),
    ]
    assert examination.table(checks) == [
        "MISSING  Docker daemon  it says no [compose]",
        "                        and nothing else",
        "                        -> start it",
        "     ok  disk           9 GiB free",
    ]
