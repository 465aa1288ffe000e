"""A node's place on a cluster: a pod. The node starts, ends and starts again inside it."""

from __future__ import annotations

import asyncio
import io
import tarfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from nomos_testing.cluster.interfaces import NodeControlError
from nomos_testing.deployers.k8s.api_errors import ApiError
from nomos_testing.deployers.k8s.kubernetes_api import KubernetesApi
from nomos_testing.deployers.k8s.manifests import CLOCK_FILE, CONTAINER
from nomos_testing.deployers.k8s.pod_logs import PodLog
from nomos_testing.deployers.k8s.pod_streams import exec_in_pod, open_in_pod
from nomos_testing.deployers.k8s.supervisor_client import BRIDGE, PodSupervisor
from nomos_testing.deployers.shared.container_configuration import NODE_DIRECTORY
from nomos_testing.deployers.shared.errors import DeployError, LaunchError, described_status
from nomos_testing.deployers.shared.line_channel import LineChannel
from nomos_testing.deployers.shared.node_host import Started
from nomos_testing.runtime.background import WatchTask
from nomos_testing.waiting.machine import Patience

_EXEC_SECONDS: Final = 20.0
"""How long a command beside a node may take, on the reference machine."""
_ANSWER_SECONDS: Final = 30.0
"""How long a supervisor may take to answer, with the API server away for a while, on the reference machine."""
_CONNECT_SECONDS: Final = 60.0
_ARCHIVE: Final = """
import sys, tarfile
with tarfile.open(fileobj=sys.stdout.buffer, mode="w|") as tar:
    tar.add(sys.argv[1], ".")
"""

Urls = Callable[[], Awaitable[tuple[str, str]]]
"""Returns the URLs of a node's API and of its testing API, as this process reaches them."""


class PodHost:
    """A ``NodeHost``. Paths of files are absolute in the pod."""

    remote = True
    config_path = f"{NODE_DIRECTORY}/config.yaml"
    """Where the entry point puts the configuration; it asks for none where one is."""
    python = "python3"
    log_name: str | None = None
    """The log is copied all the time."""

    def __init__(
        self,
        api: KubernetesApi,
        *,
        namespace: str,
        pod: str,
        image: str,
        log: PodLog,
        urls: Urls,
        clock: bool,
        log_directory: str | None,
        patience: Patience,
        watch: WatchTask,
    ) -> None:
        """
        Args:
            clock: libfaketime is in the pod.
        """
        self.program = f"{image} (pod {pod} in namespace {namespace})"
        self.pod = pod
        self.clock_path = CLOCK_FILE if clock else None
        self.log_directory = log_directory
        self.logs = log
        self._api = api
        self._namespace = namespace
        self._urls = urls
        self._patience = patience
        self._life: asyncio.Future[str] | None = None
        self._lost: str | None = None
        self._supervisor = PodSupervisor(
            self._connect,
            name=pod,
            ended=lambda status: self._hear_end(described_status(status)),
            answer_seconds=patience.seconds(_ANSWER_SECONDS),
            watch=watch,
        )

    @property
    def running(self) -> bool:
        return self._life is not None and not self._life.done()

    @property
    def pid(self) -> int:
        pid = self._supervisor.pid
        if pid is None:
            raise NodeControlError(f"no node runs in the pod {self.pod}")
        return pid

    async def connect(self) -> None:
        """Reach the supervisor of a pod that runs.

        Raises:
            LaunchError: it does not answer.
        """
        await self._supervisor.connect(timeout=self._patience.seconds(_CONNECT_SECONDS))

    async def close(self) -> None:
        """Leave the pod as it is, and close the streams to it. Idempotent."""
        await self._supervisor.close()

    def lose(self, reason: str) -> None:
        """Note that the pod is gone, and with it the node."""
        self._lost = reason
        self._supervisor.lose(reason)
        self._hear_end(reason)

    async def create(self) -> None:
        if self._life is not None:  # else nothing is stored yet
            await self._supervisor.wipe()

    async def start(self) -> Started | None:
        self._life = asyncio.get_running_loop().create_future()
        try:
            await self._supervisor.start()
            url, testing_url = await self._urls()
        except (LaunchError, NodeControlError, DeployError, OSError) as error:
            self._hear_end("not started")
            raise LaunchError(self._lost or str(error)) from error
        return Started(pid=None, url=url, testing_url=testing_url) if self.running else None

    async def ended(self) -> str:
        return "not started" if self._life is None else await asyncio.shield(self._life)

    async def end(self, *, grace: float) -> None:
        if self.running:
            await self._supervisor.end(grace=grace)
            await self.ended()

    async def freeze(self) -> None:
        await self._supervisor.freeze()

    async def thaw(self) -> None:
        await self._supervisor.thaw()

    async def exec(self, *argv: str) -> str:
        return (await self._exec(*argv)).decode(errors="replace").strip()

    async def open(self, *argv: str) -> LineChannel:
        try:
            return await open_in_pod(self._api, self._namespace, self.pod, argv, container=CONTAINER)
        except ApiError as error:
            raise LaunchError(f"{' '.join(argv)} cannot be started in the pod {self.pod}: {error}") from error

    async def put(self, path: str, content: bytes) -> None:
        await self._supervisor.put(path, content)

    async def get(self, path: str, target: Path) -> None:
        archive = await self._exec(self.python, "-I", "-S", "-c", _ARCHIVE, path)
        await asyncio.to_thread(_unpack, archive, target)

    async def _connect(self) -> LineChannel:
        return await open_in_pod(self._api, self._namespace, self.pod, BRIDGE, container=CONTAINER)

    async def _exec(self, *argv: str) -> bytes:
        limit = self._patience.seconds(_EXEC_SECONDS)
        try:
            result = await exec_in_pod(self._api, self._namespace, self.pod, argv, container=CONTAINER, timeout=limit)
        except ApiError as error:
            raise NodeControlError(self._lost or f"{' '.join(argv)} in the pod {self.pod}: {error}") from error
        if result.exit_code != 0:
            told = result.stderr.decode(errors="replace").strip() or "it wrote nothing"
            raise NodeControlError(f"{' '.join(argv)} in the pod {self.pod} ended with {result.exit_code}: {told}")
        return result.stdout

    def _hear_end(self, status: str) -> None:
        if self._life is not None and not self._life.done():
            self._life.set_result(status)


def _unpack(archive: bytes, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(target, filter="data")
