"""What is missing for a stack is named, with what to do, before anything is started."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from nomos_testing import ScenarioBuilder
from nomos_testing.deployers.compose.deployer import ComposeDeployer
from nomos_testing.deployers.compose.errors import ComposeError, DockerUnavailable
from nomos_testing.deployers.compose.preflight import Prepared, prepare
from nomos_testing.deployers.shared import kzg_parameters
from nomos_testing.deployers.shared.errors import DeployError, PreflightError
from nomos_testing.deployers.shared.kzg_parameters import KzgParameters
from nomos_testing.diagnosis.diagnose import diagnose
from nomos_testing.evidence.run_record import read_run
from nomos_testing.faults import ClockSkew, DiskFull
from nomos_testing.observability.images import OWN_PROMETHEUS, PUBLIC_GRAFANA, PUBLIC_PROMETHEUS, PrometheusImage
from nomos_testing.scenario.scenario import Scenario
from nomos_testing.settings import Settings
from support.fakes.fake_docker import fake_docker

IMAGE = "nodes:test"
NO_IMAGE = {"out": "[]\n", "err": "Error: No such image: x\n", "status": 1}
HERE = {"out": json.dumps({"Architecture": "x86_64"})}


def image(architecture: str = "amd64", **labels: str) -> Mapping[str, Any]:
    return {"out": json.dumps([{"Architecture": architecture, "Config": {"Labels": labels}}])}


def scenario(**topology: int) -> Scenario:
    return ScenarioBuilder.topology(**({"validators": 1} | topology)).run_for(slots=2).build()


def prepared(
    directory: Path,
    *,
    told: Scenario | None = None,
    info: Mapping[str, Any] = HERE,
    nodes: Mapping[str, Any] = image(),
    compose: Mapping[str, Any] | None = None,
    images: Mapping[str, Mapping[str, Any]] | None = None,
    program: str = "#!",
    has_kzg: bool = False,
    assets: bool = True,
    **variables: str,
) -> Prepared:
    """Preflight with a Docker that has these answers."""
    known = {
        PUBLIC_PROMETHEUS: NO_IMAGE,
        OWN_PROMETHEUS: NO_IMAGE,
        PUBLIC_GRAFANA: NO_IMAGE,
        IMAGE: nodes,
        **(images or {}),
    }
    environ = fake_docker(
        directory / "bin",
        [
            (["info"], info),
            (["compose", "version"], compose or {"out": "2.40.3"}),
            *((["image", "inspect", name], answer) for name, answer in known.items()),
            (["pull"], {"err": "no registry here", "status": 1}),
            (["run", "--rm", "--network", "none", "--entrypoint", "head"], {"out": program}),
            (["run", "--rm", "--network", "none", "--entrypoint", "test"], {"status": 0 if has_kzg else 1}),
        ],
    )
    environ |= {"NOMOS_TESTNET_IMAGE": IMAGE, **variables}
    root = directory / "repository"
    if assets:
        (root / "testing-framework/assets/stack/scripts").mkdir(parents=True)
    return asyncio.run(prepare(told or scenario(), Settings.from_environ(environ), environ, root=root))


def test_what_is_there_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kzg_parameters, "repository_root", lambda: None)
    found = prepared(tmp_path, XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert (found.image, found.platform, found.kzg, found.prometheus) == (IMAGE, None, None, None)
    assert found.tool.argv == ("docker", "compose")
    assert found.assets == tmp_path / "repository/testing-framework/assets/stack"


def test_the_log_tells_what_was_found_and_what_was_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "nomos_testing.deployers")
    monkeypatch.setattr(kzg_parameters, "repository_root", lambda: None)
    prepared(tmp_path, XDG_CACHE_HOME=str(tmp_path / "cache"))
    for line in (
        "docker info --format '{{json .}}': exited with status 0 (",
        "preflight: the compose tool: docker compose",
        f"preflight: the image {IMAGE}: ",
        "preflight: images of Prometheus and Grafana: None, None",
        "preflight: the prover: development",
        f"preflight: assets of the stack: {tmp_path / 'repository/testing-framework/assets/stack'}; KZG parameters: ",
    ):
        assert any(message.startswith(line) for message in caplog.messages), (line, caplog.text)


def test_without_a_docker_program_there_is_no_docker(tmp_path: Path) -> None:
    environ = {"PATH": str(tmp_path)}
    with pytest.raises(DockerUnavailable) as caught:
        asyncio.run(prepare(scenario(), Settings(), environ, root=tmp_path))
    assert "docker does not appear to be available on this host" in str(caught.value)
    assert "failed to spawn docker: No such file or directory" in str(caught.value)


@pytest.mark.parametrize(
    "info",
    [
        {"out": json.dumps({"ServerErrors": ["Cannot connect to the Docker daemon at unix:///nowhere."]})},
        {"err": "Cannot connect to the Docker daemon at unix:///nowhere.\n", "status": 1},
    ],
    ids=["told in the answer", "told as an error"],
)
def test_a_daemon_that_does_not_answer_is_no_docker(tmp_path: Path, info: Mapping[str, Any]) -> None:
    with pytest.raises(DockerUnavailable, match=r"Cannot connect to the Docker daemon at unix:///nowhere\."):
        prepared(tmp_path, info=info)


def test_an_image_that_is_missing_is_named_with_what_makes_one(tmp_path: Path) -> None:
    with pytest.raises(ComposeError) as caught:
        prepared(tmp_path, nodes=NO_IMAGE)
    assert f"docker image '{IMAGE}' is not available; set NOMOS_TESTNET_IMAGE or build the image manually" in str(
        caught.value
    )
    assert "build_test_image.sh" in str(caught.value)


def test_an_image_for_another_machine_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ComposeError, match=f"docker image '{IMAGE}' is for arm64, the Docker host is amd64"):
        prepared(tmp_path, nodes=image("arm64"))


def test_the_older_compose_tool_serves_where_there_is_no_plugin(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    older = tmp_path / "bin/docker-compose"
    older.write_text("#!/bin/sh\n")
    older.chmod(0o755)
    assert prepared(tmp_path, compose={"status": 1}).tool.argv == (str(older),)


def test_without_any_compose_tool_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(PreflightError, match="neither `docker compose` nor `docker-compose` is installed"):
        prepared(tmp_path, compose={"status": 1})


def test_a_network_needs_a_validator_and_its_addresses(tmp_path: Path) -> None:
    expected = r"compose runner requires at least one validator \(validators=0, executors=2\)"
    with pytest.raises(ComposeError, match=expected):
        prepared(tmp_path, told=scenario(validators=0, executors=2))
    with pytest.raises(ComposeError, match=r"compose runner takes at most 200 nodes \(validators=201, executors=0\)"):
        prepared(tmp_path / "again", told=scenario(validators=201))


def test_without_the_stacks_assets_it_says_where_they_were_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nomos_testing.deployers.shared.stack_assets.STACK_ASSETS", Path("no-such-stack"))
    with pytest.raises(DeployError, match=r"stack assets directory not found at .*no-such-stack"):
        prepared(tmp_path, assets=False)


def with_blobs() -> Scenario:
    return ScenarioBuilder.topology(validators=1, executors=1).data_availability().run_for(seconds=60).build()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where parameters are looked for: outside of any checkout."""
    monkeypatch.setattr(kzg_parameters, "repository_root", lambda: None)
    return tmp_path / "cache/logos-blockchain-testing/kzgrs_test_params/kzgrs_test_params"


