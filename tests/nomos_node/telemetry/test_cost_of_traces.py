"""Traces cost a node little, and nothing where they are off."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing

from nomos_core.cryptarchia.block import Block
from nomos_node.chain.block_intake import BlockIntake, Origin
from nomos_node.telemetry.recording import RecordingTracer, SpanQueue
from nomos_node.telemetry.traces import NO_TRACES, Tracer, about_block
from support.inputs.chain_making import TestNode, forge

_BLOCKS = 30
_HEAVY = ("grpc", "aiohttp", "nomos_core.telemetry.spans", "nomos_node.telemetry.recording")


def test_a_node_without_traces_does_not_import_what_makes_them() -> None:
    program = f"import nomos_node.process, sys; print([name for name in {_HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


async def test_traces_take_a_small_part_of_what_a_block_takes() -> None:
    """The margin is wide: measured are less than a tenth."""
    queue = SpanQueue()
    tracer = RecordingTracer(queue, service_name="validator-0", sample_ratio=1.0, now_ns=time.time_ns)
    with closing(TestNode()) as node:
        intake = BlockIntake(node.chain, node.mempool, node.sampling, lambda: 0)
        taken = []
        for slot in range(1, _BLOCKS + 1):
            block = forge(node.chain, slot, [])
            began = time.perf_counter()
            await intake.take(block, Origin.SYNC)
            taken.append(time.perf_counter() - began)
    recorded = min(_spans(tracer, block))
    assert len(queue) == 2 * 1000
    assert recorded < min(taken) / 2
    assert min(_spans(NO_TRACES, block)) < recorded / 2


def _spans(tracer: Tracer, block: Block) -> Iterator[float]:
    """Yield the seconds for the spans of one block, many times."""
    for _ in range(1000):
        began = time.perf_counter()
        with tracer.span("gossip.receive", about_block(block.id)) as receive:
            receive.note(topic="proposals", bytes=500, peer="peer", author="author")
            with tracer.span("block.validation", about_block(block.id)) as validation:
                validation.note(slot=1, transactions=2, origin="gossip")
        yield time.perf_counter() - began
