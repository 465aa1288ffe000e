"""Addresses, frames, feeds and settings of the network."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nomos_node.network import AddressError, Feed, FrameTooLarge, NetworkSettings, QuicEndpoint, parse_endpoint
from nomos_node.network.broadcast import Broadcast
from nomos_node.network.framing import FrameDecoder, VarintFrameDecoder, encode_frame

PORTS = st.integers(0, 65_535)


@given(st.ip_addresses(), PORTS, st.sampled_from([None, "12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp"]))
def test_an_endpoint_is_read_as_it_is_written(host: object, port: int, peer: str | None) -> None:
    endpoint = QuicEndpoint("ip6" if ":" in str(host) else "ip4", str(host), port, peer)
    assert parse_endpoint(str(endpoint)) == endpoint


def test_names_are_endpoints_too() -> None:
    assert parse_endpoint("/dns4/node-0/udp/3000/quic-v1") == QuicEndpoint("dns4", "node-0", 3000)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "expected /ip4"),
        ("127.0.0.1:3000", "expected /ip4"),
        ("/ip4/127.0.0.1/tcp/3000", "expected /ip4"),
        ("/ip4/127.0.0.1/udp/3000", "expected /ip4"),
        ("/ip4/::1/udp/3000/quic-v1", "bad host '::1' for 'ip4'"),
        ("/ip4/256.0.0.1/udp/3000/quic-v1", "bad host '256.0.0.1'"),
        ("/unix/x/udp/3000/quic-v1", "bad host 'x' for 'unix'"),
        ("/ip4/127.0.0.1/udp/65536/quic-v1", "bad UDP port '65536'"),
        ("/ip4/127.0.0.1/udp/-1/quic-v1", "bad UDP port '-1'"),
    ],
)
def test_a_bad_address_is_refused_with_its_fault(text: str, fault: str) -> None:
    with pytest.raises(AddressError, match=fault) as refusal:
        parse_endpoint(text)
    assert repr(text) in str(refusal.value)


@given(st.lists(st.binary(max_size=300), max_size=20), st.integers(1, 500))
def test_frames_survive_any_cut(frames: list[bytes], piece: int) -> None:
    wire = b"".join(map(encode_frame, frames))
    decoder = FrameDecoder()
    seen = []
    for start in range(0, len(wire), piece):
        decoder.feed(wire[start : start + piece])
        while (frame := decoder.next_frame()) is not None:
            seen.append(frame)
    assert seen == frames
    assert not decoder.mid_frame


def varint(value: int) -> bytes:
    return bytes([value & 0x7F | 0x80]) + varint(value >> 7) if value > 0x7F else bytes([value])


@given(st.lists(st.binary(max_size=400), max_size=20), st.integers(0, 300), st.integers(1, 500))
def test_gossip_frames_survive_any_cut_and_large_ones_are_skipped(frames: list[bytes], limit: int, piece: int) -> None:
    wire = b"".join(varint(len(frame)) + frame for frame in frames)
    decoder = VarintFrameDecoder(limit)
    seen = []
    for start in range(0, len(wire), piece):
        decoder.feed(wire[start : start + piece])
        while (frame := decoder.next_frame()) is not None:
            seen.append(frame)
    assert seen == [frame for frame in frames if len(frame) <= limit]


def test_an_endless_length_is_refused() -> None:
    decoder = VarintFrameDecoder(10)
    decoder.feed(b"\xff" * 9)
    assert decoder.next_frame() is None
    decoder.feed(b"\xff")
    with pytest.raises(ValueError, match="more than 64 bits"):
        decoder.next_frame()


def test_the_largest_frame() -> None:
    assert encode_frame(bytes(65_535))[:2] == b"\xff\xff"
    with pytest.raises(FrameTooLarge, match="65536 bytes"):
        encode_frame(bytes(65_536))


def test_an_unfinished_frame_is_noticed() -> None:
    decoder = FrameDecoder()
    decoder.feed(b"\x05\x00abc")
    assert decoder.next_frame() is None
    assert decoder.mid_frame


async def test_a_feed_keeps_the_order_and_ends() -> None:
    feed = Feed[int](capacity=10)
    for number in range(3):
        assert feed.offer(number)
    feed.close()
    assert not feed.offer(3)
    assert [number async for number in feed] == [0, 1, 2]
    assert [number async for number in feed] == []


async def test_a_full_feed_drops_and_counts() -> None:
    feed = Feed[int](capacity=2)
    assert [feed.offer(number) for number in range(4)] == [True, True, False, False]
    assert feed.dropped == 2
    assert await anext(feed) == 0
    assert feed.offer(4)


async def test_leaving_a_feed_tells_its_owner_once() -> None:
    closed: list[Feed[int]] = []
    async with Feed[int](capacity=1, on_close=closed.append) as feed:
        reader = asyncio.create_task(anext(feed))
    feed.close()
    with pytest.raises(StopAsyncIteration):
        await reader
    assert closed == [feed]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"node_key": b"short"}, "node_key: expected 32 bytes, got 5"),
        ({"listen_host": "localhost"}, "localhost"),
        ({"listen_port": 65_536}, "listen_port: expected 0 to 65535"),
        ({"initial_peers": ("nowhere",)}, "'nowhere'"),
        ({"keep_alive_interval": 3.0}, "below idle_timeout"),
    ],
)
def test_settings_are_checked(change: dict[str, object], fault: str) -> None:
    values: dict[str, object] = {"node_key": bytes(32), **change}
    with pytest.raises(ValueError, match=fault):
        NetworkSettings(**values)  # type: ignore[arg-type]


def test_a_node_dials_from_the_address_it_listens_on() -> None:
    assert NetworkSettings(node_key=bytes(32), listen_host="127.0.0.7").dial_host == "127.0.0.7"
    assert NetworkSettings(node_key=bytes(32)).dial_host is None
    assert NetworkSettings(node_key=bytes(32), listen_host="::").dial_host is None


async def test_subscribers_hear_of_an_event_in_the_order_in_which_they_subscribed() -> None:
    broadcast: Broadcast[str] = Broadcast()
    told: list[int] = []

    async def listen(number: int, feed: Feed[str]) -> None:
        await anext(feed)
        told.append(number)

    async with asyncio.TaskGroup() as listeners:
        feeds = [broadcast.subscribe() for _ in range(20)]
        for number in reversed(range(20)):
            listeners.create_task(listen(number, feeds[number]))
        await asyncio.sleep(0)
        broadcast.publish("an event")
    assert told == list(range(20))