def test_blobs_take_the_images_parameters_where_the_host_has_none(tmp_path: Path, cache: Path) -> None:
    environ = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    assert prepared(tmp_path / "image", told=with_blobs(), has_kzg=True, **environ).kzg is None
    assert prepared(tmp_path / "none", told=with_blobs(), **environ).kzg == KzgParameters(cache, to_be_made=True)
    assert prepared(tmp_path / "real", told=with_blobs(), program="\x7fE", **environ).kzg == (
        KzgParameters(cache, to_be_made=True)
    )


def test_without_blobs_no_parameters_are_made(tmp_path: Path, cache: Path) -> None:
    assert prepared(tmp_path, XDG_CACHE_HOME=str(tmp_path / "cache")).kzg is None


def test_real_nodes_get_parameters_to_start_with_where_their_image_has_none(tmp_path: Path, cache: Path) -> None:
    environ = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    made = KzgParameters(cache, to_be_made=True)
    assert prepared(tmp_path / "real", program="\x7fE", **environ).kzg == made
    assert prepared(tmp_path / "whole", program="\x7fE", has_kzg=True, **environ).kzg is None


def test_a_named_file_that_is_nowhere_is_refused_for_blobs(tmp_path: Path) -> None:
    with pytest.raises(DeployError, match="missing KZG parameters at /no/where"):
        prepared(tmp_path, told=with_blobs(), NOMOS_KZGRS_PARAMS_PATH="/no/where")
    assert (
        prepared(tmp_path / "image", told=with_blobs(), has_kzg=True, NOMOS_KZGRS_PARAMS_PATH="/no/where").kzg is None
    )


