"""The relay as a pod. The runner attaches to its standard input and output, again whenever the API server was away."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Final

from nomos_testing.deployers.k8s.api_errors import ApiError
from nomos_testing.deployers.k8s.kubernetes_api import KubernetesApi
from nomos_testing.deployers.k8s.manifests import CONTAINER, RELAY
from nomos_testing.deployers.k8s.pod_streams import PodChannel, attach_to_pod, exec_in_pod
from nomos_testing.deployers.k8s.pod_watch import PodWatch
from nomos_testing.deployers.shared.errors import LaunchError
from nomos_testing.deployers.shared.line_channel import LineChannel
from nomos_testing.deployers.shared.link_probes import probes_beside
from nomos_testing.deployers.shared.node_host import NodeHost
from nomos_testing.deployers.shared.relay_client import RelayClient
from nomos_testing.relay.proxy_sockets import NodeSockets

_RETRY_SECONDS: Final = 0.5
_END_SECONDS: Final = 5.0
_TERMINATE: Final = ("python3", "-I", "-S", "-c", "import os, signal; os.kill(1, signal.SIGTERM)")
"""The image has no program kill."""

_log = logging.getLogger(__name__)


def is_evidence(line: str) -> bool:
    """Tell whether a line of the relay's pod is evidence. The others are answers to the runner."""
    return '"event":' in line and '"id":' not in line


class RelayPodChannel:
    """A ``LineChannel`` to the relay, as long as its pod runs.

    A request whose answer has not come when the stream breaks is sent again over the next stream. The relay takes it
    twice then: every request but ``add`` has the same effect as once.
    """

    def __init__(self, api: KubernetesApi, namespace: str, pods: PodWatch) -> None:
        self._api = api
        self._namespace = namespace
        self._gone: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._stream: PodChannel | None = None
        self._unanswered: bytes | None = None
        self._attaching = asyncio.Lock()
        pods.call_at_end(RELAY, self._note_gone)

    @property
    def name(self) -> str:
        return f"pod {RELAY}"

    async def attach(self) -> None:
        """Attach for the first time.

        Raises:
            LaunchError: that cannot be done.
        """
        try:
            self._stream = await attach_to_pod(self._api, self._namespace, RELAY, container=CONTAINER)
        except ApiError as error:
            raise LaunchError(f"the network relay cannot be reached in the pod {RELAY}: {error}") from error

    async def write(self, line: bytes) -> None:
        if self._stream is not None and not self._stream.connected:
            await self._detach(self._stream)
        if (stream := await self._attached()) is not None:
            self._unanswered = line
            await stream.write(line)

    async def read(self) -> bytes:
        while (stream := await self._attached()) is not None:
            if line := await stream.read():
                self._unanswered = None
                return line
            await self._detach(stream)
            if self._unanswered is not None and (stream := await self._attached()) is not None:
                await stream.write(self._unanswered)
        return b""

    async def ended(self) -> str:
        return await asyncio.shield(self._gone)

    async def close(self, *, grace: float = 0.0) -> None:
        """End the relay with its pod. Its last evidence comes with the end."""
        if not self._gone.done():
            with suppress(ApiError, TimeoutError):  # whatever is left goes with the namespace
                await exec_in_pod(
                    self._api, self._namespace, RELAY, _TERMINATE, container=CONTAINER, timeout=_END_SECONDS
                )
                async with asyncio.timeout(_END_SECONDS):
                    await self.ended()
        if self._stream is not None:
            await self._detach(self._stream)
        if not self._gone.done():
            self._gone.set_result("left to the removal of its pod")

    async def _attached(self) -> PodChannel | None:
        """Return a stream to the relay; None once its pod has gone. Waits while the API server is away."""
        async with self._attaching:
            while self._stream is None and not self._gone.done():
                try:
                    self._stream = await attach_to_pod(self._api, self._namespace, RELAY, container=CONTAINER)
                except ApiError as error:
                    _log.debug("the relay cannot be reached at the moment: %s", error)
                    await asyncio.sleep(_RETRY_SECONDS)
            return self._stream

    async def _detach(self, stream: PodChannel) -> None:
        if self._stream is stream:
            self._stream = None
        await stream.close()

    def _note_gone(self, reason: str) -> None:
        if not self._gone.done():
            self._gone.set_result(reason)


def pod_relay(
    nodes: Mapping[str, NodeSockets],
    *,
    api: KubernetesApi,
    namespace: str,
    pods: PodWatch,
    hosts: Mapping[str, NodeHost],
    evidence: Path,
    seed: int,
    rng: Random,
) -> RelayClient:
    """Make the client of the relay's pod, which runs.

    Args:
        hosts: the nodes' places, by name; nodes that join are added to it.
    """

    async def connect() -> LineChannel:
        channel = RelayPodChannel(api, namespace, pods)
        await channel.attach()
        return channel

    return RelayClient(
        nodes,
        host=pods.address(RELAY),
        connect=connect,
        probes=probes_beside(hosts),
        evidence=str(evidence),
        seed=seed,
        same_clock=False,
        rng=rng,
    )
