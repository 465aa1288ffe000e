"""A node process under requests made by hypothesis: it answers each with a reason or hangs up, and lives on."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from http.client import HTTPException
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nomos_core.config import SocketAddress
from support.processes.embedded_node import NodeProcess, ask, leader_genesis, make_config

pytestmark = pytest.mark.slow

_PATHS = [
    "/cryptarchia/info",
    "/cryptarchia/headers",
    "/storage/block",
    "/mempool/add/tx",
    "/mantle/metrics",
    "/mantle/status",
    "/network/info",
    "/sdp/declaration",
    "/sdp/activity",
    "/sdp/withdrawal",
    "/wallet/transactions/transfer-funds",
    "/wallet/00/balance",
    "/da/get-share",
    "/test/da/membership",
    "/mantle/sdp/declarations",
]
_KEYS = ["mantle_tx", "ops", "opcode", "payload", "ops_proofs", "ledger_tx_proof", "pi_a", "amount", "tip", "locators"]
_segments = st.text(st.characters(codec="ascii", categories=["L", "N", "P"]), max_size=20)
_paths = st.sampled_from(_PATHS) | _segments.map(lambda text: "/" + text.replace("#", "").replace("?", ""))
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=70),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(_KEYS) | st.text(), inner, max_size=4),
    max_leaves=20,
)
_bodies = st.none() | st.binary(max_size=200) | _json.map(lambda value: json.dumps(value).encode())
_search = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    config = make_config(leader_genesis(), chain_start=time.time() + 86_400)
    with NodeProcess(config, tmp_path_factory.mktemp("node")).start() as process:
        yield process.wait_ready()


def _check(address: SocketAddress, method: str, *request: Any) -> None:
    try:
        answer = ask(address, method, *request)
    except (ConnectionError, HTTPException, UnicodeError):
        return
    if answer.status >= 500 and method != "HEAD":
        assert answer.text, f"{answer.status} without a reason"
        assert "internal error" not in answer.text


@_search
@given(
    testing=st.booleans(),
    method=st.sampled_from(["GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "BREW"]),
    path=_paths,
    query=st.none() | _segments,
    body=_bodies,
    content_type=st.sampled_from(["application/json", "application/json", "text/plain", ""]),
)
def test_no_request_breaks_the_node(node: NodeProcess, testing: bool, query: str | None, **request: Any) -> None:
    listener = node.config.testing_http if testing else node.config.http
    path = request["path"] + ("" if query is None else f"?from={query}&to={query}&tip={query}")
    headers = {"content-type": request["content_type"]}
    _check(listener.backend_settings.address, request["method"], path, request["body"], headers)
    assert node.info(), "the node no longer answers"


@_search
@given(data=st.binary(min_size=1, max_size=400), proper_start=st.booleans())
def test_bytes_that_are_no_http_do_no_harm(node: NodeProcess, data: bytes, proper_start: bool) -> None:
    address = node.config.http.backend_settings.address
    with socket.create_connection(address, timeout=5) as connection:
        connection.sendall((b"POST /mempool/add/tx HTTP/1.1\r\n" if proper_start else b"") + data)
        connection.shutdown(socket.SHUT_WR)
        assert b" 500 " not in connection.recv(4096).partition(b"\r\n")[0]
    assert node.info(), "the node no longer answers"


@pytest.mark.parametrize("size", [0, 1, 65_536, 10_485_760])
def test_bodies_of_all_sizes_are_answered(node: NodeProcess, size: int) -> None:
    answer = node.ask("POST", "/mempool/add/tx", b"[" * size, {"content-type": "application/json"})
    assert answer.status == 400
