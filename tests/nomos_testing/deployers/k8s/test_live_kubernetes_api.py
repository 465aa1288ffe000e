"""The client of the Kubernetes API and its streams on a real cluster, with a pod that lives as long as the test."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from nomos_testing.deployers.k8s.api_errors import ApiError, ClusterUnavailable
from nomos_testing.deployers.k8s.kubernetes_api import KubernetesApi
from nomos_testing.deployers.k8s.pod_streams import PortForward, attach_to_pod, exec_in_pod, open_in_pod
from nomos_testing.waiting.waiting import Seen, wait_until
from support.processes.node_image import IMAGE

pytestmark = [pytest.mark.kubernetes, pytest.mark.slow, pytest.mark.timeout(600)]

POD = "pod"
STARTS = 120.0
ENDS = 60.0
MEGABYTES = 10_000_000
ECHO = "import sys\nfor line in sys.stdin: print('echo', line.strip(), flush=True)"
_NO_IMAGE = {"ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull"}


@asynccontextmanager
async def namespace_on_cluster() -> AsyncIterator[tuple[KubernetesApi, str]]:
    """A namespace that is deleted after the test, or a skip if no cluster answers."""
    try:
        api = await KubernetesApi.connect(os.environ)
    except (ClusterUnavailable, ApiError) as error:
        pytest.skip(f"no Kubernetes cluster: {error}")
    name = f"api-{uuid.uuid4()}"
    try:
        await api.create("/api/v1/namespaces", {"metadata": {"name": name, "labels": {"test": "api"}}})
        try:
            yield api, name
        finally:
            await api.delete(f"/api/v1/namespaces/{name}")
    finally:
        await api.close()


@asynccontextmanager
async def pod_on_cluster() -> AsyncIterator[tuple[KubernetesApi, str]]:
    """A pod that echoes its standard input and serves its files at port 8000."""
    async with namespace_on_cluster() as (api, namespace):
        await make_pod(api, namespace)
        await running(api, namespace)
        yield api, namespace


async def make_pod(api: KubernetesApi, namespace: str) -> None:
    account = f"/api/v1/namespaces/{namespace}/serviceaccounts"
    async with asyncio.timeout(STARTS):
        async for event in api.watch(account):  # a pod is refused before its account exists
            if event.object["metadata"]["name"] == "default":
                break
    common = {"image": IMAGE, "imagePullPolicy": "IfNotPresent"}
    echo = common | {"name": "echo", "stdin": True, "command": ["python3", "-u", "-c", ECHO]}
    web = common | {"name": "web", "command": ["python3", "-u", "-m", "http.server", "8000"]}
    spec = {"restartPolicy": "Never", "terminationGracePeriodSeconds": 0, "containers": [echo, web]}
    path = f"/api/v1/namespaces/{namespace}/pods"
    await api.create(path, {"metadata": {"name": POD, "labels": {"test": "api"}}, "spec": spec})


async def running(api: KubernetesApi, namespace: str) -> None:
    last: Any = None
    try:
        async with asyncio.timeout(STARTS):
            async for event in api.watch(f"/api/v1/namespaces/{namespace}/pods"):
                last = event.object["status"]
                containers = last.get("containerStatuses", [])
                reasons = {status["state"].get("waiting", {}).get("reason") for status in containers}
                if reasons & _NO_IMAGE:
                    pytest.skip(f"the cluster does not have the image {IMAGE}")
                if containers and all("running" in status["state"] for status in containers):
                    return
    except TimeoutError:
        pytest.fail(f"the pod does not run: {last}")


async def test_commands_get_input_and_give_output_and_exit_code() -> None:
    async with pod_on_cluster() as (api, namespace):
        every_byte = bytes(range(256))
        script = "cat; printf 'to stderr' >&2; exit 3"
        result = await exec_in_pod(
            api, namespace, POD, ["sh", "-c", script], container="echo", stdin=every_byte, timeout=ENDS
        )
        assert (result.stdout, result.stderr, result.exit_code) == (every_byte, b"to stderr", 3)
        large = every_byte * (MEGABYTES // 256)
        result = await exec_in_pod(api, namespace, POD, ["cat"], container="echo", stdin=large, timeout=ENDS)
        assert (result.stdout == large, result.exit_code) == (True, 0)
        with pytest.raises(ApiError, match=r"nonesuch in pod pod: .*not found"):
            await exec_in_pod(api, namespace, POD, ["nonesuch"], container="echo", timeout=ENDS)
        with pytest.raises(ApiError, match=r"400 BadRequest: container nonesuch is not valid for pod pod"):
            await exec_in_pod(api, namespace, POD, ["true"], container="nonesuch", timeout=ENDS)


async def test_channels_carry_long_lines_both_ways() -> None:
    async with pod_on_cluster() as (api, namespace), asyncio.timeout(ENDS):
        channel = await open_in_pod(api, namespace, POD, ["python3", "-u", "-c", ECHO], container="echo")
        for line in (b"one", b"x" * MEGABYTES, b"three"):
            await channel.write(line)
            assert await channel.read() == b"echo " + line + b"\n"
        await channel.close(grace=ENDS)
        assert await channel.ended() == "exit code 0"
        channel = await open_in_pod(api, namespace, POD, ["sh", "-c", "echo oops >&2; exit 7"], container="echo")
        assert await channel.read() == b""
        assert await channel.ended() == "exit code 7: oops"
        await channel.close()


async def test_an_attached_channel_reaches_the_program_of_the_container() -> None:
    async with pod_on_cluster() as (api, namespace), asyncio.timeout(ENDS):
        for word in (b"one", b"two"):
            channel = await attach_to_pod(api, namespace, POD, container="echo")
            await channel.write(word)
            assert await channel.read() == b"echo " + word + b"\n"
            if word == b"two":
                # The first channel must not have ended the program.
                assert channel.connected
            await channel.close()


async def test_a_forward_and_the_proxy_lead_to_a_server_in_the_pod() -> None:
    async with pod_on_cluster() as (api, namespace), asyncio.timeout(ENDS):
        proxy = api.proxy_url(namespace, POD, 8000)

        async def look() -> Seen:
            return Seen(await serves(api.session, proxy), proxy)

        await wait_until("the server in the pod, through the proxy", look, timeout=ENDS)
        forward = await PortForward.open(api, namespace, POD, 8000)
        try:
            async with aiohttp.ClientSession() as session:
                for _ in range(3):
                    assert await serves(session, f"http://127.0.0.1:{forward.local_port}")
        finally:
            await forward.close()


async def serves(session: aiohttp.ClientSession, url: str) -> bool:
    async with session.get(f"{url}/") as answer:
        return answer.status == 200 and "Directory listing" in await answer.text()


async def test_a_log_is_followed_to_the_end_of_the_pod() -> None:
    async with pod_on_cluster() as (api, namespace), asyncio.timeout(ENDS):
        path = f"/api/v1/namespaces/{namespace}/pods/{POD}"
        lines: asyncio.Queue[bytes | None] = asyncio.Queue()

        async def follow() -> None:
            try:
                async for line in api.lines(f"{path}/log", container="echo", follow="true"):
                    await lines.put(line)
            finally:
                await lines.put(None)

        following = asyncio.create_task(follow())
        try:
            channel = await attach_to_pod(api, namespace, POD, container="echo")
            await channel.write(b"one")
            assert await lines.get() == b"echo one"
            await channel.write(b"two")
            assert await lines.get() == b"echo two"
            await channel.close()
            await api.delete(path, grace=0)
            assert await lines.get() is None
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)


async def test_a_watch_tells_of_the_life_of_a_pod() -> None:
    async with namespace_on_cluster() as (api, namespace), asyncio.timeout(STARTS):
        collection = f"/api/v1/namespaces/{namespace}/pods"
        seen: list[str] = []
        await make_pod(api, namespace)
        async for event in api.watch(collection, label_selector="test=api"):
            seen.append(event.kind)
            status = event.object["status"]
            if status.get("phase") == "Running" and "deletionTimestamp" not in event.object["metadata"]:
                await api.delete_all(collection, label_selector="test=api", grace=0)
            if event.kind == "DELETED":
                break
        assert seen[0] == "ADDED"
        assert seen[-1] == "DELETED"
        await api.delete(f"{collection}/{POD}")
