"""A network in containers with a Prometheus of either kind beside it: a rising counter, asked by ctx.telemetry()."""

from __future__ import annotations

import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from nomos_testing import ScenarioBuilder
from nomos_testing.deployers.compose.deployer import ComposeDeployer
from nomos_testing.observability import images
from nomos_testing.settings import Settings
from support.processes.docker_daemon import docker, require_docker
from support.processes.live_network import live_environment, reached
from support.processes.prometheus_server import receiving_prometheus, system_prometheus
from support.repository.repository_copy import REPOSITORY

pytestmark = [pytest.mark.docker, pytest.mark.slow]

BLOCKS = "consensus_processed_blocks"


@pytest.fixture
def prometheus_image(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[bool]:
    """Ours is the only one, of the kind asked for; whether it takes OTLP."""
    require_docker()
    receives = bool(request.param)
    _ = receiving_prometheus() if receives else system_prometheus()
    tag = f"logos-blockchain-testing-test:{uuid.uuid4().hex[:12]}"
    _script("scripts/build-prometheus-image.sh", "--tag", tag, *(["--from-source"] if receives else []))
    monkeypatch.setattr(images, "OWN_PROMETHEUS", tag)
    monkeypatch.setattr(images, "PUBLIC_PROMETHEUS", "localhost/nobody-has:this")
    yield receives
    docker("rmi", "--force", tag, check=False)


@pytest.fixture
def image() -> str:
    require_docker()
    _script("testing-framework/assets/stack/scripts/build_test_image.sh")
    return "logos-blockchain-testing:local"


def _script(name: str, *arguments: str) -> None:
    done = subprocess.run([REPOSITORY / name, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("prometheus_image", [False, True], indirect=True, ids=["scrapes", "is pushed to"])
async def test_a_run_reads_a_rising_counter(tmp_path: Path, image: str, *, prometheus_image: bool) -> None:
    scenario = ScenarioBuilder.topology(validators=2, executors=1).slot(seconds=1).wallets(10).transactions(rate=2)
    environ = live_environment(NOMOS_TESTNET_IMAGE=image)
    deployer = ComposeDeployer(
        settings=Settings.from_environ(environ), runs_directory=tmp_path, environ=environ, root=REPOSITORY
    )
    async with deployer.deployed(scenario.run_for(seconds=15).build()) as runner:
        telemetry = runner.context.telemetry()
        assert telemetry.prometheus_endpoint()

        async def counts_all_nodes() -> bool:
            return len(await telemetry.instant_values(f"{BLOCKS} > 0")) == 3

        await reached("every node's blocks", counts_all_nodes)
        before = await telemetry.consensus_processed_blocks()
        assert (await runner.run()).passed
        jobs = {sample.labels["job"] for sample in await telemetry.instant_samples(BLOCKS)}
        assert jobs == {"validator-0", "validator-1", "executor-0"}
        assert await telemetry.consensus_processed_blocks() >= before + 3 * 5
        assert await telemetry.consensus_transactions_total() > 0
        scraped = bool(await telemetry.instant_samples(f'{BLOCKS}{{instance!=""}}'))
        assert scraped is not prometheus_image, "what is scraped has an instance, what is pushed has none"
