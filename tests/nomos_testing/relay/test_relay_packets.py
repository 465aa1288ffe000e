"""What the running relay does to packets between plain UDP sockets, seen from their ends."""

from __future__ import annotations

import asyncio
import math
import os
import signal
import socket
import statistics
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from nomos_testing.cluster.interfaces import NetworkControlError
from nomos_testing.cluster.link_effects import LinkEffect
from nomos_testing.cluster.links import Link
from nomos_testing.deployers.local.relay_process import local_relay
from nomos_testing.deployers.shared.errors import LaunchError
from nomos_testing.relay.proxy_sockets import NodeSockets
from nomos_testing.topology import reserve_ports
from support.inputs.fault_deadlines import EFFECT_DEADLINE, MACHINE_FACTOR
from support.processes.fake_node_processes import is_gone
from support.processes.relay_lab import PACKET, RelayLab, open_station, own_host, relay_lab, until

pytestmark = pytest.mark.network

A_TO_B = Link("a", "b")
B_TO_A = Link("b", "a")


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[RelayLab]:
    async with relay_lab(tmp_path, "a", "b", "c") as running:
        yield running


async def test_a_peer_sees_the_address_it_would_dial(lab: RelayLab) -> None:
    lab.send("a", "b", 7)
    (arrival,) = await lab.stations["b"].received(1)
    assert arrival.number == 7
    assert arrival.source == lab.proxy("a")
    lab.stations["b"].send(arrival.payload, arrival.source)
    (answer,) = await lab.stations["a"].received(1)
    assert answer.source == lab.proxy("b")


async def test_a_socket_that_dials_from_another_port_gets_its_own_answers(lab: RelayLab) -> None:
    lab.stations["b"].echoing = True
    host = lab.stations["a"].address[0]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as first, socket.socket(type=socket.SOCK_DGRAM) as second:
        for dialling, text in ((first, b"one"), (second, b"two")):
            dialling.bind((host, 0))
            dialling.setblocking(False)
            dialling.sendto(text, lab.proxy("b"))
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(5):
            assert await loop.sock_recvfrom(first, 100) == (b"one", lab.proxy("b"))
            assert await loop.sock_recvfrom(second, 100) == (b"two", lab.proxy("b"))
    sources = {arrival.source for arrival in lab.stations["b"].arrivals}
    assert len(sources) == 2
    assert lab.proxy("a") not in sources


