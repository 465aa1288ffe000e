"""The manifests of a run's network, as plain data: what the runner sends to the API and what ``--export`` writes."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Final

from nomos_testing.cluster.roles import Role
from nomos_testing.deployers.k8s.plan import EXPIRES_ANNOTATION, NODE_LABEL, RUN_ID_ANNOTATION, NetworkPlan, NodePod
from nomos_testing.deployers.k8s.pod_supervisor import HOLD
from nomos_testing.deployers.k8s.supervisor_client import SUPERVISOR
from nomos_testing.deployers.shared.clock import CLOCK_LIBRARY, clock_environment
from nomos_testing.deployers.shared.container_configuration import NODE_DIRECTORY
from nomos_testing.deployers.shared.reaper_client import RUN_LABEL

Manifest = dict[str, Any]

HEADLESS_SERVICE: Final = "nomos"
"""Gives every node's pod a name in DNS: ``nomos-validator-0.nomos``."""
CFGSYNC: Final = "nomos-cfgsync"
RELAY: Final = "nomos-relay"
PROMETHEUS: Final = "prometheus"
SCRIPTS: Final = "nomos-scripts"
CLOCK: Final = "nomos-clock"
CONTAINER: Final = "node"
"""Name of the container in every pod."""
CLOCK_FILE: Final = "/clock/offset"
PROMETHEUS_PORT: Final = 9090
RELAY_LOG: Final = "/dev/stderr"
_CLOCK_LIBRARY_PATH: Final = f"/etc/nomos/clock/{CLOCK_LIBRARY}"
_KZG_DIRECTORY: Final = "/kzgrs_test_params"
_KZG_NAME: Final = "kzgrs_test_params"
_SCRIPT_MODE: Final = 0o755
_USER: Final = 10001
"""The image's user. Pod Security asks for its number."""
_NOBODY: Final = 65534
_TERMINATION_SECONDS: Final = 1
_ENTRY_POINTS: Final = {Role.VALIDATOR: "run_nomos_node.sh", Role.EXECUTOR: "run_nomos_executor.sh"}


def namespace(plan: NetworkPlan) -> Manifest:
    annotations = {RUN_ID_ANNOTATION: plan.run_id, **plan.marks}
    if plan.expires is not None:
        annotations[EXPIRES_ANNOTATION] = plan.expires.isoformat(timespec="seconds")
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": plan.namespace, "labels": run_labels(plan.release), "annotations": annotations},
    }


def config_maps(plan: NetworkPlan) -> list[Manifest]:
    """Return everything that pods mount, but the configuration of cfgsync."""
    maps = [_config_map(plan, SCRIPTS, data=dict(plan.scripts))]
    if plan.clock_library is not None:
        content = base64.b64encode(plan.clock_library).decode()
        maps.append(_config_map(plan, CLOCK, binaryData={CLOCK_LIBRARY: content}))
    if plan.prometheus is not None:
        maps.append(_config_map(plan, PROMETHEUS, data=prometheus_files(plan)))
    return maps


def prometheus_files(plan: NetworkPlan) -> dict[str, str]:
    """Return the files of Prometheus: its configuration, and the nodes that it scrapes if they do not push."""
    assert plan.prometheus is not None
    addresses = {node.name: f"{node.pod}:{node.ports.api}" for node in plan.nodes}
    return {
        "prometheus.yml": plan.prometheus_config,
        "nodes.json": plan.prometheus.scrape_targets(addresses) or "[]\n",
    }


def cfgsync_config_map(plan: NetworkPlan, text: str) -> Manifest:
    """Return the ConfigMap with the text of ``cfgsync.yaml``."""
    return _config_map(plan, CFGSYNC, data={"cfgsync.yaml": text})


def services(plan: NetworkPlan) -> list[Manifest]:
    """Return the services of all pods: one without an address for names, and a NodePort for each that is asked."""
    headless = {"clusterIP": "None", "selector": {RUN_LABEL: plan.release}, "publishNotReadyAddresses": True}
    found = [
        _object(plan, "Service", HEADLESS_SERVICE, spec=headless),
        _node_port(plan, CFGSYNC, {"http": plan.cfgsync_port}, selector=_component(plan, "cfgsync")),
        *(node_service(plan, node) for node in plan.nodes),
    ]
    if plan.prometheus is not None:
        found.append(_node_port(plan, PROMETHEUS, {"http": PROMETHEUS_PORT}, selector=_component(plan, "prometheus")))
    return found


def node_service(plan: NetworkPlan, node: NodePod) -> Manifest:
    ports = {"http": node.ports.api, "testing-http": node.ports.testing_http}
    return _node_port(plan, node.pod, ports, selector=_node_labels(plan, node), labels=_node_labels(plan, node))


