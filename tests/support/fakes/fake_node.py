"""A stand-in for the node program: serves the node's HTTP API over a chain of its own.

Run as ``python -m support.fakes.fake_node CONFIG.yaml``.

The chain is a function of the clock (one block a slot since ``chain_start``), so that all fake nodes agree without
talking. It reads the addresses where a node's configuration has them, and misbehaves as the section ``fake`` asks:

    fake:
      chain_start: 1700000000.0      # Unix seconds; slot 1 begins one slot later
      slot_seconds: 0.1
      peers: 3                       # what /network/info says
      say: [a line, another]         # printed to stderr at start
      exit_code: 3                   # end at once, after saying so
      mute: true                     # never listen
      ignore_sigterm: true
      start_child: true              # leave a grandchild behind
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import yaml
from aiohttp import web

from nomos_core.cryptarchia.block_json import block_to_json
from nomos_core.identifiers import HeaderId
from support.fakes.fake_chain import GENESIS_ID, fake_block


class FakeNode:
    def __init__(self, fake: dict[str, Any]) -> None:
        self._fake = fake
        self._slot_seconds = float(fake.get("slot_seconds", 1.0))
        self._chain_start = float(fake.get("chain_start", time.time()))
        self._ids = [GENESIS_ID]
        self._blocks: dict[HeaderId, Any] = {}
        self._submitted: list[Any] = []

    async def info(self, request: web.Request) -> web.Response:
        tip, height = self._tip()
        lib = self._ids[max(0, height - 10)].hex()
        return web.json_response({"lib": lib, "tip": tip.hex(), "slot": height, "height": height, "mode": "Online"})

    async def headers(self, request: web.Request) -> web.Response:
        _, height = self._tip()
        return web.json_response([block_id.hex() for block_id in reversed(self._ids[: height + 1])])

    async def block(self, request: web.Request) -> web.Response:
        self._tip()
        block = self._blocks.get(HeaderId(bytes.fromhex(await request.json())))
        return web.json_response(None if block is None else block_to_json(block))

    async def add_transaction(self, request: web.Request) -> web.Response:
        transaction = await request.json()
        if transaction in self._submitted:
            return web.Response(status=500, text="Item already in mempool")
        self._submitted.append(transaction)
        return web.json_response(None)

    async def metrics(self, request: web.Request) -> web.Response:
        return web.json_response({"pending_items": len(self._submitted), "last_item_timestamp": 0})

    async def network(self, request: web.Request) -> web.Response:
        peers = int(self._fake.get("peers", 0))
        return web.json_response(
            {"listen_addresses": [], "n_peers": peers, "n_connections": peers, "n_pending_connections": 0}
        )

    async def balancer(self, request: web.Request) -> web.Response:
        return web.json_response({"0": {"inbound": 1, "outbound": 0}, "1": {"inbound": 0, "outbound": 0}})

    async def membership(self, request: web.Request) -> web.Response:
        return web.json_response({"assignations": {"0": ["peer"]}, "addressbook": {"peer": "/ip4/127.0.0.1"}})

    def _tip(self) -> tuple[HeaderId, int]:
        height = max(0, int((time.time() - self._chain_start) / self._slot_seconds))
        while len(self._ids) <= height:
            block = fake_block(self._ids[-1], len(self._ids))
            self._blocks[block.id] = block
            self._ids.append(block.id)
        return self._ids[height], height


def _applications(node: FakeNode) -> tuple[web.Application, web.Application]:
    main, testing = web.Application(), web.Application()
    main.router.add_get("/cryptarchia/info", node.info)
    main.router.add_get("/cryptarchia/headers", node.headers)
    main.router.add_post("/storage/block", node.block)
    main.router.add_post("/mempool/add/tx", node.add_transaction)
    main.router.add_get("/mantle/metrics", node.metrics)
    main.router.add_get("/network/info", node.network)
    main.router.add_get("/da/balancer-stats", node.balancer)
    testing.router.add_post("/test/da/membership", node.membership)
    return main, testing


async def serve(config: dict[str, Any], fake: dict[str, Any]) -> None:
    """Listen until a signal asks to end."""
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(
            number, (lambda: None) if fake.get("ignore_sigterm") else ended.set
        )
    runners = []
    if not fake.get("mute"):
        for section, application in zip(("http", "testing_http"), _applications(FakeNode(fake)), strict=True):
            if section in config:
                runner = web.AppRunner(application)
                await runner.setup()
                host, _, port = config[section]["backend_settings"]["address"].rpartition(":")
                await web.TCPSite(runner, host, int(port), shutdown_timeout=0.1).start()
                runners.append(runner)
    await ended.wait()
    for runner in runners:
        await runner.cleanup()


def main() -> None:
    config = yaml.load(Path(sys.argv[1]).read_text(), Loader=_AnyTag)
    fake = config.get("fake", {})
    for line in fake.get("say", []):
        print(line, file=sys.stderr, flush=True)
    Path("db").mkdir(exist_ok=True)
    with Path("db", "starts").open("a") as starts:
        starts.write("started\n")
    if "exit_code" in fake:
        sys.exit(fake["exit_code"])
    if fake.get("start_child"):
        child = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)"])
        Path("child.pid").write_text(str(child.pid))
    print(f"fake node {os.getpid()} starts", flush=True)
    asyncio.run(serve(config, fake))


class _AnyTag(yaml.SafeLoader):
    """Node configurations carry YAML tags that mean nothing here."""


def _construct_any(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    return loader.construct_sequence(node) if isinstance(node, yaml.SequenceNode) else str(node.value)


_AnyTag.add_multi_constructor("!", _construct_any)


if __name__ == "__main__":
    main()
