"""The node client over real HTTP: every method's request and answer, and every way an answer can go wrong."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import web

from nomos_core import field
from nomos_core.cryptarchia.block_json import block_to_json
from nomos_core.da.shares import LightShare, Share
from nomos_core.da.shares_json import light_share_to_json, share_to_json
from nomos_core.identifiers import BlobId, ChannelId, Ed25519PublicKey, MsgId, TxHash, ZkPublicKey, ZkSignature
from nomos_core.mantle.transactions import MantleTx, SignedMantleTx
from nomos_core.mantle.transactions_json import transaction_to_json
from nomos_testing.client import (
    NodeAnswerInvalid,
    NodeClient,
    NodeClientError,
    NodeRefused,
    NodeUnreachable,
    TestingEndpointUnavailable,
)
from nomos_testing.client.answers import (
    ConsensusInfo,
    LibUpdate,
    Membership,
    MempoolMetrics,
    Mode,
    NetworkInfo,
    PeerFailureRates,
    SubnetworkConnections,
    TransactionStatus,
    WalletBalance,
)
from support.fakes.fake_chain import GENESIS_ID, fake_block
from support.processes.fake_node_processes import free_port

BLOCK = fake_block(GENESIS_ID, 3)
TRANSACTION = SignedMantleTx(MantleTx(), (), ZkSignature(bytes(128)))
KEY = ZkPublicKey(5)
BLOB = BlobId(bytes([7] * 32))
POINT = bytes.fromhex(
    "97f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb"
)
SHARE = LightShare(258, (bytes(range(32)),), POINT + b"\0")
INFO = {"lib": GENESIS_ID.hex(), "tip": BLOCK.id.hex(), "slot": 3, "height": 1, "mode": "Online"}


class OneAnswer:
    """A server that answers everything alike and remembers what it was asked."""

    def __init__(self) -> None:
        self.status = 200
        self.body: Any = None
        self.text: str | None = None
        self.asked: tuple[str, str, Any] = ("", "", None)
        self.hang = False

    async def answer(self, request: web.Request) -> web.StreamResponse:
        text = await request.text()
        self.asked = (request.method, request.path_qs, json.loads(text) if text else None)
        if self.hang:
            await asyncio.Event().wait()
        if self.text is not None:
            return web.Response(status=self.status, text=self.text)
        return web.json_response(self.body, status=self.status)


@pytest.fixture
def unused_url() -> str:
    return f"http://127.0.0.1:{free_port()}"


@pytest.fixture
def server() -> OneAnswer:
    return OneAnswer()


@pytest.fixture
async def client(server: OneAnswer) -> AsyncIterator[NodeClient]:
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", server.answer)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with NodeClient("validator-0", url + "/", testing_url=url) as made:
        yield made
    await runner.cleanup()


Call = Callable[[NodeClient], Awaitable[Any]]


@dataclass(frozen=True)
class Exchange:
    """One call of the client, the request it makes, the node's answer and what the call gives."""

    name: str
    call: Call
    method: str
    path: str
    body: Any
    answer: Any
    expected: Any


