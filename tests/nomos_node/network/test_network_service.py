"""The network service over real sockets on loopback: gossip, streams, peers, start and end."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from nomos_node.network import (
    Feed,
    GossipMessage,
    GossipsubSettings,
    ListenAddressUnavailable,
    MessageTooLarge,
    NetworkClosed,
    NetworkService,
    NetworkSettings,
    PeerConnected,
    PeerDisconnected,
    PeerEvent,
    PeerUnreachable,
    RequestFailed,
    Stream,
    StreamBroken,
)
from nomos_node.network import service as service_module
from support.inputs.chain_making import reached

DEADLINE = 10.0
ECHO = "/echo/1"


def settings(key: int, *initial_peers: str) -> NetworkSettings:
    return NetworkSettings(node_key=bytes([key]) * 32, listen_host="127.0.0.1", initial_peers=initial_peers)


async def address_of(service: NetworkService) -> str:
    return (await service.info()).listen_addresses[0]


async def next_event(feed: Feed[PeerEvent]) -> PeerEvent:
    async with asyncio.timeout(DEADLINE):
        return await anext(feed)


async def take(feed: Feed[GossipMessage], count: int) -> list[GossipMessage]:
    messages: list[GossipMessage] = []
    try:
        async with asyncio.timeout(DEADLINE):
            while len(messages) < count:
                messages.append(await anext(feed))
    except TimeoutError:
        pytest.fail(f"waited for {count} messages, got {len(messages)}")
    return messages


async def until_heard(sender: NetworkService, topic: str, *feeds: Feed[GossipMessage]) -> None:
    """Publish until every feed got something, so that the mesh of the topic is known to be up; drop it."""
    deadline = time.monotonic() + DEADLINE
    while await sender._running().call(sender._host.publish, topic, b"probe %d" % time.monotonic_ns()) == 0:
        assert time.monotonic() < deadline, f"no peer of {sender.peer_id} subscribed to {topic}"
        await asyncio.sleep(0.01)
    for feed in feeds:
        await take(feed, 1)


class Network:
    """Hosts of one test; every one is closed with it."""

    def __init__(self, closing: AsyncExitStack) -> None:
        self._closing = closing

    async def start(self, service: NetworkService) -> NetworkService:
        return await self._closing.enter_async_context(service)

    async def join(self, key: int, *others: NetworkService) -> NetworkService:
        """Start a host and return once it is connected to ``others``."""
        service = NetworkService(settings(key, *[await address_of(other) for other in others]))
        feeds = [service.peer_events(), *[other.peer_events() for other in others]]
        await self.start(service)
        for _ in others:
            await next_event(feeds[0])
        for feed in feeds[1:]:
            assert await next_event(feed) == PeerConnected(service.peer_id)
        for feed in feeds:
            feed.close()
        return service


@pytest.fixture
async def network() -> AsyncIterator[Network]:
    async with AsyncExitStack() as closing:
        yield Network(closing)


async def echo(frame: bytes, peer: str) -> AsyncIterator[bytes]:
    yield frame
    yield peer.encode()


# Gossip


async def test_gossip_goes_both_ways_and_to_ourselves(network: Network) -> None:
    alice = await network.join(1)
    bob = await network.join(2, alice)
    at_alice, at_bob = await alice.subscribe("t"), await bob.subscribe("t")
    await until_heard(alice, "t", at_bob)
    await until_heard(bob, "t", at_alice)

    await alice.publish("t", b"from alice")
    assert await take(at_alice, 1) == [GossipMessage("t", b"from alice")]
    assert await take(at_bob, 1) == [GossipMessage("t", b"from alice", alice.peer_id, alice.peer_id)]
    await bob.publish("t", b"from bob")
    assert await take(at_alice, 1) == [GossipMessage("t", b"from bob", bob.peer_id, bob.peer_id)]


async def test_a_burst_arrives_completely(network: Network) -> None:
    alice = await network.join(1)
    bob = await network.join(2, alice)
    await alice.subscribe("t")
    at_bob = await bob.subscribe("t")
    await until_heard(alice, "t", at_bob)

    sent = [b"%d " % number * 200 for number in range(300)]
    await asyncio.gather(*(alice.publish("t", data) for data in sent))
    assert sorted(message.data for message in await take(at_bob, len(sent))) == sorted(sent)


async def test_messages_are_passed_on(network: Network) -> None:
    hub = await network.join(1)
    alice, bob = await network.join(2, hub), await network.join(3, hub)
    await hub.subscribe("t")
    await alice.subscribe("t")
    at_bob = await bob.subscribe("t")
    await until_heard(hub, "t", at_bob)
    await until_heard(alice, "t", at_bob)

    await alice.publish("t", b"via hub")
    assert await take(at_bob, 1) == [GossipMessage("t", b"via hub", alice.peer_id, hub.peer_id)]


async def test_a_message_goes_round_once(network: Network, caplog: pytest.LogCaptureFixture) -> None:
    alice = await network.join(1)
    bob = await network.join(2, alice)
    at_alice, at_bob = await alice.subscribe("t"), await bob.subscribe("t")
    await until_heard(alice, "t", at_bob)
    await until_heard(bob, "t", at_alice)

    await alice.publish("t", b"once")
    await take(at_bob, 1)
    await alice.publish("t", b"once")
    await bob.publish("t", b"once")
    assert [record.getMessage() for record in caplog.records] == [
        "failed to broadcast message to topic: t Duplicate"
    ] * 2
    await alice.publish("t", b"next")
    assert [message.data for message in await take(at_alice, 2)] == [b"once", b"next"]
    assert [message.data for message in await take(at_bob, 1)] == [b"next"]


async def test_a_message_without_peers_is_retried(
    network: Network, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(service_module, "PUBLISH_BACKOFF", 1.2)
    alice = await network.join(1)
    at_alice = await alice.subscribe("t")
    await alice.publish("t", b"patience")
    bob = NetworkService(settings(2, await address_of(alice)))
    await network.start(bob)
    at_bob = await bob.subscribe("t")
    assert [message.data for message in await take(at_bob, 1)] == [b"patience"]
    assert await take(at_alice, 1) == [GossipMessage("t", b"patience")]
    assert "insufficient peers, trying again in 1s" in caplog.text


async def test_a_message_is_dropped_after_three_retries(
    network: Network, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    waits: list[float] = []

    async def wait(duration: float) -> None:
        waits.append(duration)

    alice = await network.join(1)
    at_alice = await alice.subscribe("t")
    monkeypatch.setattr(service_module.asyncio, "sleep", wait)
    await alice._publish_later("t", b"nobody listens")
    assert waits == [1.0, 5.0, 25.0]
    assert caplog.records[-1].levelname == "ERROR"
    assert caplog.records[-1].getMessage() == "failed to broadcast message to topic: t InsufficientPeers"
    await alice.close()
    assert [message async for message in at_alice] == []


async def test_a_message_too_large_is_refused(network: Network) -> None:
    alice = await network.join(1)
    bob = await network.join(2, alice)
    await alice.subscribe("t")
    at_bob = await bob.subscribe("t")
    await until_heard(alice, "t", at_bob)
    with pytest.raises(MessageTooLarge, match=r"65536 bytes for topic 't'.*at most 65536"):
        await alice.publish("t", bytes(65_536))
    largest = bytes(65_400)
    await alice.publish("t", largest)
    assert [message.data for message in await take(at_bob, 1)] == [largest]


async def test_what_a_peer_sends_too_large_is_not_delivered(network: Network) -> None:
    generous = GossipsubSettings(max_transmit_size=1 << 20)
    alice = await network.start(NetworkService(replace(settings(1), gossipsub=generous)))
    bob = await network.join(2, alice)
    await alice.subscribe("t")
    at_bob = await bob.subscribe("t")
    await until_heard(alice, "t", at_bob)
    await alice.publish("t", bytes(200_000))
    await until_heard(alice, "t")
    assert len((await take(at_bob, 1))[0].data) < 100


# Streams


async def test_a_request_gets_its_frames(network: Network) -> None:
    alice = NetworkService(settings(1))
    alice.serve(ECHO, echo, max_concurrent=4)
    await network.start(alice)
    bob = await network.join(2, alice)
    frames = [frame async for frame in bob.request(alice.peer_id, ECHO, b"hello", timeout=DEADLINE)]
    assert frames == [b"hello", bob.peer_id.encode()]


async def test_a_long_answer_arrives_in_order(network: Network) -> None:
    async def count(frame: bytes, _: str) -> AsyncIterator[bytes]:
        for number in range(int(frame)):
            yield b"%06d" % number * 1_000

    alice = NetworkService(settings(1))
    alice.serve("/count/1", count, max_concurrent=1)
    await network.start(alice)
    bob = await network.join(2, alice)
    answer = bob.request(alice.peer_id, "/count/1", b"200", timeout=DEADLINE)
    assert [int(frame[:6]) async for frame in answer] == list(range(200))


async def test_requests_beyond_the_limit_are_refused(network: Network) -> None:
    release = asyncio.Event()

    async def wait(_: bytes, __: str) -> AsyncIterator[bytes]:
        yield b"started"
        await release.wait()
        yield b"finished"

    alice = NetworkService(settings(1))
    alice.serve("/wait/1", wait, max_concurrent=2)
    await network.start(alice)
    bob = await network.join(2, alice)
    accepted = [bob.request(alice.peer_id, "/wait/1", b"", timeout=DEADLINE) for _ in range(2)]
    for answer in accepted:
        assert await anext(answer) == b"started"
    with pytest.raises(StreamBroken):
        await anext(bob.request(alice.peer_id, "/wait/1", b"", timeout=DEADLINE))
    release.set()
    for answer in accepted:
        assert [frame async for frame in answer] == [b"finished"]
    assert await anext(bob.request(alice.peer_id, "/wait/1", b"", timeout=DEADLINE)) == b"started"


async def test_a_silent_peer_fails_the_request(network: Network) -> None:
    async def never(_: bytes, __: str) -> AsyncIterator[bytes]:
        await asyncio.Event().wait()
        yield b""

    alice = NetworkService(settings(1))
    alice.serve("/never/1", never, max_concurrent=1)
    await network.start(alice)
    bob = await network.join(2, alice)
    with pytest.raises(RequestFailed, match=rf"{alice.peer_id} sent nothing on /never/1 for 0.05 s"):
        await anext(bob.request(alice.peer_id, "/never/1", b"", timeout=0.05))


async def test_a_failing_handler_is_logged_and_breaks_the_stream(
    network: Network, caplog: pytest.LogCaptureFixture
) -> None:
    arrived = asyncio.Event()

    async def fail(_: bytes, __: str) -> AsyncIterator[bytes]:
        yield b"so far"
        await arrived.wait()  # a reset drops what the peer has not read yet
        raise ValueError("no such block")

    alice = NetworkService(settings(1))
    alice.serve("/fail/1", fail, max_concurrent=1)
    await network.start(alice)
    bob = await network.join(2, alice)
    answer = bob.request(alice.peer_id, "/fail/1", b"", timeout=DEADLINE)
    assert await anext(answer) == b"so far"
    arrived.set()
    with pytest.raises(StreamBroken):
        await anext(answer)
    await reached("the line that comes after the reset", lambda: "serving /fail/1" in caplog.text)
    assert "no such block" in caplog.text


async def test_an_answer_cut_short_is_not_taken_for_complete(network: Network) -> None:
    async def begin(_: bytes, __: str) -> AsyncIterator[bytes]:
        yield b"so far"
        await asyncio.Event().wait()

    alice = NetworkService(settings(1))
    alice.serve("/begin/1", begin, max_concurrent=1)
    await network.start(alice)
    bob = await network.join(2, alice)
    answer = bob.request(alice.peer_id, "/begin/1", b"", timeout=DEADLINE)
    assert await anext(answer) == b"so far"
    await alice.close()
    with pytest.raises(StreamBroken):
        await anext(answer)


async def test_an_unknown_protocol_and_an_unknown_peer(network: Network) -> None:
    alice = await network.join(1)
    bob = await network.join(2, alice)
    with pytest.raises(PeerUnreachable, match="opened no stream for /nothing/1"):
        await bob.open_stream(alice.peer_id, "/nothing/1")
    with pytest.raises(PeerUnreachable, match="is not connected"):
        await bob.open_stream(bob.peer_id, ECHO)


async def test_a_stream_carries_both_directions(network: Network) -> None:
    async def double(stream: Stream) -> None:
        while (frame := await stream.read_frame()) is not None:
            await stream.write_frame(frame * 2)

    alice = NetworkService(settings(1))
    alice.serve_streams("/double/1", double, max_concurrent=1)
    await network.start(alice)
    bob = await network.join(2, alice)
    async with await bob.open_stream(alice.peer_id, "/double/1") as stream:
        for number in range(20):
            await stream.write_frame(b"%d" % number)
            assert await stream.read_frame(DEADLINE) == b"%d%d" % (number, number)


# Peers


async def test_peers_and_info(network: Network) -> None:
    alice = await network.join(1)
    bob = await network.join(2, alice)
    info = await bob.info()
    assert (info.n_peers, info.n_connections, info.n_pending_connections) == (1, 1, 0)
    assert info.listen_addresses[0].startswith("/ip4/127.0.0.1/udp/")
    assert await bob.peers() == (alice.peer_id,)
    assert await alice.peers() == (bob.peer_id,)


async def test_a_wildcard_lists_the_addresses_of_the_machine(network: Network) -> None:
    service = await network.start(NetworkService(replace(settings(1), listen_host="0.0.0.0")))
    addresses = (await service.info()).listen_addresses
    assert any(address.startswith("/ip4/127.0.0.1/udp/") for address in addresses)
    assert not any("0.0.0.0" in address for address in addresses)


async def test_ipv6(network: Network) -> None:
    try:
        alice = await network.start(NetworkService(replace(settings(1), listen_host="::1")))
    except ListenAddressUnavailable:
        pytest.skip("this machine has no IPv6")
    bob = NetworkService(replace(settings(2, await address_of(alice)), listen_host="::1"))
    events = bob.peer_events()
    await network.start(bob)
    assert await next_event(events) == PeerConnected(alice.peer_id)


async def test_a_peer_that_leaves_is_noticed_at_once_and_dialled_again(network: Network) -> None:
    alice = NetworkService(settings(1))
    await alice.start()
    address = await address_of(alice)
    port = int(address.split("/")[4])
    bob = NetworkService(settings(2, address))
    events = bob.peer_events()
    await network.start(bob)
    assert await next_event(events) == PeerConnected(alice.peer_id)
    left = time.monotonic()
    await alice.close()
    assert await next_event(events) == PeerDisconnected(alice.peer_id)
    assert time.monotonic() - left < 2

    again = await network.start(NetworkService(replace(settings(1), listen_port=port)))
    assert await next_event(events) == PeerConnected(again.peer_id)


async def test_dialling_by_hand(network: Network) -> None:
    alice, bob = await network.join(1), await network.join(2)
    assert await bob.dial(await address_of(alice)) == alice.peer_id
    with pytest.raises(PeerUnreachable):
        await bob.dial(f"{await address_of(alice)}/p2p/{bob.peer_id}")


async def test_nobody_there(network: Network) -> None:
    alice = await network.start(NetworkService(replace(settings(1), dial_timeout=0.2)))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        with pytest.raises(PeerUnreachable, match="cannot connect to /ip4/127"):
            await alice.dial(f"/ip4/127.0.0.1/udp/{deaf.getsockname()[1]}/quic-v1")
    with pytest.raises(PeerUnreachable, match="cannot resolve"):
        await alice.dial("/dns4/nowhere.invalid/udp/1/quic-v1")


async def test_a_node_in_its_own_initial_peers_does_no_harm(network: Network) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    own = f"/ip4/127.0.0.1/udp/{port}/quic-v1"
    alice = await network.start(NetworkService(replace(settings(1, own), listen_port=port)))
    bob = await network.join(2, alice)
    assert await alice.peers() == (bob.peer_id,)


async def test_packets_leave_from_the_listening_address(network: Network) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))
        peer.setblocking(False)
        address = f"/ip4/127.0.0.1/udp/{peer.getsockname()[1]}/quic-v1"
        await network.start(NetworkService(replace(settings(1, address), listen_host="127.0.0.9")))
        async with asyncio.timeout(DEADLINE):
            _, sender = await asyncio.get_running_loop().sock_recvfrom(peer, 2_048)
    assert sender[0] == "127.0.0.9"


# Start and end


async def test_a_port_in_use_is_named(network: Network) -> None:
    alice = await network.join(1)
    taken = await address_of(alice)
    port = int(taken.split("/")[4])
    with pytest.raises(ListenAddressUnavailable, match=f"cannot listen on {taken}: Address already in use"):
        await NetworkService(replace(settings(2), listen_port=port)).start()


async def test_closing_leaves_nothing_behind(network: Network) -> None:
    threads, tasks = set(threading.enumerate()), asyncio.all_tasks()
    alice = NetworkService(settings(1))
    alice.serve(ECHO, echo, max_concurrent=1)
    await alice.start()
    bob = NetworkService(settings(2, await address_of(alice)))
    events = bob.peer_events()
    await bob.start()
    await next_event(events)
    messages = await bob.subscribe("t")
    reader = asyncio.create_task(anext(messages))
    started = time.monotonic()
    await bob.close()
    await alice.close()
    assert time.monotonic() - started < 0.5
    with pytest.raises(StopAsyncIteration):
        await reader
    assert [event async for event in events] == []
    assert set(threading.enumerate()) == threads
    assert asyncio.all_tasks() == tasks
    with pytest.raises(NetworkClosed):
        await bob.publish("t", b"too late")
    await bob.close()


async def test_closing_ends_calls_in_flight(network: Network) -> None:
    asked = asyncio.Event()

    async def never(_: bytes, __: str) -> AsyncIterator[bytes]:
        asked.set()
        await asyncio.Event().wait()
        yield b""

    alice = NetworkService(settings(1))
    alice.serve("/never/1", never, max_concurrent=1)
    await network.start(alice)
    bob = await network.join(2, alice)
    waiting = asyncio.create_task(anext(bob.request(alice.peer_id, "/never/1", b"")))  # type: ignore[arg-type]
    await asked.wait()
    await bob.close()
    with pytest.raises((NetworkClosed, StreamBroken)):
        await waiting
