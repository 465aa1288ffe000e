"""A node's network alone in a process, driven over its standard streams: the peer that tests start and kill.

Arguments: key byte, listening port, then the addresses to keep connected. Every event is a JSON object on a line of
standard output; a line on standard input is published on the topic ``t``.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from typing import Any

from nomos_node.network import Feed, GossipMessage, NetworkService, NetworkSettings, PeerEvent


def say(**event: Any) -> None:
    print(json.dumps(event), flush=True)


async def echo(frame: bytes, peer: str) -> AsyncIterator[bytes]:
    yield frame
    yield peer.encode()


async def report_messages(feed: Feed[GossipMessage]) -> None:
    async for message in feed:
        say(event="message", data=message.data.decode(), source=message.source)


async def report_peers(feed: Feed[PeerEvent]) -> None:
    async for event in feed:
        say(event=type(event).__name__, peer=event.peer_id)


async def lines_of_stdin() -> AsyncIterator[bytes]:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async for line in reader:
        yield line.rstrip(b"\n")


async def main(key: int, port: int, initial_peers: tuple[str, ...]) -> None:
    settings = NetworkSettings(
        node_key=bytes([key]) * 32, listen_host="127.0.0.1", listen_port=port, initial_peers=initial_peers
    )
    service = NetworkService(settings)
    service.serve("/echo/1", echo, max_concurrent=4)
    async with service, asyncio.TaskGroup() as tasks:
        tasks.create_task(report_peers(service.peer_events()))
        tasks.create_task(report_messages(await service.subscribe("t")))
        say(event="ready", address=(await service.info()).listen_addresses[0], peer=service.peer_id)
        async for line in lines_of_stdin():
            await service.publish("t", line)
        await service.close()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), tuple(sys.argv[3:])))
