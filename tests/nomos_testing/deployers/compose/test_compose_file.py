"""The compose file of a stack: what its containers are called, reach and are told."""

from __future__ import annotations

import ipaddress
import json
import os
import stat
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml

from nomos_testing.cfgsync.settings import CfgsyncConfig
from nomos_testing.deployers.compose.publishing import extra_host
from nomos_testing.deployers.compose.rendering import rendered, scrape_targets
from nomos_testing.deployers.compose.stack import (
    Stack,
    StackName,
    StackNetwork,
    free_network,
    relay_sockets,
    stack_nodes,
)
from nomos_testing.deployers.compose.stack_planning import write_cfgsync
from nomos_testing.deployers.compose.workspace import Workspace
from nomos_testing.deployers.shared.reaper_client import RUN_LABEL
from nomos_testing.deployers.shared.stack_assets import STACK_ASSETS
from nomos_testing.observability.images import PrometheusImage
from nomos_testing.settings import Settings
from nomos_testing.topology import TopologySpec
from support.repository.repository_copy import REPOSITORY

NAME = StackName("1234")
NETWORK = StackNetwork(ipaddress.IPv4Network("10.200.7.0/24"))
NODES = stack_nodes(TopologySpec(validators=2, executors=1), NETWORK)
STACK = Stack(
    name=NAME,
    image="nodes:test",
    platform=None,
    nodes=NODES,
    network=NETWORK,
    environment={"POL_PROOF_DEV_MODE": "true", "ODD": "a$b"},
    bind_address="127.0.0.1",
    extra_host="host.docker.internal:host-gateway",
    kzg=True,
    clocks=False,
    relay_log=None,
)


def document(stack: Stack = STACK) -> Any:
    return yaml.safe_load(rendered(stack))


def test_containers_are_called_as_the_manual_says() -> None:
    names = {service: body["container_name"] for service, body in document()["services"].items()}
    assert names == {
        "cfgsync": "nomos-cfgsync-1234",
        "validator-0": "nomos-compose-1234-validator-0-1",
        "validator-1": "nomos-compose-1234-validator-1-1",
        "executor-0": "nomos-compose-1234-executor-0-1",
    }


def test_everything_carries_the_label_that_a_reaper_looks_for() -> None:
    told = document()
    labels = [*(body["labels"] for body in told["services"].values()), told["networks"]["default"]["labels"]]
    assert labels == [{RUN_LABEL: "nomos-compose-1234"}] * len(labels)


def test_everything_tells_whose_run_it_is() -> None:
    marks = {"logos-blockchain-testing.owner": "me", "logos-blockchain-testing.directory": "/runs/with $ign"}
    stack = replace(STACK, marks=marks)
    labels = [*(body["labels"] for body in document(stack)["services"].values())]
    labels.append(document(stack)["networks"]["default"]["labels"])
    escaped = marks | {"logos-blockchain-testing.directory": "/runs/with $$ign"}
    assert labels == [{RUN_LABEL: "nomos-compose-1234", **escaped}] * len(labels)


def test_a_node_is_told_who_it_is_and_whom_to_ask() -> None:
    node = document()["services"]["executor-0"]
    assert node["entrypoint"] == ["/etc/nomos/scripts/run_nomos_executor.sh"]
    environment = node["environment"]
    assert environment["CFG_SERVER_ADDR"] == "http://cfgsync:4400"
    assert environment["CFG_HOST_IDENTIFIER"] == "executor-0"
    assert environment["CFG_NETWORK_PORT"] == "3002"
    assert environment["ODD"] == "a$$b", "compose tools take a dollar sign for a variable"
    assert node["ports"] == ["127.0.0.1::18080", "127.0.0.1::18081"]
    assert node["volumes"] == ["./stack:/etc/nomos:ro", "./kzgrs_test_params:/kzgrs_test_params:z"]
    assert node["working_dir"] == "/var/lib/nomos"
    assert node["extra_hosts"] == ["host.docker.internal:host-gateway"]


def test_no_two_containers_have_an_address_or_peering_port_in_common() -> None:
    stack = replace(STACK, relay_log=Path("/log"), prometheus=PrometheusImage("p", True), grafana_image="g")
    addresses = [body["networks"]["default"]["ipv4_address"] for body in document(stack)["services"].values()]
    assert len(set(addresses)) == len(addresses) == 7
    ports = [port for node in NODES for port in node.ports.peering]
    assert len(set(ports)) == len(ports)


def test_a_relay_waits_for_what_it_is_asked_and_writes_beside_the_journal() -> None:
    relay = document(replace(STACK, relay_log=Path("/runs/x/relay.log")))["services"]["relay"]
    assert relay["stdin_open"] is True
    assert relay["entrypoint"][-2:] == ["/relay.log", "/etc/nomos/relay.jsonl"]
    assert relay["volumes"] == ["./stack:/etc/nomos:ro", "/runs/x/relay.log:/relay.log"]
    sockets = relay_sockets(NODES)
    assert sockets["executor-0"].host == "10.200.7.12"
    assert sockets["executor-0"].ports == (3002, 3302, 4403)


