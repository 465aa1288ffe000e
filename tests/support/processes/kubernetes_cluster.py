"""The Kubernetes cluster for tests that need one: the one that is configured, or the test is skipped with the reason.

``scripts/with-cluster.sh`` starts one for a command where none is configured.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import functools
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from support.processes.node_image import node_image
from support.repository.repository_copy import REPOSITORY

OWN: Final = "nomos-test-cluster"
"""The context of the cluster that ``scripts/test-cluster.sh`` makes."""
TEST_CLUSTER: Final = REPOSITORY / "scripts/test-cluster.sh"
_ANSWER_SECONDS: Final = 10
_COPY_SECONDS: Final = 300


@dataclass(frozen=True, slots=True)
class ClusterUnderTest:
    context: str
    kubeconfig: str
    """What ``KUBECONFIG`` names."""

    def environment(self) -> Mapping[str, str]:
        """``KUBECONFIG``, and a ``PATH`` with the kubectl that a disposable cluster brings, behind the others."""
        path = [os.environ.get("PATH", os.defpath)]
        if self.context == OWN:
            path.append(str(Path(self.kubeconfig).parent / "bin"))
        return {"KUBECONFIG": self.kubeconfig, "PATH": os.pathsep.join(path)}

    def load(self, image: str) -> None:
        """Copy an image from the Docker daemon to the machines of the cluster; nothing is done where it was before.

        A cluster that is none of the kinds we know has to find the image by itself, in its registry.
        """
        _load(self, image)

    def load_node_image(self) -> str:
        """The name of the nodes' image, after it was built and copied."""
        image = node_image()
        self.load(image)
        return image

    @contextlib.contextmanager
    def without_api_server(self) -> Iterator[None]:
        """No API server answers, while the pods run on. Tests beside this one wait: see ``undisturbed``."""
        if self.context != OWN:
            pytest.skip(f"the tests can't stop the API server of the cluster {self.context}")
        with alone():
            try:
                _script("stop-api")
                yield
            finally:
                _script("start-api")


def require_cluster() -> ClusterUnderTest:
    if isinstance(found := _cluster(), str):
        pytest.skip(f"no Kubernetes cluster: {found}")
    return found


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """While this test runs, no other takes the API server away. Each test with the mark ``kubernetes`` runs in this."""
    _take_turn(fcntl.LOCK_SH)
    try:
        yield
    finally:
        _take_turn(fcntl.LOCK_UN)


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """While this lasts, no other test uses the cluster. For tests that change what all share: machines, API server."""
    _take_turn(fcntl.LOCK_EX)
    try:
        yield
    finally:
        _take_turn(fcntl.LOCK_SH)


def _take_turn(kind: int) -> None:
    """Tests of several processes wait for each other by a lock on this file, which needs no other file."""
    fcntl.flock(_lock(), kind)


@functools.cache
def _lock() -> int:
    return os.open(__file__, os.O_RDONLY | os.O_CLOEXEC)


@functools.cache
def _cluster() -> ClusterUnderTest | str:
    """The cluster, or why there is none."""
    configured = os.environ.get("KUBECONFIG") or str(Path.home() / ".kube/config")
    if not any(Path(file).is_file() for file in configured.split(os.pathsep)):
        return f"{configured} is not there"
    # In a thread of its own, because a test may have an event loop running.
    with ThreadPoolExecutor(1) as thread:
        try:
            context = thread.submit(asyncio.run, _answering_context(configured)).result()
        except Exception as error:  # whatever keeps the cluster from answering is the reason to skip
            return f"that of {configured} does not answer: {str(error) or type(error).__name__}"
    return ClusterUnderTest(context, configured)


async def _answering_context(configured: str) -> str:
    from kubernetes_asyncio import client, config

    settings = client.Configuration()
    await config.load_kube_config(configured, client_configuration=settings)
    async with client.ApiClient(settings) as api:
        await client.VersionApi(api).get_code(_request_timeout=_ANSWER_SECONDS)
    return str(config.list_kube_config_contexts(configured)[1]["name"])


@functools.cache
def _load(cluster: ClusterUnderTest, image: str) -> None:
    if command := copy_command(cluster.context, image):
        if shutil.which(command[0]) is None:
            pytest.skip(f"copying an image to the cluster {cluster.context} takes the program {command[0]}")
        _run(command)


def copy_command(context: str, image: str) -> list[str]:
    """How an image gets into a cluster; nothing if that is not known."""
    if context == OWN:
        return [str(TEST_CLUSTER), "load", image]
    if context == "minikube":
        return ["minikube", "image", "load", image]
    if context.startswith("kind-"):
        return ["kind", "load", "docker-image", image, "--name", context.removeprefix("kind-")]
    return []


def _script(command: str) -> None:
    _run([str(TEST_CLUSTER), command])


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_COPY_SECONDS)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stdout}{done.stderr}"