EXCHANGES = [
    Exchange(
        "consensus_info",
        lambda client: client.consensus_info(),
        "GET",
        "/cryptarchia/info",
        None,
        INFO,
        ConsensusInfo(GENESIS_ID, BLOCK.id, 3, 1, Mode.ONLINE),
    ),
    Exchange(
        "consensus_headers",
        lambda client: client.consensus_headers(BLOCK.id, GENESIS_ID),
        "GET",
        f"/cryptarchia/headers?from={BLOCK.id.hex()}&to={GENESIS_ID.hex()}",
        None,
        [BLOCK.id.hex(), GENESIS_ID.hex()],
        (BLOCK.id, GENESIS_ID),
    ),
    Exchange(
        "consensus_headers by default",
        lambda client: client.consensus_headers(),
        "GET",
        "/cryptarchia/headers",
        None,
        [],
        (),
    ),
    Exchange(
        "storage_block",
        lambda client: client.storage_block(BLOCK.id),
        "POST",
        "/storage/block",
        BLOCK.id.hex(),
        block_to_json(BLOCK),
        BLOCK,
    ),
    Exchange(
        "storage_block unknown",
        lambda client: client.storage_block(GENESIS_ID),
        "POST",
        "/storage/block",
        GENESIS_ID.hex(),
        None,
        None,
    ),
    Exchange(
        "submit_transaction",
        lambda client: client.submit_transaction(TRANSACTION),
        "POST",
        "/mempool/add/tx",
        transaction_to_json(TRANSACTION),
        None,
        None,
    ),
    Exchange(
        "mempool_metrics",
        lambda client: client.mempool_metrics(),
        "GET",
        "/mantle/metrics",
        None,
        {"pending_items": 2, "last_item_timestamp": 7},
        MempoolMetrics(2, 7),
    ),
    Exchange(
        "transaction_status",
        lambda client: client.transaction_status([TxHash(1), TxHash(2)]),
        "POST",
        "/mantle/status",
        [field.to_hex(1), field.to_hex(2)],
        ["Pending", {"InBlock": {"block": BLOCK.id.hex()}}],
        (TransactionStatus("Pending"), TransactionStatus("InBlock", BLOCK.id)),
    ),
    Exchange(
        "wallet_balance",
        lambda client: client.wallet_balance(KEY, tip=BLOCK.id),
        "GET",
        f"/wallet/{field.to_hex(KEY)}/balance?tip={BLOCK.id.hex()}",
        None,
        {"tip": BLOCK.id.hex(), "balance": 1000, "address": field.to_hex(KEY)},
        WalletBalance(BLOCK.id, 1000, KEY),
    ),
    Exchange(
        "transfer_funds",
        lambda client: client.transfer_funds(funding=[KEY], recipient=KEY, change=KEY, amount=3),
        "POST",
        "/wallet/transactions/transfer-funds",
        {
            "tip": None,
            "change_public_key": field.to_hex(KEY),
            "funding_public_keys": [field.to_hex(KEY)],
            "recipient_public_key": field.to_hex(KEY),
            "amount": 3,
        },
        {"hash": field.to_hex(9)},
        TxHash(9),
    ),
    Exchange(
        "network_info",
        lambda client: client.network_info(),
        "GET",
        "/network/info",
        None,
        {"listen_addresses": ["/ip4/127.0.0.1"], "n_peers": 1, "n_connections": 2, "n_pending_connections": 3},
        NetworkInfo(("/ip4/127.0.0.1",), 1, 2, 3),
    ),
    Exchange(
        "balancer_stats",
        lambda client: client.balancer_stats(),
        "GET",
        "/da/balancer-stats",
        None,
        {"0": {"inbound": 1, "outbound": 2}},
        {0: SubnetworkConnections(1, 2)},
    ),
    Exchange(
        "monitor_stats",
        lambda client: client.monitor_stats(),
        "GET",
        "/da/monitor-stats",
        None,
        {"peer": {"dispersal_failure_rate": "0", "sampling_failure_rate": "1.5", "replication_failure_rate": "0"}},
        {"peer": PeerFailureRates("0", "1.5", "0")},
    ),
    Exchange("block_peer", lambda client: client.block_peer("peer"), "POST", "/da/block-peer", "peer", True, True),
    Exchange(
        "unblock_peer", lambda client: client.unblock_peer("peer"), "POST", "/da/unblock-peer", "peer", False, False
    ),
    Exchange(
        "blacklisted_peers",
        lambda client: client.blacklisted_peers(),
        "GET",
        "/da/blacklisted-peers",
        None,
        ["peer"],
        ("peer",),
    ),
    Exchange(
        "publish_blob",
        lambda client: client.publish_blob(
            channel_id=ChannelId(bytes(32)), parent=MsgId(bytes(32)), signer=Ed25519PublicKey(bytes(32)), data=b"\1\2"
        ),
        "POST",
        "/disperse-data",
        {"channel_id": "00" * 32, "parent_msg_id": "00" * 32, "signer": "00" * 32, "data": [1, 2]},
        [7] * 32,
        BlobId(bytes([7] * 32)),
    ),
    Exchange(
        "da_share",
        lambda client: client.da_share(BLOB, 258),
        "GET",
        "/da/get-share",
        {"blob_id": [7] * 32, "share_idx": [2, 1]},
        light_share_to_json(SHARE),
        SHARE,
    ),
    Exchange(
        "da_share unknown",
        lambda client: client.da_share(BLOB, 0),
        "GET",
        "/da/get-share",
        {"blob_id": [7] * 32, "share_idx": [0, 0]},
        None,
        None,
    ),
    Exchange(
        "da_commitments",
        lambda client: client.da_commitments(BLOB, 3),
        "POST",
        "/da/get-commitments",
        {"blob_id": [7] * 32, "session": 3},
        {"rows_commitments": [list(POINT)]},
        (POINT,),
    ),
    Exchange(
        "da_storage_commitments unknown",
        lambda client: client.da_storage_commitments(BLOB),
        "GET",
        "/da/get-storage-commitments",
        {"blob_id": [7] * 32},
        None,
        None,
    ),
    Exchange(
        "add_share",
        lambda client: client.add_share(Share(SHARE, (POINT,))),
        "POST",
        "/da/add-share",
        share_to_json(Share(SHARE, (POINT,))),
        None,
        None,
    ),
    Exchange(
        "da_get_membership",
        lambda client: client.da_get_membership(0),
        "POST",
        "/test/da/membership",
        0,
        {"assignations": {"0": ["a", "b"]}, "addressbook": {"a": "/ip4/127.0.0.1"}},
        Membership({0: ("a", "b")}, {"a": "/ip4/127.0.0.1"}),
    ),
    Exchange(
        "da_historic_sampling",
        lambda client: client.da_historic_sampling(BLOCK.id, [(BlobId(bytes(32)), 4)]),
        "POST",
        "/test/da/historic-sampling",
        {"block_id": BLOCK.id.hex(), "blob_ids": [[[0] * 32, 4]]},
        True,
        True,
    ),
    Exchange(
        "sdp_declarations",
        lambda client: client.sdp_declarations(),
        "GET",
        "/mantle/sdp/declarations",
        None,
        [{"nonce": 0}],
        [{"nonce": 0}],
    ),
    Exchange("get_json", lambda client: client.get_json("/any"), "GET", "/any", None, [1], [1]),
    Exchange("post_json", lambda client: client.post_json("any", {"a": 1}), "POST", "/any", {"a": 1}, [1], [1]),
    Exchange("post_testing_json", lambda client: client.post_testing_json("/t", 1), "POST", "/t", 1, None, None),
]


