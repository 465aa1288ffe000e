"""What a running node's HTTP API does beyond the recorded answers: streams, the wallet, declarations, executors."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nomos_core import field
from nomos_core.keys import Ed25519Key, zk_public_key
from nomos_core.mantle.notes import utxos_of
from nomos_core.mantle.transactions import Note
from support.processes.embedded_node import (
    LEADER_SECRET,
    NodeProcess,
    ask,
    leader_genesis,
    make_config,
    make_executor_config,
    wait_until,
)

pytestmark = [pytest.mark.slow, pytest.mark.network]

_SAVER = zk_public_key(21)
_ZERO = zk_public_key(0)
_RECIPIENT = zk_public_key(22)
_GENESIS = leader_genesis([Note(5, _SAVER), Note(1, _ZERO)])
_JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    """One for all tests; they use different notes."""
    config = make_config(
        _GENESIS,
        known_keys=[_SAVER, _RECIPIENT],
        key_management__keys={field.to_hex(_SAVER): 21, field.to_hex(_RECIPIENT): 22},
    )
    with NodeProcess(config, tmp_path_factory.mktemp("node")).start() as process:
        yield process.wait_ready()


def test_answers_on_an_open_connection_come_at_once(node: NodeProcess) -> None:
    """Not after the 40 ms for which a kernel may hold back a small segment."""
    address = node.config.http.backend_settings.address
    connection = http.client.HTTPConnection(address.host, address.port, timeout=20)
    seconds = []
    for _ in range(20):
        began = time.perf_counter()
        connection.request("GET", "/cryptarchia/info")
        connection.getresponse().read()
        seconds.append(time.perf_counter() - began)
    connection.close()
    assert sorted(seconds[1:])[5] < 0.03


def test_the_lib_stream_tells_every_irreversible_block(node: NodeProcess) -> None:
    address = node.config.http.backend_settings.address
    connection = http.client.HTTPConnection(address.host, address.port, timeout=20)
    connection.request("GET", "/cryptarchia/lib-stream")
    response = connection.getresponse()
    assert response.headers["content-type"] == "application/x-ndjson"
    updates = [json.loads(response.readline()) for _ in range(3)]
    connection.close()
    first = updates[0]["height"]
    assert [update["height"] for update in updates] == [first, first + 1, first + 2]
    blocks = [node.post("/storage/block", update["header_id"]).json for update in updates]
    assert blocks[1]["header"]["parent_block"] == updates[0]["header_id"]


def _balance(node: NodeProcess, key: int) -> int | None:
    answer = node.ask("GET", f"/wallet/{field.to_hex(key)}/balance")
    assert answer.status in {200, 404}
    return int(answer.json["balance"]) if answer.status == 200 else None


def _transfer(**changes: Any) -> dict[str, Any]:
    wanted = {
        "tip": None,
        "change_public_key": field.to_hex(_SAVER),
        "funding_public_keys": [field.to_hex(_SAVER)],
        "recipient_public_key": field.to_hex(_RECIPIENT),
        "amount": 3,
    }
    return wanted | changes


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"amount": 6}, "Wallet does not have enough funds, available="),
        ({"tip": "11" * 32}, "Requested wallet state for unknown block: 0x1111"),
        ({"funding_public_keys": [field.to_hex(zk_public_key(LEADER_SECRET))]}, "KMS API error"),
    ],
)
def test_a_transfer_that_cannot_be_made_says_why(node: NodeProcess, changes: dict[str, Any], reason: str) -> None:
    answer = node.post("/wallet/transactions/transfer-funds", _transfer(**changes))
    assert answer.status == 500
    assert answer.text.startswith(reason)


def test_a_transfer_arrives(node: NodeProcess) -> None:
    answer = node.post("/wallet/transactions/transfer-funds", _transfer())
    assert (answer.status, list(answer.json)) == (201, ["hash"])
    wait_until("the payment to arrive", lambda: _balance(node, _RECIPIENT) == 3)
    assert _balance(node, _SAVER) == 2


def test_a_declaration_of_the_known_keys_reaches_the_ledger(node: NodeProcess) -> None:
    declaration = {
        "service_type": "DA",
        "locators": ["/ip4/127.0.0.1/udp/9000/quic-v1"],
        "provider_id": Ed25519Key(bytes(32)).public.hex(),
        "zk_id": field.to_hex(_ZERO),
        "locked_note_id": field.to_hex(utxos_of(_GENESIS.mantle_tx.ledger_tx)[2].id),
    }
    answer = node.post("/sdp/declaration", declaration)
    assert (answer.status, len(answer.json)) == (200, 32)

    def declared() -> Any:
        return ask(node.config.testing_http.backend_settings.address, "GET", "/mantle/sdp/declarations").json

    (found,) = wait_until("the declaration to be in the ledger", declared)
    assert {key: found[key] for key in declaration} == declaration
    assert (found["active"], found["withdrawn"], found["nonce"]) == (found["created"], None, 0)
    assert node.post("/sdp/declaration", declaration | {"zk_id": "ff" * 32}).status == 422
    assert node.post("/sdp/withdrawal", answer.json).text == "null"


def test_an_executor_has_the_api_of_executors(tmp_path: Path) -> None:
    with NodeProcess(make_executor_config(_GENESIS), tmp_path).start() as node:
        node.wait_height(1)
        assert node.ask("GET", "/cryptarchia/lib-stream").status == 404
        assert node.ask("GET", f"/wallet/{field.to_hex(_SAVER)}/balance").status == 404
        assert node.ask("POST", "/disperse-data", b"{}", _JSON).status == 422, "validators do not have the path at all"
        assert node.terminate()[0] == 0


def test_the_api_describes_itself(node: NodeProcess) -> None:
    document = node.get("/api-docs/openapi.json")
    assert document["info"]["title"] == "nomos-node"
    assert "/mempool/add/tx" in document["paths"]
    assert "/mempool/add/tx" in node.ask("GET", "/swagger-ui/").text