async def test_packets_from_no_node_are_refused(lab: RelayLab, tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.sendto(b"hello", lab.proxy("b"))
        lab.send("a", "b", 1)
        await lab.stations["b"].received(1)
    assert lab.stations["b"].numbers == [1]
    assert '"event":"stranger_refused"' in (tmp_path / "relay.log").read_text()


async def test_without_a_fault_nothing_is_lost_or_reordered(lab: RelayLab) -> None:
    await lab.stream("a", "b", 4000)
    await lab.stations["b"].received(4000)
    assert lab.stations["b"].numbers == list(range(4000))
    counters = (await lab.relay.counters())[A_TO_B]
    assert (counters["received"], counters["delivered"]) == (4000, 4000)


async def test_a_large_packet_passes_whole(lab: RelayLab) -> None:
    lab.send("a", "b", 3, size=60_000)
    (arrival,) = await lab.stations["b"].received(1)
    assert len(arrival.payload) == 60_000


async def test_a_cut_and_its_end_take_effect_at_once_in_one_direction(lab: RelayLab) -> None:
    asked = time.monotonic()
    in_effect = await lab.relay.impose(1, [A_TO_B], LinkEffect(cut=True))
    assert in_effect - asked < EFFECT_DEADLINE
    assert await lab.passes("a", "b", timeout=0.2) is None
    assert await lab.passes("b", "a", timeout=2) is not None
    asked = time.monotonic()
    await lab.relay.lift([1])
    waited = await lab.passes("a", "b", timeout=2)
    assert waited is not None
    assert time.monotonic() - asked < EFFECT_DEADLINE
    assert all(arrival.at >= asked for arrival in lab.stations["b"].arrivals)


async def test_a_cut_keeps_new_sockets_out_too(lab: RelayLab) -> None:
    await lab.relay.impose(1, [A_TO_B], LinkEffect(cut=True))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as dialling:
        dialling.bind((lab.stations["a"].address[0], 0))
        for _ in range(20):
            dialling.sendto(b"let me in", lab.proxy("b"))
        lab.send("c", "b", 1)
        await lab.stations["b"].received(1)
    assert lab.stations["b"].numbers == [1]


async def test_lost_packets_are_the_share_asked_for(lab: RelayLab) -> None:
    count, rate = 4000, 0.3
    await lab.relay.impose(1, [A_TO_B], LinkEffect(loss=rate))
    await lab.stream("a", "b", count)
    await lab.relay.lift([1])
    await lab.stream("a", "b", 1)
    await lab.stations["b"].received(int(count * (1 - rate) * 0.8))
    await lab.stations["b"].quiet()
    # Five standard deviations: one run in two million fails by chance.
    assert abs(len(lab.stations["b"].arrivals) - 1 - count * (1 - rate)) < 5 * math.sqrt(count * rate * (1 - rate))


async def test_duplicated_packets_are_the_share_asked_for(lab: RelayLab) -> None:
    count, rate = 2000, 0.25
    await lab.relay.impose(1, [A_TO_B], LinkEffect(duplicate=rate))
    await lab.stream("a", "b", count)
    await lab.stations["b"].received(count)
    await lab.stations["b"].quiet()
    assert sorted(set(lab.stations["b"].numbers)) == list(range(count))
    extra = len(lab.stations["b"].arrivals) - count
    assert abs(extra - count * rate) < 5 * math.sqrt(count * rate * (1 - rate))


async def test_latency_delays_each_packet_and_keeps_their_order(lab: RelayLab) -> None:
    await lab.relay.impose(1, [A_TO_B], LinkEffect(delay=0.1, jitter=0.05))
    sent = []
    for number in range(200):
        sent.append(lab.send("a", "b", number))
        await asyncio.sleep(0.002)
    arrivals = await lab.stations["b"].received(200)
    assert lab.stations["b"].numbers == list(range(200))
    delays = [arrival.at - left for arrival, left in zip(arrivals, sent, strict=True)]
    assert min(delays) > 0.05
    assert 0.1 < statistics.median(delays) < 0.3 * MACHINE_FACTOR
    # The way back is as fast as ever.
    answers = [await lab.passes("b", "a", timeout=2) for _ in range(5)]
    assert min(answered for answered in answers if answered is not None) < 0.05


async def test_lifting_latency_releases_what_waits(lab: RelayLab) -> None:
    await lab.relay.impose(1, [A_TO_B], LinkEffect(delay=30))
    for number in range(10):
        lab.send("a", "b", number)
    await lab.taken_in(A_TO_B, 10)
    lifted = await lab.relay.clear()
    lab.send("a", "b", 10)
    arrivals = await lab.stations["b"].received(11)
    assert lab.stations["b"].numbers == list(range(11))
    assert arrivals[-1].at - lifted < EFFECT_DEADLINE


async def test_a_cut_drops_what_waits(lab: RelayLab) -> None:
    await lab.relay.impose(1, [A_TO_B], LinkEffect(delay=0.2))
    lab.send("a", "b", 1)
    await lab.taken_in(A_TO_B, 1)
    await lab.relay.impose(2, [A_TO_B], LinkEffect(cut=True))
    await lab.relay.clear()
    lab.send("a", "b", 2)
    await lab.stations["b"].received(1)
    await asyncio.sleep(0.3)  # what is looked for is that nothing comes
    assert lab.stations["b"].numbers == [2]


async def test_reordered_packets_are_overtaken_and_none_is_lost(lab: RelayLab) -> None:
    count = 1000
    await lab.relay.impose(1, [A_TO_B], LinkEffect(reorder=0.1, hold=0.02))
    await lab.stream("a", "b", count, rate=2000)
    await lab.stations["b"].received(count)
    numbers = lab.stations["b"].numbers
    assert sorted(numbers) == list(range(count))
    highest, late = -1, 0
    for number in numbers:
        late += number < highest
        highest = max(highest, number)
    assert abs(late - count * 0.1) < 5 * math.sqrt(count * 0.1 * 0.9)


async def test_bandwidth_spreads_packets_over_time_and_drops_what_is_too_much(lab: RelayLab) -> None:
    bytes_per_second = 100 * PACKET
    await lab.relay.impose(1, [A_TO_B], LinkEffect(bandwidth=bytes_per_second))
    await lab.stream("a", "b", 300, rate=20_000)
    fits = bytes_per_second // 2 // PACKET
    arrivals = await lab.stations["b"].received(fits)
    await lab.stations["b"].quiet()
    assert len(arrivals) < fits + 10
    rate = (len(arrivals) - 1) * PACKET / (arrivals[-1].at - arrivals[0].at)
    assert abs(rate / bytes_per_second - 1) < 0.25
    counters = (await lab.relay.counters())[A_TO_B]
    assert counters["overflowed"] + counters["delivered"] == 300


async def test_probes_follow_every_effect_and_reach_no_node(lab: RelayLab) -> None:
    links = [Link(source, target) for source in "abc" for target in "abc" if source != target]
    assert await lab.relay.silent_links(links, timeout=2) == frozenset()
    await lab.relay.impose(1, [A_TO_B], LinkEffect(cut=True))
    # A probe goes there and back, so that both directions miss it.
    assert await lab.relay.silent_links(links, timeout=1) == {A_TO_B, B_TO_A}
    await lab.relay.clear()
    assert await lab.relay.silent_links(links, timeout=2) == frozenset()
    assert not any(station.arrivals for station in lab.stations.values())


async def test_a_refused_request_changes_nothing(lab: RelayLab) -> None:
    with pytest.raises(NetworkControlError, match=r"links: there is no link a -> nobody"):
        await lab.relay.impose(1, [A_TO_B, Link("a", "nobody")], LinkEffect(cut=True))
    assert await lab.passes("a", "b", timeout=2) is not None
    await lab.relay.lift([1])
    await lab.relay.clear()


async def test_a_node_that_joins_is_relayed_for_too(lab: RelayLab) -> None:
    with reserve_ports(1) as ports:
        joined = NodeSockets(own_host(), (ports.nodes[0].network,))
    await lab.relay.add("d", joined)
    station = await open_station(joined)
    lab.send("a", "d", 1)  # whose station is not one of the laboratory's
    try:
        (arrival,) = await station.received(1)
        assert arrival.source == lab.proxy("a")
        station.send(b"\0\0\0\2", lab.proxy("b"))
        (answer,) = await lab.stations["b"].received(1)
        assert answer.source == lab.proxy("d")
        assert await lab.relay.silent_links([Link("d", "a"), Link("a", "d")], timeout=2) == frozenset()
    finally:
        station.close()
    with pytest.raises(NetworkControlError, match="each node needs a name and an address of its own"):
        await lab.relay.add("e", joined)


async def test_a_relay_whose_address_is_taken_says_which(tmp_path: Path) -> None:
    pids: list[int] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        nodes = {"a": NodeSockets(own_host(), (port,))}
        relay = local_relay(nodes, evidence=tmp_path / "relay.log", seed=1, started=pids.append)
        with pytest.raises(LaunchError, match=f"cannot bind UDP 127.0.0.1:{port}: Address already in use"):
            await relay.start(ended=lambda reason: None)
    assert is_gone(pids[0])


async def test_a_relay_that_is_killed_is_noticed_and_named_in_every_later_error(lab: RelayLab) -> None:
    os.kill(lab.pid, signal.SIGKILL)
    await until("the end of the relay to be noticed", lambda: bool(lab.ended))
    assert "the network relay has ended (killed by SIGKILL)" in lab.ended[0]
    with pytest.raises(NetworkControlError, match="killed by SIGKILL"):
        await lab.relay.impose(1, [A_TO_B], LinkEffect(cut=True))