def node_pod(plan: NetworkPlan, node: NodePod) -> Manifest:
    environment = {
        **plan.environment,
        "CFG_SERVER_ADDR": f"http://{CFGSYNC}:{plan.cfgsync_port}",
        "CFG_HOST_IDENTIFIER": node.name,
        "CFG_HOST_KIND": str(node.role),
        "CFG_NETWORK_PORT": str(node.ports.network),
        "CFG_DA_PORT": str(node.ports.da),
        "CFG_BLEND_PORT": str(node.ports.blend),
        "CFG_API_PORT": str(node.ports.api),
        "CFG_TESTING_HTTP_PORT": str(node.ports.testing_http),
        HOLD: "1" if plan.hold else "",
    }
    volumes: list[Manifest] = [_scripts_volume(), {"name": "data", "emptyDir": {}}]
    mounts: list[Manifest] = [_scripts_mount(), {"name": "data", "mountPath": NODE_DIRECTORY}]
    if plan.kzg is not None:
        volume, mount = _kzg(plan)
        volumes.append(volume)
        mounts.append(mount)
    if plan.clock_library is not None:
        environment |= clock_environment(_CLOCK_LIBRARY_PATH, CLOCK_FILE)
        volumes += [{"name": "clock-library", "configMap": {"name": CLOCK}}, {"name": "clock", "emptyDir": {}}]
        mounts += [
            {"name": "clock-library", "mountPath": "/etc/nomos/clock", "readOnly": True},
            {"name": "clock", "mountPath": "/clock"},
        ]
    container = {
        "name": CONTAINER,
        "image": plan.image,
        "imagePullPolicy": plan.pull_policy,
        "command": [*SUPERVISOR, f"/etc/nomos/scripts/{_ENTRY_POINTS[node.role]}"],
        "workingDir": NODE_DIRECTORY,
        "env": [*_env(environment), _pod_address("CFG_HOST_IP")],
        "ports": [
            {"name": "http", "containerPort": node.ports.api},
            {"name": "testing-http", "containerPort": node.ports.testing_http},
            *({"containerPort": port, "protocol": "UDP"} for port in node.ports.peering),
        ],
        "volumeMounts": mounts,
        "resources": _resources(plan),
        "securityContext": no_privileges(),
    }
    return _pod(plan, node.pod, container, labels=_node_labels(plan, node), volumes=volumes, spread=True)


def cfgsync_pod(plan: NetworkPlan) -> Manifest:
    container = {
        "command": ["cfgsync-server", "/etc/nomos/cfgsync/cfgsync.yaml"],
        "ports": [{"name": "http", "containerPort": plan.cfgsync_port}],
        "volumeMounts": [{"name": "cfgsync", "mountPath": "/etc/nomos/cfgsync", "readOnly": True}],
    }
    volumes = [{"name": "cfgsync", "configMap": {"name": CFGSYNC}}]
    return _auxiliary_pod(plan, CFGSYNC, "cfgsync", container, volumes)


def relay_pod(plan: NetworkPlan) -> Manifest:
    """Return the pod of the relay. Its standard input stays open for the runner, which attaches to it."""
    container = {"command": ["python3", "-m", "nomos_testing.relay", RELAY_LOG], "stdin": True}
    return _auxiliary_pod(plan, RELAY, "relay", container, [])


def prometheus_pod(plan: NetworkPlan) -> Manifest:
    assert plan.prometheus is not None
    container = {
        "image": plan.prometheus.name,
        "imagePullPolicy": "IfNotPresent",
        "args": list(plan.prometheus.arguments),
        "ports": [{"name": "http", "containerPort": PROMETHEUS_PORT}],
        "volumeMounts": [
            {"name": "config", "mountPath": "/etc/prometheus", "readOnly": True},
            {"name": "storage", "mountPath": "/prometheus"},
        ],
    }
    items = [{"key": "prometheus.yml", "path": "prometheus.yml"}, {"key": "nodes.json", "path": "targets/nodes.json"}]
    volumes = [
        {"name": "config", "configMap": {"name": PROMETHEUS, "items": items}},
        {"name": "storage", "emptyDir": {}},
    ]
    return _auxiliary_pod(plan, PROMETHEUS, "prometheus", container, volumes, user=_NOBODY)


def _auxiliary_pod(
    plan: NetworkPlan,
    name: str,
    component: str,
    container: Manifest,
    volumes: list[Manifest],
    *,
    user: int = _USER,
) -> Manifest:
    complete = {
        "name": CONTAINER,
        "image": plan.image,
        "imagePullPolicy": plan.pull_policy,
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}} | _limits(plan),
        "securityContext": no_privileges(),
        **container,
    }
    return _pod(plan, name, complete, labels=_component(plan, component), volumes=volumes, user=user)


