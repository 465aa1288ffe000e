"""Our Prometheus images in real containers, with the stack's own configuration, watching a live embedded node."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from nomos_core.config.tracing import OtlpMetrics
from nomos_testing.observability.images import RECEIVER_LABEL, TARGETS_FILE, PrometheusImage
from nomos_testing.observability.prometheus import QueryFailed
from nomos_testing.observability.telemetry import Telemetry
from support.processes.docker_daemon import docker, require_docker
from support.processes.embedded_node import (
    ENVIRONMENT,
    NodeProcess,
    free_ports,
    leader_genesis,
    make_config,
    wait_until,
)
from support.processes.prometheus_server import BUILT, receiving_prometheus
from support.repository.repository_copy import REPOSITORY

pytestmark = [pytest.mark.docker, pytest.mark.slow]

SCRIPT = REPOSITORY / "scripts/build-prometheus-image.sh"
MONITORING = REPOSITORY / "testing-framework/assets/stack/monitoring"
DASHBOARD = MONITORING / "grafana/dashboards/nodes.json"
BLOCKS = 'consensus_processed_blocks{job="validator-0"}'


@pytest.fixture
def tag() -> Iterator[str]:
    require_docker()
    name = f"logos-blockchain-testing-test:{uuid.uuid4().hex[:12]}"
    yield name
    docker("rmi", "--force", name, check=False)


def _build(tag: str, *options: str) -> PrometheusImage:
    done = subprocess.run([SCRIPT, "--tag", tag, *options], capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 0, done.stdout + done.stderr
    kind = docker("image", "inspect", "-f", f'{{{{index .Config.Labels "{RECEIVER_LABEL}"}}}}', tag)
    assert f"OTLP receiver: {kind}" in done.stdout
    again = subprocess.run([SCRIPT, "--tag", tag, *options], capture_output=True, text=True, check=True)
    assert again.stdout == f"Prometheus image {tag} is there already\n"
    return PrometheusImage(tag, receives_otlp=kind == "true")


class Container:
    """On the host's network, where the node under test is; as the compose file starts it otherwise."""

    def __init__(self, image: PrometheusImage, configuration: Path) -> None:
        self.port = free_ports(1)[0]
        self.name = f"nomos-prometheus-test-{self.port}"
        self.url = f"http://127.0.0.1:{self.port}"
        docker(
            *("run", "--detach", "--name", self.name, "--network", "host"),
            *("--volume", f"{configuration}:/etc/prometheus:ro", image.name),
            *(*image.arguments, f"--web.listen-address=127.0.0.1:{self.port}"),
        )

    def __enter__(self) -> Telemetry:
        telemetry = Telemetry(self.url)
        wait_until("Prometheus to answer", lambda: self._answers(telemetry))
        return telemetry

    def __exit__(self, *exc_info: object) -> None:
        docker("rm", "--force", self.name)

    def _answers(self, telemetry: Telemetry) -> bool:
        if docker("inspect", "-f", "{{.State.Running}}", self.name) != "true":
            raise AssertionError(subprocess.run(["docker", "logs", self.name], capture_output=True, check=False).stderr)
        try:
            return bool(_ask(telemetry, "vector(1)"))
        except QueryFailed:
            return False


def _ask(telemetry: Telemetry, query: str) -> Sequence[float]:
    return asyncio.run(telemetry.instant_values(query))  # type: ignore[arg-type]


def _watch(image: PrometheusImage, directory: Path) -> None:
    """The node's blocks rise, asked in PromQL, and the dashboard's questions are good ones."""
    configuration = directory / "monitoring"
    shutil.copytree(MONITORING, configuration)
    directory.chmod(0o755)
    with Container(image, configuration) as telemetry:
        assert telemetry.prometheus_endpoint()
        endpoint = image.push_endpoint(str(telemetry.prometheus_endpoint()).removeprefix("http://"))
        metrics = OtlpMetrics(endpoint=endpoint, host_identifier="validator-0") if endpoint else None
        config = make_config(leader_genesis(), tracing__metrics=metrics)
        environment = {**ENVIRONMENT, "OTEL_METRIC_EXPORT_INTERVAL": "500"}
        with NodeProcess(config, directory / "node", environment=environment).start() as node:
            targets = image.scrape_targets({"validator-0": str(config.http.backend_settings.address)})
            if targets is not None:
                (configuration / TARGETS_FILE).write_text(targets)
            node.wait_height(2)
            (first,) = wait_until("a first value", lambda: _ask(telemetry, f"{BLOCKS} > 0"))
            wait_until("a later one", lambda: _ask(telemetry, f"{BLOCKS} > {first}"))
        for panel in json.loads(DASHBOARD.read_text())["panels"]:
            for target in panel["targets"]:
                assert _ask(telemetry, target["expr"]) is not None, panel["title"]


def test_an_image_of_the_systems_prometheus_watches_a_node(tag: str, tmp_path: Path) -> None:
    if shutil.which("prometheus") is None and shutil.which("apt-get") is None:
        pytest.skip("neither a program prometheus nor apt-get")
    _watch(_build(tag), tmp_path)


def test_an_image_of_prometheus_3_is_pushed_to(tag: str, tmp_path: Path) -> None:
    if receiving_prometheus() != str(BUILT):
        pytest.skip("Prometheus 3 was not built from source here")
    image = _build(tag, "--from-source")
    assert image.receives_otlp
    _watch(image, tmp_path)


def test_usage_errors_say_what_is_known() -> None:
    for arguments, complaint in ((["--froM"], "Unknown argument: --froM"), (["--tag"], "--tag needs a name")):
        done = subprocess.run([SCRIPT, *arguments], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr.splitlines()[0]) == (1, complaint)
        assert "--from-source" in done.stderr
