"""The text of a stack's compose file. People can read it, and start the stack again with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import yaml

from nomos_testing.cluster.roles import Role
from nomos_testing.deployers.compose.stack import CFGSYNC_PORT, Stack, StackNode
from nomos_testing.deployers.shared.clock import CLOCK_LIBRARY, clock_environment
from nomos_testing.deployers.shared.container_configuration import NODE_DIRECTORY
from nomos_testing.deployers.shared.reaper_client import RUN_LABEL
from nomos_testing.observability.images import PrometheusImage

COMPOSE_FILE_NAME: Final = "compose.generated.yml"
SECRETS_DIRECTORY: Final = "secrets"
"""In the workspace; see ``Workspace.write_secret``."""
CLOCK_DIRECTORY: Final = "/clocks"
_CLOCK_LIBRARY_PATH: Final = f"{CLOCK_DIRECTORY}/{CLOCK_LIBRARY}"
RELAY_REQUESTS: Final = "relay.jsonl"
"""File in the stack's directory: the first requests to the relay."""
RELAY_LOG: Final = "/relay.log"
PROMETHEUS_ADDRESS: Final = "prometheus:9090"
"""Within the stack."""
GRAFANA_PASSWORD: Final = "grafana_password"
"""The file among the workspace's secrets. Grafana's image reads it; no other file of the run has the password."""
_ENTRY_POINTS: Final = {Role.VALIDATOR: "run_nomos_node.sh", Role.EXECUTOR: "run_nomos_executor.sh"}


def rendered(stack: Stack) -> str:
    """Return the text of the compose file."""
    project = stack.name.project
    services: dict[str, Any] = {"cfgsync": _cfgsync(stack)}
    if stack.relay_log is not None:
        services["relay"] = _relay(stack)
    if stack.prometheus is not None:
        services["prometheus"] = _prometheus(stack, stack.prometheus)
    if stack.grafana_image is not None:
        services["grafana"] = _grafana(stack, stack.grafana_image)
    services |= {node.name: node_service(stack, node) for node in stack.nodes}
    header = (
        f"# A network of {len(stack.nodes)} nodes. Run it again from this directory:\n"
        f"#   docker compose -f {COMPOSE_FILE_NAME} -p {project} up -d\n"
        f"#   docker compose -f {COMPOSE_FILE_NAME} -p {project} down --volumes\n"
    )
    return header + _yaml({"services": services, "networks": {"default": _network(stack)}})


def node_service(stack: Stack, node: StackNode) -> dict[str, Any]:
    volumes = ["./stack:/etc/nomos:ro"]
    volumes += ["./kzgrs_test_params:/kzgrs_test_params:z"] if stack.kzg else []
    volumes += [f"./clocks:{CLOCK_DIRECTORY}:ro"] if stack.clocks else []
    volumes += [f"./logs/{node.name}:{stack.log_directory}"] if stack.log_directory else []
    return {
        **_container(stack, stack.name.container(node.name), node.address),
        "entrypoint": [f"/etc/nomos/scripts/{_ENTRY_POINTS[node.role]}"],
        "working_dir": NODE_DIRECTORY,
        "environment": {
            **stack.environment,
            "CFG_SERVER_ADDR": f"http://cfgsync:{CFGSYNC_PORT}",
            "CFG_HOST_IDENTIFIER": node.name,
            "CFG_NETWORK_PORT": str(node.ports.network),
            "CFG_DA_PORT": str(node.ports.da),
            "CFG_BLEND_PORT": str(node.ports.blend),
            "CFG_API_PORT": str(node.ports.api),
            "CFG_TESTING_HTTP_PORT": str(node.ports.testing_http),
            **(clock_environment(_CLOCK_LIBRARY_PATH, f"{CLOCK_DIRECTORY}/{node.name}") if stack.clocks else {}),
        },
        "volumes": volumes,
        "ports": [_published(stack, port) for port in (node.ports.api, node.ports.testing_http)],
        **({"extra_hosts": [stack.extra_host]} if stack.extra_host else {}),
    }


