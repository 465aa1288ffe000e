"""How this process reaches the HTTP servers of pods: NodePort, else the API server's proxy, else port-forward.

Inside the cluster it is the pod's own address. The first question to cfgsync finds out which way there is.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import aiohttp

from nomos_testing.client.transport import Transport
from nomos_testing.deployers.k8s.api_errors import ApiError
from nomos_testing.deployers.k8s.api_proxy import ApiProxyTransport
from nomos_testing.deployers.k8s.kubernetes_api import KubernetesApi
from nomos_testing.deployers.k8s.pod_streams import PortForward
from nomos_testing.deployers.shared.errors import DeployError
from nomos_testing.surroundings import monotonic
from nomos_testing.waiting.waiting import Seen, WaitTimeout, wait_until

_ASK_SECONDS: Final = 2.0
_HEAD_START_SECONDS: Final = 4.0
"""Time that NodePorts get once the server is known to run. Their rules come a moment after the pod."""
_LOOPBACK: Final = "127.0.0.1"

_log = logging.getLogger(__name__)


class Route(Protocol):
    """A way to the HTTP servers of pods."""

    name: str
    """For people: ``NodePorts of 127.0.0.1``."""

    async def url(self, pod: str, address: str, port: int, node_port: int) -> str:
        """Return the base URL of a server.

        Args:
            address: the pod's.
            port: in the pod.
            node_port: of its service.
        """
        ...

    def transport(self) -> Transport | None:
        """Return the transport of a client; None: plain HTTP."""
        ...

    async def close(self) -> None:
        """Close what was opened for it. Idempotent."""
        ...


class PlainRoute:
    """The base of routes that take plain HTTP and open nothing."""

    def transport(self) -> Transport | None:
        return None

    async def close(self) -> None:
        """Do nothing: nothing is open."""


class PodAddresses(PlainRoute):
    """A ``Route`` inside the cluster."""

    name = "the pods' own addresses"

    async def url(self, pod: str, address: str, port: int, node_port: int) -> str:
        return f"http://{address}:{port}"


class NodePorts(PlainRoute):
    """A ``Route`` by way of a machine of the cluster."""

    def __init__(self, host: str) -> None:
        self.name = f"NodePorts of {host}"
        self._host = host

    async def url(self, pod: str, address: str, port: int, node_port: int) -> str:
        return f"http://{self._host}:{node_port}"


class ApiProxy(PlainRoute):
    """A ``Route`` through the API server."""

    name = "the API server's pod proxy"

    def __init__(self, api: KubernetesApi, namespace: str) -> None:
        self._api = api
        self._namespace = namespace

    async def url(self, pod: str, address: str, port: int, node_port: int) -> str:
        return self._api.proxy_url(self._namespace, pod, port)

    def transport(self) -> Transport | None:
        return ApiProxyTransport(self._api)


class Forwards(PlainRoute):
    """A ``Route`` by port-forward. Each connection is forwarded by itself, so that none outlives a broken one."""

    name = "port-forward"

    def __init__(self, api: KubernetesApi, namespace: str) -> None:
        self._api = api
        self._namespace = namespace
        self._open: dict[tuple[str, int], PortForward] = {}

    async def url(self, pod: str, address: str, port: int, node_port: int) -> str:
        if (pod, port) not in self._open:
            self._open[pod, port] = await PortForward.open(self._api, self._namespace, pod, port)
        return f"http://{_LOOPBACK}:{self._open[pod, port].local_port}"

    async def close(self) -> None:
        opened, self._open = list(self._open.values()), {}
        await asyncio.gather(*(forward.close() for forward in opened))


def node_port_hosts(api: KubernetesApi, pod: Mapping[str, Any], named: str | None) -> list[str]:
    """Return the hosts whose NodePorts may be reachable, the likeliest first: the one that the user names, or all."""
    if named is not None:
        return [named]
    server = urlsplit(api.server).hostname or _LOOPBACK
    hosts = (_LOOPBACK, pod["status"].get("hostIP", server), server)
    return list(dict.fromkeys(hosts))


class RouteFinder:
    """Finds the way to pods by asking a server that runs in one of them."""

    def __init__(self, api: KubernetesApi, namespace: str, hosts: Sequence[str]) -> None:
        self._api = api
        self._hosts = hosts
        self._proxy = ApiProxy(api, namespace)
        self._forwards = Forwards(api, namespace)
        self._proxy_since: float | None = None

    async def find(self, pod: str, address: str, port: int, node_port: int, *, timeout: float, poll: float) -> Route:
        """Return the best way that the server answers on.

        Raises:
            DeployError: there is none.
        """
        if self._api.in_cluster:
            return PodAddresses()
        found: list[Route] = []

        async def look() -> Seen:
            if (route := await self._answering(pod, address, port, node_port)) is not None:
                found.append(route)
            return Seen(bool(found), found[0].name if found else f"nothing answers at {self._tried(node_port)}")

        try:
            await wait_until(f"a way to the pod {pod}", look, timeout=timeout, poll=poll)
        except WaitTimeout as error:
            if await _answers(lambda: self._forwards.url(pod, address, port, node_port)):
                return self._forwards
            await self._forwards.close()
            raise DeployError(
                f"no way to the pods of the cluster: {error.last_seen}, and neither the API server's pod proxy nor "
                "port-forward works\n  -> name a reachable machine with K8S_RUNNER_NODE_HOST, or grant pods/proxy "
                "(deploy/k8s/rbac.yaml), or run inside the cluster with --in-cluster"
            ) from None
        return found[0]

    async def _answering(self, pod: str, address: str, port: int, node_port: int) -> Route | None:
        routes = [NodePorts(host) for host in self._hosts]
        answers = await asyncio.gather(*(_reached(route, pod, address, port, node_port) for route in routes))
        for route, answered in zip(routes, answers, strict=True):
            if answered:
                return route
        url = await self._proxy.url(pod, address, port, node_port)
        if await ApiProxyTransport(self._api).answers(url):
            self._proxy_since = monotonic() if self._proxy_since is None else self._proxy_since
            if monotonic() - self._proxy_since >= _HEAD_START_SECONDS:
                return self._proxy
        return None

    def _tried(self, node_port: int) -> str:
        return ", ".join(f"{host}:{node_port}" for host in self._hosts)


async def _reached(route: Route, pod: str, address: str, port: int, node_port: int) -> bool:
    return await _answers(lambda: route.url(pod, address, port, node_port))


async def _answers(url: Callable[[], Awaitable[str]]) -> bool:
    """Tell whether an HTTP server answers. Any status will do: cfgsync knows no page at its root."""
    limit = aiohttp.ClientTimeout(total=_ASK_SECONDS)
    with suppress(aiohttp.ClientError, TimeoutError, OSError, ApiError):
        async with aiohttp.ClientSession(timeout=limit) as session, session.get(await url()) as answer:
            _log.debug("%s answers with %d", answer.url, answer.status)
            return True
    return False
