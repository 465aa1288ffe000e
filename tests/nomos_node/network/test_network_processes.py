"""Hosts in processes of their own: killed and restarted, four at once, made of plain py-libp2p, forked."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from nomos_node.network import NetworkService, NetworkSettings, PeerConnected, PeerDisconnected

HERE = Path(__file__).parent
DEADLINE = 20.0

Start = Callable[..., Any]


class PeerProcess:
    """``peer_process.py`` and what it said so far."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.said: list[dict[str, str]] = []

    async def until(self, **expected: str) -> dict[str, str]:
        """Read events until one has the expected fields."""
        assert self.process.stdout is not None
        try:
            async with asyncio.timeout(DEADLINE):
                while line := await self.process.stdout.readline():
                    self.said.append(json.loads(line))
                    if expected.items() <= self.said[-1].items():
                        return self.said[-1]
        except TimeoutError:
            pass
        pytest.fail(f"waited for {expected}, the peer said {self.said}")

    async def publish(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{text}\n".encode())
        await self.process.stdin.drain()


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Starts peers; none survives the test."""

    @asynccontextmanager
    async def running(*arguments: str) -> AsyncIterator[PeerProcess]:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(HERE / "peer_process.py"),
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            yield PeerProcess(process)
        finally:
            if process.returncode is None:
                process.kill()
            await process.communicate()

    async with AsyncExitStack() as stack:
        yield lambda *arguments: stack.enter_async_context(running(*map(str, arguments)))


@pytest.mark.slow
async def test_a_killed_peer_is_noticed_and_reconnected_when_it_comes_back(start: Start) -> None:
    peer = await start(1, 0)
    ready = await peer.until(event="ready")
    address, port = ready["address"], int(ready["address"].split("/")[4])
    settings = NetworkSettings(node_key=bytes([2]) * 32, listen_host="127.0.0.1", initial_peers=(address,))
    service = NetworkService(settings)
    events = service.peer_events()
    async with service, asyncio.timeout(DEADLINE):
        messages = await service.subscribe("t")
        assert await anext(events) == PeerConnected(ready["peer"])

        peer.process.kill()
        killed = time.monotonic()
        assert await anext(events) == PeerDisconnected(ready["peer"])
        assert time.monotonic() - killed < 5.5

        again = await start(1, port)
        await again.until(event="ready")
        restarted = time.monotonic()
        assert await anext(events) == PeerConnected(ready["peer"])
        assert time.monotonic() - restarted < 5
        await again.publish("back again")
        assert (await anext(messages)).data == b"back again"
        await service.publish("t", b"welcome")
        await again.until(event="message", data="welcome")


@pytest.mark.slow
async def test_a_peer_that_restarts_before_it_is_missed(start: Start) -> None:
    """The restarted peer dials us while we still hold its old connection: gossip must move to the new one."""
    service = NetworkService(NetworkSettings(node_key=bytes([2]) * 32, listen_host="127.0.0.1"))
    events = service.peer_events()
    async with service, asyncio.timeout(DEADLINE):
        messages = await service.subscribe("t")
        address = (await service.info()).listen_addresses[0]
        peer = await start(1, 0, address)
        ready = await peer.until(event="ready")
        assert await anext(events) == PeerConnected(ready["peer"])
        peer.process.kill()
        again = await start(1, ready["address"].split("/")[4], address)
        await again.until(event="PeerConnected")
        await again.publish("it is me")
        assert (await anext(messages)).data == b"it is me"
        await again.until(event="message", data="it is me")
        await service.publish("t", b"so I see")
        await again.until(event="message", data="so I see")


@pytest.mark.slow
async def test_four_hosts_gossip_to_each_other(start: Start) -> None:
    peers = [await start(1, 0)]
    addresses = [(await peers[0].until(event="ready"))["address"]]
    for key in (2, 3, 4):
        peers.append(await start(key, 0, *addresses))
        addresses.append((await peers[-1].until(event="ready"))["address"])
    for peer, others in zip(peers, (3, 3, 3, 3), strict=True):
        while sum(event["event"] == "PeerConnected" for event in peer.said) < others:
            await peer.until(event="PeerConnected")
    for number, sender in enumerate(peers):
        await sender.publish(f"from {number}")
    for peer in peers:
        for number in range(4):
            if not any(event.get("data") == f"from {number}" for event in peer.said):
                await peer.until(event="message", data=f"from {number}")


@pytest.mark.slow
async def test_plain_libp2p_understands_us() -> None:
    service = NetworkService(NetworkSettings(node_key=bytes([2]) * 32, listen_host="127.0.0.1"))

    async def nothing(frame: bytes, peer: str) -> AsyncIterator[bytes]:
        yield frame

    service.serve("/nomos/cryptarchia/sync/1.0.0", nothing, max_concurrent=4)
    async with service, asyncio.timeout(DEADLINE):
        messages = await service.subscribe("t")
        address = (await service.info()).listen_addresses[0]
        stock = await asyncio.create_subprocess_exec(
            sys.executable, str(HERE / "stock_peer.py"), address, service.peer_id, stdout=asyncio.subprocess.PIPE
        )
        try:
            assert (await anext(messages)).data == b"from stock"
            await service.publish("t", b"from us")
            output, _ = await stock.communicate()
        finally:
            if stock.returncode is None:
                stock.kill()
                await stock.wait()
    report = json.loads(output)
    assert report["message"] == "from us"
    assert {"/ipfs/id/1.0.0", "/meshsub/1.1.0", "/meshsub/1.0.0", "/nomos/cryptarchia/sync/1.0.0"} <= set(
        report["protocols"]
    )


FORK = """
import asyncio, os, threading
from nomos_node import network

network.preload()
assert threading.active_count() == 1

async def child() -> int:
    settings = network.NetworkSettings(node_key=bytes([1]) * 32, listen_host="127.0.0.1")
    async with network.NetworkService(settings) as service:
        return len((await service.info()).listen_addresses)

if (process := os.fork()) == 0:
    os._exit(0 if asyncio.run(child()) == 1 else 1)
assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0
"""


@pytest.mark.slow
async def test_a_forked_child_can_run_what_its_parent_loaded() -> None:
    program = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        FORK,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=dict(os.environ),
    )
    output, _ = await program.communicate()
    assert (program.returncode, output) == (0, b"")
