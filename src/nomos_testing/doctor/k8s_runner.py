"""Checks of runs on a Kubernetes cluster. The API server is asked; nothing is made there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from importlib.util import find_spec

from nomos_testing.deployers.k8s.api_errors import ApiError, ClusterUnavailable
from nomos_testing.deployers.k8s.kubernetes_api import KubernetesApi
from nomos_testing.deployers.k8s.permissions import permission_review
from nomos_testing.deployers.k8s.preflight import Machine, find_prometheus, known_machines
from nomos_testing.deployers.shared.errors import Problem
from nomos_testing.doctor.checks import K8S, Check, limited, missing, ok
from nomos_testing.observability.images import PUBLIC_PROMETHEUS
from nomos_testing.settings import Settings

_CONNECT_SECONDS = 10.0


async def check_k8s(settings: Settings, environ: Mapping[str, str]) -> AsyncIterator[Check]:
    """Check what runs on a cluster need."""
    if find_spec("kubernetes_asyncio") is None:
        return  # the check of packages has said so
    try:
        api = await KubernetesApi.connect(environ, context=settings.k8s_context, timeout=_CONNECT_SECONDS)
    except (ApiError, ClusterUnavailable) as error:
        what, _, remedy = str(error).partition("\n  -> ")
        usual = "let KUBECONFIG name a kubeconfig of a cluster that answers; `kubectl version` must work"
        yield missing("cluster", Problem(what, remedy or usual), K8S)
        return
    try:
        yield ok("cluster", api.server, K8S)
        async for check in _check_cluster(api, settings):
            yield check
    except ApiError as error:
        yield missing("cluster", Problem(str(error), "see what `kubectl get nodes` says"), K8S)
    finally:
        await api.close()


async def _check_cluster(api: KubernetesApi, settings: Settings) -> AsyncIterator[Check]:
    namespace = settings.k8s_namespace
    review = await permission_review(api, namespace=namespace)
    for problem in review.needed:
        yield missing("permissions", problem, K8S)
    for problem in review.optional:
        yield limited("permissions", problem, K8S)
    if not review.needed and not review.optional:
        yield ok("permissions", f"all, in {namespace or 'namespaces of the runs'}", K8S)
    if namespace is not None:
        yield await _namespace(api, namespace)
    machines = await known_machines(api)
    if machines:
        yield _ready(machines)
        yield _prometheus(machines)


async def _namespace(api: KubernetesApi, name: str) -> Check:
    if await api.find(f"/api/v1/namespaces/{name}") is not None:
        return ok("namespace", name, K8S)
    remedy = f"make it: kubectl create namespace {name}; or unset K8S_NAMESPACE to have one made for each run"
    return missing("namespace", Problem(f"K8S_NAMESPACE={name}: there is no such namespace", remedy), K8S)


def _ready(machines: Sequence[Machine]) -> Check:
    ready = [machine["metadata"]["name"] for machine in machines if _is_ready(machine)]
    if ready:
        return ok("machines of the cluster", f"{len(ready)} of {len(machines)} ready: {', '.join(ready[:5])}", K8S)
    problem = Problem(f"none of {len(machines)} is ready", "see what `kubectl describe nodes` says")
    return missing("machines of the cluster", problem, K8S)


def _is_ready(machine: Machine) -> bool:
    conditions = machine["status"].get("conditions", ())
    return any(each.get("type") == "Ready" and each.get("status") == "True" for each in conditions)


def _prometheus(machines: Sequence[Machine]) -> Check:
    image, what = find_prometheus(machines), "image of Prometheus, for metrics"
    if image is not None:
        return ok(what, image.name, K8S)
    remedy = f"load {PUBLIC_PROMETHEUS} into the machines; a run without it has no metrics"
    return limited(what, Problem("no machine of the cluster has one", remedy), K8S)
