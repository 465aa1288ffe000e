"""What the network says in the log: its peers at INFO, dials and streams at DEBUG, bytes at TRACE, libraries apart."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import AsyncIterator, Callable

import pytest

from nomos_node.network import NetworkService, NetworkSettings, parse_endpoint
from nomos_node.telemetry.levels import TRACE
from support.inputs.fault_deadlines import MACHINE_FACTOR

TARGET = "nomos_network"
DEADLINE = 10.0 * MACHINE_FACTOR


def _service(key: int, *initial_peers: str) -> NetworkService:
    return NetworkService(
        NetworkSettings(
            node_key=bytes([key]) * 32, listen_host="127.0.0.1", initial_peers=initial_peers, dial_timeout=0.3
        )
    )


async def _address_of(service: NetworkService) -> str:
    return (await service.info()).listen_addresses[0]


async def _told(caplog: pytest.LogCaptureFixture, level: int, *parts: str) -> None:
    """Wait for a line of the network's target with all these parts."""

    def found() -> bool:
        lines = (record for record in caplog.records if (record.name, record.levelno) == (TARGET, level))
        return any(all(part in line.getMessage() for part in parts) for line in lines)

    await _reached(f"a line with {parts}", found)


async def _reached(what: str, condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, f"waited {DEADLINE:g} s for {what}"
        await asyncio.sleep(0.01)


async def _echo(frame: bytes, peer: str) -> AsyncIterator[bytes]:
    yield frame


async def test_peers_are_told_at_info_and_messages_with_their_size_at_trace(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(TRACE, logger=TARGET)
    alice = _service(1)
    alice.serve("/echo/1", _echo, max_concurrent=1)
    async with alice:
        await _told(caplog, logging.INFO, "listening at UDP 127.0.0.1:", f"as peer {alice.peer_id}")
        async with _service(2, await _address_of(alice)) as bob:
            await _told(caplog, logging.INFO, f"peer {alice.peer_id} connected, 1 peers now")
            await _told(caplog, logging.INFO, f"peer {bob.peer_id} connected, 1 peers now")
            await _told(caplog, logging.DEBUG, f"outbound connection to peer {alice.peer_id} at /ip4/127.0.0.1/udp/")
            await alice.subscribe("t")
            await bob.subscribe("t")
            await _told(caplog, logging.DEBUG, "joined topic t")
            await bob.publish("t", b"x" * 1234)
            await _told(caplog, TRACE, "gossip out: 1234 bytes of topic t to 1 peers")
            await _told(caplog, TRACE, f"gossip in: 1234 bytes of topic t, published by {bob.peer_id}")
            assert [frame async for frame in bob.request(alice.peer_id, "/echo/1", b"12345")] == [b"12345"]
            await _told(caplog, logging.DEBUG, f"opened a stream of /echo/1 to peer {alice.peer_id}")
            await _told(caplog, TRACE, f"frame out: 5 bytes of /echo/1 to peer {alice.peer_id}")
            await _told(caplog, TRACE, f"frame in: 5 bytes of /echo/1 from peer {bob.peer_id}")
        await _told(caplog, logging.INFO, f"peer {bob.peer_id} disconnected, 0 peers left")
    await _told(caplog, logging.INFO, "closed the network")


async def test_a_dial_that_fails_is_told_at_debug_and_is_no_error_of_the_library(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, logger=TARGET)
    async with _service(1) as gone:
        address = await _address_of(gone)
    async with _service(2, address):
        await _told(caplog, logging.DEBUG, f"dialling {address}")
        await _told(caplog, logging.DEBUG, f"cannot connect to {address}", "trying again in ")
    assert not _complaints(caplog)


async def test_the_end_of_a_busy_network_is_no_error_of_the_library(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="libp2p")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        async with _service(1) as alice:
            endpoint = parse_endpoint(await _address_of(alice))
            for _ in range(1000):  # so that it reads, and does not wait, when its socket is closed
                sender.sendto(bytes(100), (endpoint.host, endpoint.port))
    assert not _complaints(caplog)


def _complaints(caplog: pytest.LogCaptureFixture) -> list[str]:
    libraries = ("libp2p", "quic", "multiaddr")
    return [
        f"{record.name}: {record.getMessage()}"
        for record in caplog.records
        if record.name.startswith(libraries) and record.levelno >= logging.WARNING
    ]
