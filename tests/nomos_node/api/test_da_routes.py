"""The paths of data availability where there is none: an executor alone in a network of one subnetwork."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from support.processes.embedded_node import NodeProcess, ask, leader_genesis, make_executor_config

BLOB = [7] * 32
PEER = "12D3KooWK99VoVxNE7XzyBwXEzW7xhK7Gpv85r9F3V3fyKSUKPH5"
REFUSED = "This network has one subnetwork, so there is no data availability in it"
JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    with NodeProcess(make_executor_config(leader_genesis()), tmp_path_factory.mktemp("node")).start() as process:
        yield process.wait_ready()


@pytest.mark.parametrize(
    ("path", "text"), [("balancer-stats", "{}"), ("monitor-stats", "{}"), ("blacklisted-peers", "[]")]
)
def test_there_are_no_peers(node: NodeProcess, path: str, text: str) -> None:
    assert node.ask("GET", f"/da/{path}").text == text


def test_there_are_no_members(node: NodeProcess) -> None:
    address = node.config.testing_http.backend_settings.address
    membership = ask(address, "POST", "/test/da/membership", b"0", JSON)
    assert membership.json == {"assignations": {}, "addressbook": {}}
    for blobs, found in (([], True), ([[BLOB, 0]], False)):
        body = json.dumps({"block_id": "00" * 32, "blob_ids": blobs}).encode()
        assert ask(address, "POST", "/test/da/historic-sampling", body, JSON).json is found


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        (
            "POST",
            "/disperse-data",
            {"channel_id": "0" * 64, "parent_msg_id": "0" * 64, "signer": "0" * 64, "data": [1]},
        ),
        ("POST", "/da/add-share", {}),
        ("POST", "/da/get-commitments", {"blob_id": BLOB, "session": 0}),
        ("GET", "/da/get-storage-commitments", {"blob_id": BLOB}),
        ("GET", "/da/get-share", {"blob_id": BLOB, "share_idx": [0, 0]}),
        ("POST", "/da/block-peer", PEER),
        ("POST", "/da/unblock-peer", PEER),
    ],
)
def test_the_rest_is_refused(node: NodeProcess, method: str, path: str, body: Any) -> None:
    answer = node.ask(method, path, json.dumps(body).encode(), JSON)
    assert (answer.status, answer.text) == (500, REFUSED)