def test_a_clock_of_its_own_is_loaded_into_each_node() -> None:
    node = document(replace(STACK, clocks=True))["services"]["validator-1"]
    assert "./clocks:/clocks:ro" in node["volumes"]
    assert node["environment"]["FAKETIME_TIMESTAMP_FILE"] == "/clocks/validator-1"


def test_no_container_has_a_privilege_that_docker_does_not_give_by_itself() -> None:
    stack = replace(
        STACK,
        relay_log=Path("/log"),
        clocks=True,
        log_directory="/logs",
        prometheus=PrometheusImage("p", True),
        grafana_image="g",
    )
    for name, service in document(stack)["services"].items():
        granting = {"cap_add", "security_opt", "privileged", "user", "devices", "pid", "network_mode", "ipc"}
        assert granting.isdisjoint(service), name


def test_log_files_are_written_to_a_directory_that_every_user_may_write_to(tmp_path: Path) -> None:
    node = document(replace(STACK, log_directory="/some/logs"))["services"]["validator-1"]
    assert node["volumes"][-1] == "./logs/validator-1:/some/logs"
    Workspace(tmp_path).make_log_directory("validator-1")
    assert (tmp_path / "logs/validator-1").stat().st_mode & 0o777 == 0o777


def test_containers_can_read_what_a_runner_with_a_strict_umask_gives_them(tmp_path: Path) -> None:
    library, kzg = tmp_path / "library", tmp_path / "kzg"
    before = os.umask(0o077)
    try:
        for file in (library, kzg):
            file.touch()
        workspace = Workspace.create()
        workspace.fill(REPOSITORY / STACK_ASSETS, kzg, library)
        write_cfgsync(workspace.stack, CfgsyncConfig())
    finally:
        os.umask(before)
    try:
        modes = {path: path.stat().st_mode for path in (workspace.path, *workspace.path.rglob("*"))}
    finally:
        workspace.remove()
    assert {"cfgsync.yaml", "libfaketime.so.1", "run_nomos.sh", "kzgrs_test_params"} <= {path.name for path in modes}
    needed = {path: 0o555 if stat.S_ISDIR(mode) or path.suffix == ".sh" else 0o444 for path, mode in modes.items()}
    assert [str(path) for path, mode in modes.items() if mode & needed[path] != needed[path]] == []


@pytest.mark.parametrize("receives", [True, False])
def test_a_prometheus_is_pushed_to_where_it_can_be(receives: bool) -> None:
    stack = replace(STACK, prometheus=PrometheusImage("p:1", receives), prometheus_port=9091)
    prometheus = document(stack)["services"]["prometheus"]
    assert prometheus["image"] == "p:1"
    assert prometheus["ports"] == ["127.0.0.1:9091:9090"]
    assert ("--web.enable-otlp-receiver" in prometheus["command"]) is receives
    targets = scrape_targets(stack)
    assert (targets is None) is receives
    assert targets is None or json.loads(targets)[0] == {
        "targets": ["validator-0:18080"],
        "labels": {"job": "validator-0"},
    }


def test_the_header_is_how_to_run_it_again() -> None:
    assert "#   docker compose -f compose.generated.yml -p nomos-compose-1234 up -d" in rendered(STACK)


def test_given_ports_are_taken() -> None:
    spec = TopologySpec(validators=1, executors=1, da_ports=[7000, 7001], blend_ports=[8000, 8001])
    assert [(node.ports.da, node.ports.blend) for node in stack_nodes(spec, NETWORK)] == [(7000, 8000), (7001, 8001)]


def test_a_network_is_chosen_that_nothing_leads_to(tmp_path: Path) -> None:
    routes = tmp_path / "route"
    rows = ["Iface Destination Gateway Flags RefCnt Use Metric Mask"]
    rows += ["eth0 00000000 010011AC 0003 0 0 0 00000000", "eth0 0000C00A 00000000 0001 0 0 0 0000C0FF"]
    routes.write_text("\n".join(rows))  # the default route, and 10.192.0.0/10
    taken = ipaddress.IPv4Network("10.192.0.0/10")
    found = [free_network(Random(1), routes).subnet for _ in range(50)]
    assert not any(subnet.overlaps(taken) for subnet in found)
    assert all(subnet.subnet_of(ipaddress.IPv4Network("10.128.0.0/9")) for subnet in found)
    routes.write_text("\n".join([rows[0], "eth0 0000000A 00000000 0001 0 0 0 000000FF"]))  # all of 10.0.0.0/8
    with pytest.raises(OSError, match="no free /24 network was found"):
        free_network(Random(1), routes)


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, "host.docker.internal:host-gateway"),
        ({"DOCKER_HOST_GATEWAY": "172.17.0.1"}, "host.docker.internal:172.17.0.1"),
        ({"COMPOSE_RUNNER_HOST_GATEWAY": "my.host:10.0.0.1"}, "my.host:10.0.0.1"),
        ({"COMPOSE_RUNNER_HOST_GATEWAY": "disable"}, None),
        ({"COMPOSE_RUNNER_HOST_GATEWAY": ""}, None),
    ],
)
def test_the_host_is_known_to_containers_as_asked(variables: dict[str, str], expected: str | None) -> None:
    assert extra_host(Settings.from_environ(variables)) == expected
