"""A real cluster: names are resolved, node ports answer, and one that ends leaves nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
from kubernetes_asyncio import client, config

from nomos_testing.waiting.waiting import Seen, wait_until
from support.processes.kubernetes_cluster import OWN, TEST_CLUSTER, ClusterUnderTest, require_cluster

pytestmark = [pytest.mark.kubernetes, pytest.mark.slow, pytest.mark.timeout(600)]

SERVE = ["python3", "-m", "http.server", "8000", "--directory", "/etc"]
ASK = """
import time, urllib.request
while True:
    try:
        print(urllib.request.urlopen("http://web/hostname", timeout=5).read().decode())
        break
    except OSError as error:
        print(error, flush=True)
        time.sleep(0.2)
"""


@pytest.fixture(scope="module")
def cluster() -> ClusterUnderTest:
    return require_cluster()


@pytest.fixture
async def core(cluster: ClusterUnderTest) -> AsyncIterator[client.CoreV1Api]:
    settings = client.Configuration()
    await config.load_kube_config(cluster.kubeconfig, client_configuration=settings)
    async with client.ApiClient(settings) as api:
        yield client.CoreV1Api(api)


@pytest.fixture
async def namespace(core: client.CoreV1Api) -> AsyncIterator[str]:
    name = f"cluster-test-{uuid4().hex[:8]}"
    await core.create_namespace({"metadata": {"name": name}})
    try:
        yield name
    finally:
        await core.delete_namespace(name)


def _pod(name: str, image: str, command: list[str]) -> dict[str, Any]:
    container = {"name": "main", "image": image, "imagePullPolicy": "IfNotPresent", "command": command}
    spec = {"restartPolicy": "Never", "terminationGracePeriodSeconds": 0, "containers": [container]}
    return {"metadata": {"name": name, "labels": {"app": name}}, "spec": spec}


async def test_pods_find_a_service_by_name_and_its_node_port_answers(
    cluster: ClusterUnderTest, core: client.CoreV1Api, namespace: str
) -> None:
    image = cluster.load_node_image()
    await core.create_namespaced_pod(namespace, _pod("web", image, SERVE))
    port = {"port": 80, "targetPort": 8000}
    service = {"metadata": {"name": "web"}, "spec": {"type": "NodePort", "selector": {"app": "web"}, "ports": [port]}}
    made = await core.create_namespaced_service(namespace, service)
    await core.create_namespaced_pod(namespace, _pod("ask", image, ["python3", "-c", ASK]))

    async def asked() -> Seen:
        status = (await core.read_namespaced_pod("ask", namespace)).status
        return Seen(status.phase == "Succeeded", str(status))

    await wait_until("the pod that asks the service by its name", asked, timeout=90)
    assert await core.read_namespaced_pod_log("ask", namespace) != ""
    if cluster.context != OWN:
        return

    async def answered() -> Seen:
        async with aiohttp.ClientSession() as session:
            try:
                url = f"http://127.0.0.1:{made.spec.ports[0].node_port}/hostname"
                async with session.get(url, timeout=aiohttp.ClientTimeout(5)) as response:
                    return Seen(response.status == 200, str(response.status))
            except (aiohttp.ClientError, TimeoutError) as error:
                return Seen(False, repr(error))

    await wait_until("an answer at the node port", answered, timeout=30)


async def test_pods_run_on_while_no_api_server_answers(
    cluster: ClusterUnderTest, core: client.CoreV1Api, namespace: str
) -> None:
    image = cluster.load_node_image()
    await core.create_namespaced_pod(namespace, _pod("web", image, SERVE))

    async def runs() -> Seen:
        status = (await core.read_namespaced_pod("web", namespace)).status
        return Seen(status.phase == "Running", str(status))

    await wait_until("the pod", runs, timeout=90)
    address = (await core.read_namespaced_pod("web", namespace)).status.pod_ip
    with cluster.without_api_server():
        with pytest.raises(aiohttp.ClientError):
            await core.list_namespace()
        async with aiohttp.ClientSession() as session, session.get(f"http://{address}:8000/hostname") as response:
            assert response.status == 200
    assert (await runs()).fulfilled


INSIDE = """
set -e
mount -t tmpfs none /run
ip link set lo up
iptables -A INPUT -s 10.9.9.9 -j DROP
state() {{ iptables-save -t filter; iptables-save -t nat; ip -brief link; ip route; cat /proc/mounts; }}
kernel() {{ cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv4/conf/all/route_localnet; }}
iptables -t nat -S >/dev/null
state | grep -v '^#' >{here}/before
kernel >{here}/kernel-before
{script} up
{script} up
{script} status
$NOMOS_TEST_CLUSTER_STATE/bin/kubectl get node node
! {script} load no-such-image:here
kill -KILL $(cut -d' ' -f1 $NOMOS_TEST_CLUSTER_STATE/pids/containerd)
! {script} status
{script} down
{script} down
test ! -e $NOMOS_TEST_CLUSTER_STATE
state | grep -v '^#' | diff {here}/before -
kernel | diff {here}/kernel-before -
"""


def test_one_that_ends_leaves_nothing(cluster: ClusterUnderTest, tmp_path: Path) -> None:
    """In a network and with mounts of its own, where the cluster of this machine is not in sight."""
    if cluster.context != OWN or os.geteuid() or not shutil.which("unshare"):
        pytest.skip("takes root, and a machine that runs a disposable cluster")
    name = f"nomos-test-cluster-{uuid4().hex[:8]}"
    state = Path("/tmp", name)  # short: the path of a socket is at most 108 bytes
    environment = {**os.environ, "NOMOS_TEST_CLUSTER_STATE": str(state)}
    environment.pop("KUBECONFIG", None)
    done = subprocess.run(
        ["unshare", "--net", "--mount", "bash", "-c", INSIDE.format(script=TEST_CLUSTER, here=tmp_path)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "containerd               does not run" in done.stdout
    assert not list(Path("/sys/fs/cgroup").glob(f"**/{name}"))
    running = [process.name for process in Path("/proc").glob("[0-9]*") if name in _command_line(process)]
    assert running == []


def _command_line(process: Path) -> str:
    try:
        return (process / "cmdline").read_text()
    except OSError:
        return ""