def _cfgsync(stack: Stack) -> dict[str, Any]:
    return {
        **_container(stack, stack.name.cfgsync, stack.network.cfgsync),
        "entrypoint": ["cfgsync-server", "/etc/nomos/cfgsync.yaml"],
        "volumes": ["./stack:/etc/nomos:ro"],
        "ports": [_published(stack, CFGSYNC_PORT)],
    }


def _relay(stack: Stack) -> dict[str, Any]:
    return {
        **_container(stack, stack.name.container("relay"), stack.network.relay),
        "entrypoint": ["python3", "-m", "nomos_testing.relay", RELAY_LOG, f"/etc/nomos/{RELAY_REQUESTS}"],
        "stdin_open": True,  # it ends with its input, through which the runner asks it
        "volumes": ["./stack:/etc/nomos:ro", f"{stack.relay_log}:{RELAY_LOG}"],
    }


def scrape_targets(stack: Stack) -> str | None:
    """Return the scrape targets of the stack's Prometheus; None: it scrapes nothing, or there is none."""
    addresses = {node.name: f"{node.name}:{node.ports.api}" for node in stack.nodes}
    return stack.prometheus.scrape_targets(addresses) if stack.prometheus is not None else None


def _prometheus(stack: Stack, image: PrometheusImage) -> dict[str, Any]:
    return {
        **_container(stack, stack.name.container("prometheus"), stack.network.prometheus),
        "image": image.name,
        "command": list(image.arguments),
        "volumes": [
            "./stack/monitoring/prometheus.yml:/etc/prometheus/prometheus.yml:z",
            "./stack/monitoring/targets:/etc/prometheus/targets:z",
        ],
        "ports": [f"{stack.bind_address}:{stack.prometheus_port}:9090"],
        "restart": "on-failure",
    }


def _grafana(stack: Stack, image: str) -> dict[str, Any]:
    volumes = ["./stack/monitoring/grafana:/etc/grafana/provisioning:z"]
    password = {"GF_SECURITY_ADMIN_PASSWORD": "admin"}
    if stack.grafana_password is not None:
        inside = f"/run/secrets/{GRAFANA_PASSWORD}"
        volumes.append(f"./{SECRETS_DIRECTORY}/{GRAFANA_PASSWORD}:{inside}:ro")
        password = {"GF_SECURITY_ADMIN_PASSWORD__FILE": inside}
    return {
        **_container(stack, stack.name.container("grafana"), stack.network.grafana),
        "image": image,
        "environment": {"GF_SECURITY_ADMIN_USER": "admin", **password},
        "volumes": volumes,
        "ports": [f"{stack.bind_address}:{stack.grafana_port}:3000"],
        "restart": "on-failure",
    }


def _container(stack: Stack, name: str, address: str) -> dict[str, Any]:
    return {
        "image": stack.image,
        **({"platform": stack.platform} if stack.platform else {}),
        "container_name": name,
        "labels": {RUN_LABEL: stack.name.project, **stack.marks},
        "networks": {"default": {"ipv4_address": address}},
    }


def _network(stack: Stack) -> dict[str, Any]:
    return {
        "labels": {RUN_LABEL: stack.name.project, **stack.marks},
        "ipam": {"config": [{"subnet": str(stack.network.subnet)}]},
    }


def _published(stack: Stack, port: int) -> str:
    return f"{stack.bind_address}::{port}"


class _Dumper(yaml.SafeDumper):
    """Writes no anchors, so that every service is complete."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _yaml(document: Mapping[str, Any]) -> str:
    text: str = yaml.dump(_escaped(document), Dumper=_Dumper, sort_keys=False, width=120)
    return text


def _escaped(value: Any) -> Any:
    """Double the dollar signs, which compose tools take for variables."""
    match value:
        case dict():
            return {key: _escaped(item) for key, item in value.items()}
        case list():
            return [_escaped(item) for item in value]
        case str():
            return value.replace("$", "$$")
        case _:
            return value
