"""Pods that can't run on a real cluster, whatever its version: the reason is found."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import pytest

from nomos_testing.deployers.k8s.pod_problems import PodProblem, pod_problem
from support.processes.cluster_client import ClusterClient, administrator, namespace

pytestmark = [pytest.mark.kubernetes, pytest.mark.slow, pytest.mark.timeout(600)]

_SECONDS: Final = 180.0
"""By then, each problem must be known to be final, also on a busy machine. An idle one needs 20 s."""
_IMAGE: Final = "nomos-testing-diagnosis:absent"
_MISSING: Final = "/nomos-testing-diagnosis/absent"


def _pod(name: str, container: Mapping[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    node = {"name": "node", "image": _IMAGE, "imagePullPolicy": "Never", **(container or {})}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"restartPolicy": "Never", "automountServiceAccountToken": False, "containers": [node], **spec},
    }


def _with_volume(name: str, source: Mapping[str, Any]) -> dict[str, Any]:
    mount = {"volumeMounts": [{"name": "kzg", "mountPath": "/kzg"}]}
    return _pod(name, mount, volumes=[{"name": "kzg", **source}])


_SITUATIONS: Final = (
    (_pod("image"), f"cannot start: the image {_IMAGE} is not in the cluster (ErrImageNeverPull)"),
    (_pod("image-name", {"image": "Not A Name"}), 'cannot start: "Not A Name" is no name of an image'),
    (
        _with_volume("host-path", {"hostPath": {"path": _MISSING, "type": "Directory"}}),
        "cannot start: the KZG parameters are not on the machine ",
    ),
    (
        _with_volume("config-map", {"configMap": {"name": "absent"}}),
        "cannot start: its volume lacks the configmap absent",
    ),
    (_pod("selector", nodeSelector={"nomos-testing-diagnosis": "absent"}), "cannot start: no machine fits: "),
    (
        _pod("too-much-cpu", {"resources": {"requests": {"cpu": "100k"}}}),
        "cannot start: no machine fits: ",
    ),
)


async def _final_problem(account: ClusterClient, place: str, name: str) -> PodProblem:
    """Look at a pod until its problem is final."""
    clock = asyncio.get_running_loop()
    began, problem = clock.time(), None
    try:
        async with asyncio.timeout(_SECONDS):
            while problem is None or not problem.final:
                await asyncio.sleep(0.5)
                pod = await account.get(f"/api/v1/namespaces/{place}/pods/{name}")
                events = (await account.get(f"/api/v1/namespaces/{place}/events"))["items"]
                problem = pod_problem(pod, events, waited=clock.time() - began)
    except TimeoutError:
        pytest.fail(f"the problem of the pod {name} was not final in {_SECONDS:g} s: {problem}")
    return problem


async def test_the_problem_of_each_pod_that_can_not_run_becomes_final() -> None:
    async with administrator() as admin, namespace(admin, prefix="diagnosis") as place:
        pods = f"/api/v1/namespaces/{place}/pods"
        await asyncio.gather(*(admin.create(pods, pod) for pod, _ in _SITUATIONS))
        names = [pod["metadata"]["name"] for pod, _ in _SITUATIONS]
        problems = await asyncio.gather(*(_final_problem(admin, place, name) for name in names))
    for problem, name, (_, begins) in zip(problems, names, _SITUATIONS, strict=True):
        assert problem.what.startswith(f"its pod {name} {begins}")
        assert problem.remedy
