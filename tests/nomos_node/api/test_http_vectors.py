"""The HTTP answers of the real node, asked of a node process of ours in the same order."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path

import pytest

from nomos_core.config import Duration
from nomos_core.identifiers import ZkPublicKey
from nomos_core.mantle.transactions import Note
from support.inputs.golden import Golden, entries
from support.processes.embedded_node import Answer, NodeProcess, ask, free_ports, genesis, make_config, wait_until

_KNOWN_KEY = ZkPublicKey(1)
_LIBRARY_TEXT = ("Failed to deserialize", "Failed to parse")
"""Texts that begin like this end in a Rust library's words and position."""


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, kzg_file: Path) -> Iterator[NodeProcess]:
    """At genesis, alone, online, with a chain that has not begun: as the real node was when it was asked."""
    config = make_config(
        genesis([Note(1000, _KNOWN_KEY)]),
        slot=1,
        chain_start=time.time() + 86_400,
        known_keys=[_KNOWN_KEY],
        cryptarchia__service__bootstrap__prolonged_bootstrap_period=Duration.of(0),
        da_network__membership__subnetwork_size=2,
        da_network__backend__listening_address=f"/ip4/127.0.0.1/udp/{free_ports(1)[0]}/quic-v1",
        da_verifier__share_verifier_settings__global_params_path=str(kzg_file),
    )
    with NodeProcess(config, tmp_path_factory.mktemp("node")).start() as process:
        process.wait_ready()
        wait_until("the node to be online", lambda: (process.info() or {}).get("mode") == "Online")
        yield process


@pytest.mark.parametrize("exchange", entries("http_node.json", "exchanges"))
def test_exchange(exchange: Golden, node: NodeProcess) -> None:
    if "error" in exchange:
        _check_too_large(exchange, node)
        return
    answer = _asked(exchange, node)
    assert answer.status == exchange["status"].value
    assert answer.headers.get("content-type") == exchange["content_type"].value
    _check_body(exchange, answer, node)
    for name, value in exchange["other_headers"].items():
        assert answer.headers.get(name) == value.value, name


def _asked(exchange: Golden, node: NodeProcess) -> Answer:
    listeners = {
        "http": node.config.http.backend_settings.address,
        "testing": node.config.testing_http.backend_settings.address,
    }
    body, content_type = exchange["request_body"].value, exchange["request_content_type"].value
    return ask(
        listeners[exchange["listener"].value],
        exchange["method"].value,
        exchange["path"].value,
        None if body is None else body.encode(),
        {} if content_type is None else {"content-type": content_type},
    )


def _check_body(exchange: Golden, answer: Answer, node: NodeProcess) -> None:
    name, path = exchange["name"].value, exchange["path"].value
    if path in {"/swagger-ui/", "/api-docs/openapi.json"}:
        exchange["body"].not_compared("a Rust library's page and schemas")
    elif path == "/network/info":
        port = str(node.config.network.backend.swarm.port)
        assert answer.text.replace(port, "31000") == exchange["body"].value
    elif name == "metrics after":
        assert _without_time(answer.text) == _without_time(exchange["body"].value)
        assert abs(answer.json["last_item_timestamp"] - time.time() * 1000) < 60_000
    elif exchange["body"].value.startswith(_LIBRARY_TEXT):
        assert _without_position(answer.text) == _without_position(exchange["body"].value)
    else:
        assert answer.text == exchange["body"].value


def _without_time(text: str) -> str:
    return re.sub(r'("last_item_timestamp":)\d+', r"\1", text)


def _without_position(text: str) -> str:
    return re.sub(r" at line \d+ column \d+$", "", text)


def _check_too_large(exchange: Golden, node: NodeProcess) -> None:
    """The real node hangs up; ours answers first, if the client listens before it has sent everything."""
    size = node.config.http.backend_settings.max_body_size + 1
    exchange["error"].not_compared("the client's own words for a connection that was closed")
    try:
        method, path = exchange["method"].value, exchange["path"].value
        answer = node.ask(method, path, bytes(size), {"content-type": "application/json"})
    except (ConnectionError, HTTPException):
        return
    assert answer.status == 413