@pytest.mark.parametrize("exchange", EXCHANGES, ids=lambda exchange: exchange.name)
async def test_every_method_asks_and_reads(server: OneAnswer, client: NodeClient, exchange: Exchange) -> None:
    server.body = exchange.answer
    assert await exchange.call(client) == exchange.expected
    assert server.asked == (exchange.method, exchange.path, exchange.body)


async def test_streams_are_followed_line_by_line(server: OneAnswer, client: NodeClient) -> None:
    update = {"height": 4, "header_id": BLOCK.id.hex()}
    server.text = f"{json.dumps(update)}\n{json.dumps(update)}\n"
    assert [item async for item in client.lib_stream()] == [LibUpdate(4, BLOCK.id)] * 2
    server.text = "{}\n"
    with pytest.raises(NodeAnswerInvalid, match="missing key 'height'"):
        await anext(client.lib_stream())
    server.status, server.text = 404, ""
    with pytest.raises(NodeRefused, match="validator-0: GET /cryptarchia/lib-stream: 404"):
        await anext(client.lib_stream())


async def test_sampling_shares_come_one_a_line_however_long(server: OneAnswer, client: NodeClient) -> None:
    long = LightShare(0, (bytes([255] * 32),) * 2000, SHARE.combined_column_proof)
    server.text = "".join(json.dumps(light_share_to_json(share)) + "\n" for share in (SHARE, long))
    assert await client.da_sampling_shares(BLOB, [258, 0], without=[1]) == (SHARE, long)
    assert server.asked == (
        "GET",
        "/da/sampling/shares",
        {
            "blob_id": [7] * 32,
            "requested_shares": [[2, 1], [0, 0]],
            "filter_shares": [[1, 0]],
            "return_available": False,
        },
    )


