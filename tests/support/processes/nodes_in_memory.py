"""``python -m support.processes.nodes_in_memory KZG_FILE SEED``: six nodes in one process, in virtual time.

Four validators and an executor make a chain of 40 slots. A transaction is sent to one of them, the executor disperses a
blob, and a joined joins later. The output is a JSON object: the last state of each node, and every message between
them. Whatever starts a thread or a process, opens a socket or writes a file meanwhile ends the program with an error.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from nomos_core.mantle.transactions_json import transaction_to_json
from nomos_core.proofs.development import DevelopmentProver
from nomos_node.node import Node
from nomos_testing.cluster.roles import Role
from nomos_testing.configgen import ConfigOptions, generate_joining_node, generate_topology
from nomos_testing.topology import TopologySpec
from nomos_testing.topology.generated import GeneratedNode
from nomos_testing.topology.ports import NodePorts
from support.fakes.memory_surroundings import MemoryHttp, MemoryWorld
from support.fakes.virtual_time import VirtualTimeLoop
from support.inputs.chain_making import inscription

SLOTS = 40
CHAIN_START = 1_700_000_000
SIGNER = "3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29"
"""The key that executors sign with, whatever a request says."""
BLOB = bytes(range(1, 32)) * 4
_FORBIDDEN = ("_thread.", "socket.", "subprocess.", "os.fork", "os.posix_spawn", "os.mkdir", "os.rename", "os.remove")


_reached: list[str] = []


def refuse_the_machine(event: str, arguments: tuple[Any, ...]) -> None:
    """Hold nodes to their surroundings, as an audit hook. What was refused is noted, also where it was caught."""
    writes = event == "open" and bool(arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
    has_file = event == "sqlite3.connect" and arguments[0] != ":memory:"
    if writes or has_file or event.startswith(_FORBIDDEN):
        _reached.append(f"a node reached past its surroundings: {event} {arguments}")
        raise AssertionError(_reached[-1])


async def ask(http: MemoryHttp, method: str, path: str, value: Any = None) -> Any:
    status, answer = await http.ask(method, path, b"" if value is None else json.dumps(value).encode())
    assert status == 200, f"{method} {path}: {status} {answer.decode()}"
    return json.loads(answer)


async def live(nodes: Sequence[GeneratedNode], joined: GeneratedNode, world: MemoryWorld) -> dict[str, Any]:
    async with AsyncExitStack() as stack:
        tasks = stack.enter_context(_Cancelled())

        async def start(generated: GeneratedNode) -> None:
            node = Node(generated.config, DevelopmentProver(), world.surroundings_of(generated.name))
            tasks.add(asyncio.create_task((await stack.enter_async_context(node)).run()))

        for generated in nodes:
            await start(generated)
        first, executor = world.http[nodes[0].name], world.http[nodes[-1].name]
        await asyncio.sleep(5)
        await ask(first, "POST", "/mempool/add/tx", transaction_to_json(inscription(b"from one to all")))
        message = {"channel_id": "07" * 32, "parent_msg_id": "00" * 32, "signer": SIGNER, "data": list(BLOB)}
        blob = bytes(await ask(executor, "POST", "/disperse-data", message)).hex()
        await asyncio.sleep(4)  # while the blob is young enough to be sampled by the joined
        await start(joined)
        await asyncio.sleep(SLOTS - 9)
        return {"blob": blob, "nodes": {name: await _state(http) for name, http in world.http.items()}}


class _Cancelled:
    """Tasks that end with the block, before what they use is closed; one that failed fails the program."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []

    def add(self, task: asyncio.Task[None]) -> None:
        self._tasks.append(task)

    def __enter__(self) -> _Cancelled:
        return self

    def __exit__(self, *exc_info: object) -> None:
        for task in self._tasks:
            if task.done():
                task.result()
            task.cancel()


async def _state(http: MemoryHttp) -> dict[str, Any]:
    info = await ask(http, "GET", "/cryptarchia/info")
    chain: list[str] = [info["tip"]]
    operations: list[int] = []
    while (block := await ask(http, "POST", "/storage/block", chain[-1])) is not None:
        chain.append(block["header"]["parent_block"])
        for transaction in block["transactions"]:
            operations += [operation["opcode"] for operation in transaction["mantle_tx"]["ops"]]
    return {"info": info, "chain": chain[::-1], "operations": operations}


def main(kzg_file: str, seed: str) -> None:
    spec = TopologySpec(validators=4, executors=1, slot_duration=1.0, seed=1, layout="full")
    *ports, last_ports = [
        NodePorts(network=base, da=base + 1, blend=base + 2, api=base + 3, testing_http=base + 4)
        for base in range(1000, 1000 * (spec.node_count + 2), 1000)
    ]
    options = ConfigOptions(kzg_params=Path(kzg_file))
    prover = DevelopmentProver()
    topology = generate_topology(spec, options, ports=ports, prover=prover, chain_start=CHAIN_START)
    joined = generate_joining_node(topology, options, role=Role.VALIDATOR, index=4, ports=last_ports)
    world = MemoryWorld(int(seed), CHAIN_START)
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.get_loop()
        sys.addaudithook(refuse_the_machine)
        outcome = runner.run(live(topology.nodes, joined, world))
    assert not _reached, _reached
    libraries = [name for name in ("libp2p", "trio", "uvicorn") if name in sys.modules]
    print(json.dumps({**outcome, "trace": world.trace, "libraries of the real network": libraries}))


if __name__ == "__main__":
    main(*sys.argv[1:])
