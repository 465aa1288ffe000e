"""The workflow of networks in a cluster, on the cluster of the tests."""

from __future__ import annotations

import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.processes.docker_daemon import docker
from support.processes.kubernetes_cluster import ClusterUnderTest, require_cluster
from support.repository.workflow_steps import JobOnThisMachine, packed_bundle

pytestmark = [pytest.mark.kubernetes, pytest.mark.slow, pytest.mark.timeout(600)]

TAG = "logos-blockchain-testing-test:k8s-workflow"


@pytest.fixture
def cluster() -> Iterator[ClusterUnderTest]:
    cluster = require_cluster()
    if shutil.which("kubectl", path=cluster.environment()["PATH"]) is None:
        pytest.skip("collecting the logs takes kubectl on PATH")
    yield cluster
    docker("rmi", "--force", TAG, check=False)


def test_the_k8s_job(checkout: Path, temp: Path, cluster: ClusterUnderTest) -> None:
    packed_bundle(checkout, temp)
    overrides = {"RUN_SECONDS": "20", "NOMOS_TESTNET_IMAGE": TAG} | cluster.environment()
    job = JobOnThisMachine("k8s.yml", "k8s", checkout, temp, overrides)
    job.run("Build the image")
    cluster.load(TAG)
    job.run("Run the demo")
    job.run("Collect logs")
    with tarfile.open(temp / "k8s-logs.tar.gz") as logs:
        names = logs.getnames()
    assert any(name.endswith("/journal.jsonl") for name in names)
    assert {"k8s-logs/objects.txt", "k8s-logs/events.txt"} <= {*names}