async def test_a_share_without_a_proof_is_an_invalid_answer(server: OneAnswer, client: NodeClient) -> None:
    server.body = light_share_to_json(SHARE) | {"combined_column_proof": [1, 2]}
    with pytest.raises(NodeAnswerInvalid, match="GET /da/get-share"):
        await client.da_share(BLOB, 258)


async def test_profiles_are_bytes(server: OneAnswer, client: NodeClient) -> None:
    server.text = "profile"
    assert await client.cpu_profile(seconds=1) == b"profile"
    assert server.asked[1] == "/debug/pprof/profile?seconds=1&frequency=99&format=proto"


async def test_a_refusal_carries_status_and_reason(server: OneAnswer, client: NodeClient) -> None:
    server.status, server.text = 500, "Item already in mempool"
    with pytest.raises(NodeRefused) as caught:
        await client.submit_transaction(TRANSACTION)
    assert (caught.value.status, caught.value.body) == (500, "Item already in mempool")
    assert str(caught.value) == "validator-0: POST /mempool/add/tx: 500 Item already in mempool"


async def test_each_request_that_failed_is_in_the_log_once(
    server: OneAnswer, client: NodeClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "nomos_testing")
    server.body = INFO
    await client.consensus_info()
    server.text = "<html>"
    with pytest.raises(NodeAnswerInvalid):
        await client.consensus_info()
    server.status, server.text = 500, "Item already in mempool"
    with pytest.raises(NodeRefused):
        await client.submit_transaction(TRANSACTION)
    invalid, refused = caplog.messages
    head = re.escape(f"validator-0: GET {client.url}/cryptarchia/info failed after ")
    assert re.fullmatch(head + r"\d+\.\d ms: .*Expecting value.*", invalid)
    head = re.escape(f"validator-0: POST {client.url}/mempool/add/tx failed after ")
    assert re.fullmatch(head + r"\d+\.\d ms: '500 Item already in mempool'", refused)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<html>", "Expecting value"),
        ("[]", "list indices"),
        ("null", "not subscriptable"),
        (json.dumps({**INFO, "mode": "Asleep"}), "'Asleep' is not a valid Mode"),
        (json.dumps({**INFO, "tip": "abcd"}), "invalid string length"),
        (json.dumps({key: value for key, value in INFO.items() if key != "height"}), "missing key 'height'"),
    ],
)
async def test_an_answer_that_is_none_is_invalid(server: OneAnswer, client: NodeClient, text: str, reason: str) -> None:
    server.text = text
    with pytest.raises(NodeAnswerInvalid, match=reason):
        await client.consensus_info()


async def test_unknown_keys_are_ignored(server: OneAnswer, client: NodeClient) -> None:
    server.body = {**INFO, "new": 1}
    assert (await client.consensus_info()).height == 1


async def test_a_node_that_hangs_is_unreachable_after_the_timeout(server: OneAnswer, client: NodeClient) -> None:
    server.hang = True
    with pytest.raises(NodeUnreachable, match=r"no answer within 0\.05 s"):
        await client.consensus_info(timeout=0.05)


async def test_a_node_that_is_not_there_is_unreachable(unused_url: str) -> None:
    async with NodeClient("validator-0", unused_url) as client:
        with pytest.raises(NodeUnreachable):
            await client.network_info()


async def test_without_a_testing_api_the_remedy_is_named(unused_url: str) -> None:
    async with NodeClient("validator-0", unused_url) as client:
        with pytest.raises(TestingEndpointUnavailable, match="built without the 'testing' feature"):
            await client.da_get_membership(0)


async def test_every_failure_is_a_node_client_error() -> None:
    for failure in (NodeUnreachable, NodeRefused, NodeAnswerInvalid, TestingEndpointUnavailable):
        assert issubclass(failure, NodeClientError)