def _pod(
    plan: NetworkPlan,
    name: str,
    container: Manifest,
    *,
    labels: Mapping[str, str],
    volumes: list[Manifest],
    spread: bool = False,
    user: int = _USER,
) -> Manifest:
    placement = plan.placement
    spec: Manifest = {
        "hostname": name,
        "subdomain": HEADLESS_SERVICE,
        # A pod that comes back by itself would escape the fault that ended it.
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": _TERMINATION_SECONDS,
        "automountServiceAccountToken": False,
        # The variables of services would have the names of the framework's own: NOMOS_CFGSYNC_PORT.
        "enableServiceLinks": False,
        "securityContext": pod_security(user),
        "containers": [container],
        "volumes": volumes,
    }
    if plan.lifetime is not None:
        spec["activeDeadlineSeconds"] = plan.lifetime
    if placement.service_account is not None:
        spec["serviceAccountName"] = placement.service_account
    if placement.node_selector:
        spec["nodeSelector"] = dict(placement.node_selector)
    if spread and placement.spread:
        spec["topologySpreadConstraints"] = [
            {
                "maxSkew": 1,
                "topologyKey": "kubernetes.io/hostname",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": {RUN_LABEL: plan.release, "app.kubernetes.io/component": "node"}},
            }
        ]
    return _object(plan, "Pod", name, labels=labels, spec=spec)


def _node_labels(plan: NetworkPlan, node: NodePod) -> dict[str, str]:
    return {
        **_component(plan, "node"),
        "app": f"nomos-{node.role}",
        NODE_LABEL: node.name,
        "nomos/logical-role": str(node.role),
        f"nomos/{node.role}-index": str(node.index),
    }


def _component(plan: NetworkPlan, component: str) -> dict[str, str]:
    return {RUN_LABEL: plan.release, "app.kubernetes.io/component": component}


def run_labels(release: str) -> dict[str, str]:
    """Return the labels of every object of a run."""
    return {
        RUN_LABEL: release,
        "app.kubernetes.io/name": "nomos-runner",
        "app.kubernetes.io/instance": release,
        "app.kubernetes.io/managed-by": "logos-blockchain-testing",
    }


def _object(
    plan: NetworkPlan, kind: str, name: str, *, labels: Mapping[str, str] | None = None, **content: Any
) -> Manifest:
    metadata: dict[str, Any] = {
        "name": name,
        "namespace": plan.namespace,
        "labels": {**run_labels(plan.release), **(labels or {})},
    }
    if plan.marks:
        metadata["annotations"] = dict(plan.marks)
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, **content}


def _config_map(plan: NetworkPlan, name: str, **content: Mapping[str, str]) -> Manifest:
    return _object(plan, "ConfigMap", name, **content)


def _node_port(
    plan: NetworkPlan,
    name: str,
    ports: Mapping[str, int],
    *,
    selector: Mapping[str, str],
    labels: Mapping[str, str] | None = None,
) -> Manifest:
    spec = {
        "type": "NodePort",
        "selector": dict(selector),
        "publishNotReadyAddresses": True,
        "ports": [{"name": port_name, "port": port, "targetPort": port} for port_name, port in ports.items()],
    }
    return _object(plan, "Service", name, labels=labels, spec=spec)


def _kzg(plan: NetworkPlan) -> tuple[Manifest, Manifest]:
    """Return the volume and the mount of the parameters: their directory if the file has the usual name."""
    assert plan.kzg is not None
    path = plan.kzg.path
    named_as_usual = path.name == _KZG_NAME
    host_path = (
        {"path": str(path.parent), "type": "Directory"} if named_as_usual else {"path": str(path), "type": "File"}
    )
    target = _KZG_DIRECTORY if named_as_usual else f"{_KZG_DIRECTORY}/{_KZG_NAME}"
    return {"name": "kzg", "hostPath": host_path}, {"name": "kzg", "mountPath": target, "readOnly": True}


def _scripts_volume() -> Manifest:
    return {"name": "scripts", "configMap": {"name": SCRIPTS, "defaultMode": _SCRIPT_MODE}}


def _scripts_mount() -> Manifest:
    return {"name": "scripts", "mountPath": "/etc/nomos/scripts", "readOnly": True}


def _env(environment: Mapping[str, str]) -> list[Manifest]:
    return [{"name": name, "value": value} for name, value in environment.items()]


def _pod_address(name: str) -> Manifest:
    return {"name": name, "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}


def _resources(plan: NetworkPlan) -> Manifest:
    return ({"requests": dict(plan.placement.requests)} if plan.placement.requests else {}) | _limits(plan)


def _limits(plan: NetworkPlan) -> Manifest:
    return {"limits": dict(plan.placement.limits)} if plan.placement.limits else {}


def pod_security(user: int = _USER) -> Manifest:
    """Return the security context of a pod. It fits the Pod Security standard "restricted"."""
    return {
        "runAsNonRoot": True,
        "runAsUser": user,
        "runAsGroup": user,
        "fsGroup": user,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def no_privileges() -> Manifest:
    """Return the security context of a container. It fits the Pod Security standard "restricted"."""
    return {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