def test_a_named_file_of_parameters_is_mounted(tmp_path: Path) -> None:
    file = tmp_path / "params"
    file.write_text("parameters")
    kzg = prepared(tmp_path, NOMOS_KZGRS_PARAMS_PATH=str(file)).kzg
    assert kzg is not None
    assert kzg.path == file


def faulty(fault: ClockSkew | DiskFull) -> Scenario:
    builder = ScenarioBuilder.topology(validators=2).enable_node_control()
    return builder.fault(fault, at=0, lasting=1).run_for(seconds=10).build()


def test_a_full_disk_is_for_embedded_nodes(tmp_path: Path) -> None:
    told = faulty(DiskFull("validator-1"))
    assert prepared(tmp_path, told=told).image == IMAGE
    with pytest.raises(PreflightError, match="only the embedded nodes get an error from a full disk"):
        prepared(tmp_path / "real", told=told, program="\x7fE")


def test_a_wrong_clock_needs_libfaketime(tmp_path: Path) -> None:
    with pytest.raises(PreflightError, match=r"faults\.0.*NOMOS_TESTS_FAKETIME_LIB=.* does not exist"):
        prepared(tmp_path, told=faulty(ClockSkew("any", 5)), NOMOS_TESTS_FAKETIME_LIB=str(tmp_path / "none"))


def test_prometheus_and_grafana_are_taken_where_they_are(tmp_path: Path) -> None:
    label = {"logos-blockchain-testing.otlp-receiver": "true"}
    here = {OWN_PROMETHEUS: image("amd64", **label), PUBLIC_GRAFANA: image()}
    found = prepared(tmp_path, images=here)
    assert found.prometheus == PrometheusImage(OWN_PROMETHEUS, receives_otlp=True)
    assert found.grafana_image == PUBLIC_GRAFANA
    assert prepared(tmp_path / "without", images={PUBLIC_GRAFANA: image()}).grafana_image is None


async def test_a_refused_run_leaves_a_directory_that_names_the_cause(tmp_path: Path) -> None:
    answers = [(["info"], HERE), (["compose", "version"], {"out": "2.40.3"}), (["image", "inspect"], NO_IMAGE)]
    environ = fake_docker(tmp_path / "bin", [*answers, (["pull"], {"err": "no registry here", "status": 1})])
    (tmp_path / "testing-framework/assets/stack/scripts").mkdir(parents=True)
    deployer = ComposeDeployer(
        root=tmp_path,
        settings=Settings.from_environ({"NOMOS_TESTNET_IMAGE": IMAGE}),
        environ=environ,
        runs_directory=tmp_path / "runs",
    )
    with pytest.raises(DeployError, match=f"docker image '{IMAGE}' is not available") as caught:
        await deployer.deploy(scenario())
    assert caught.value.run_directory is not None
    assert [cause.known for cause in diagnose(read_run(caught.value.run_directory))] == ["image-missing"]


async def test_without_docker_there_is_nothing_to_report(tmp_path: Path) -> None:
    deployer = ComposeDeployer(settings=Settings(), environ={"PATH": ""}, runs_directory=tmp_path / "runs")
    with pytest.raises(DockerUnavailable):
        await deployer.deploy(scenario())
    assert not (tmp_path / "runs").exists()
