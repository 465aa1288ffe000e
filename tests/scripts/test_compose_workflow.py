"""The workflow of networks in containers, on this machine's Docker daemon."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.processes.docker_daemon import docker, require_docker
from support.repository.workflow_steps import JobOnThisMachine, packed_bundle

TAG = "logos-blockchain-testing-test:workflow"


@pytest.fixture
def image() -> Iterator[str]:
    require_docker()
    yield TAG
    docker("rmi", "--force", TAG, check=False)


@pytest.mark.docker
@pytest.mark.slow
def test_the_compose_job(checkout: Path, temp: Path, image: str) -> None:
    packed_bundle(checkout, temp)
    before = _docker_state()
    overrides = {"RUN_SECONDS": "20", "NOMOS_TESTNET_IMAGE": image}
    job = JobOnThisMachine("compose-mixed.yml", "compose", checkout, temp, overrides)
    job.run("Build the image")
    try:
        job.run("Run the demo")
        job.run("Collect logs")
    finally:
        job.run("Remove containers")
    with tarfile.open(temp / "compose-logs.tar.gz") as logs:
        names = logs.getnames()
    assert any("validator-0" in name and name.endswith(".log") for name in names)
    assert _docker_state() == before


def _docker_state() -> list[str]:
    """Containers, networks and volumes by name."""
    return [docker("ps", "-a", "--format", "{{.Names}}"), docker("network", "ls", "-q"), docker("volume", "ls", "-q")]
