"""The tracer of a node: which spans become one trace, in which order, and what is kept."""

from __future__ import annotations

import asyncio
from itertools import count
from math import nan

import pytest

from nomos_core.telemetry.spans import Span, SpanLink, origin_span_id_of, trace_id_of
from nomos_node.telemetry.recording import RecordingTracer, SpanQueue
from nomos_node.telemetry.traces import (
    NO_TRACES,
    about_blob,
    about_block,
    about_transaction,
)

BLOCK, BLOB = bytes(range(32)), bytes(range(100, 132))


class _Recorded:
    def __init__(self, name: str = "validator-0", sample_ratio: float = 1.0) -> None:
        clock = count(1000, 10)
        self.queue = SpanQueue()
        self.tracer = RecordingTracer(
            self.queue, service_name=name, sample_ratio=sample_ratio, now_ns=lambda: next(clock)
        )

    def spans(self) -> dict[str, Span]:
        taken = self.queue.take(1000)
        found = {span.name: span for span in taken}
        assert len(found) == len(taken), "every span has a name of its own here"
        return found


def test_a_proposal_is_the_first_span_of_the_blocks_trace() -> None:
    node = _Recorded()
    with node.tracer.span("block.proposal") as proposal:
        with node.tracer.span("block.build"):
            pass
        proposal.is_about(about_block(BLOCK), origin=True)
        with node.tracer.span("gossip.publish", about_block(BLOCK)) as publish:
            publish.note(bytes=7)
    spans = node.spans()
    assert {span.trace_id for span in spans.values()} == {trace_id_of(BLOCK)}
    root = spans["block.proposal"]
    assert (root.parent_id, root.span_id) == (None, origin_span_id_of(BLOCK))
    assert spans["block.build"].parent_id == spans["gossip.publish"].parent_id == root.span_id
    assert root.start_ns < spans["block.build"].start_ns < spans["block.build"].end_ns < root.end_ns
    assert root.attributes == {"block": BLOCK.hex()}
    assert spans["gossip.publish"].attributes == {"block": BLOCK.hex(), "bytes": 7}


def test_other_nodes_spans_of_a_block_are_parts_of_its_proposal() -> None:
    node = _Recorded("validator-1")
    block = about_block(BLOCK)
    with node.tracer.span("gossip.receive", block), node.tracer.span("block.validation", block):
        pass
    spans = node.spans()
    receive = spans["gossip.receive"]
    assert (receive.trace_id, receive.parent_id) == (trace_id_of(BLOCK), origin_span_id_of(BLOCK))
    assert spans["block.validation"].parent_id == receive.span_id


def test_a_transaction_has_no_first_span_because_several_nodes_may_submit_it() -> None:
    node = _Recorded()
    with node.tracer.span("mempool.admission", about_transaction(5)):
        pass
    admission = node.spans()["mempool.admission"]
    assert admission.parent_id is None
    assert admission.trace_id == (5).to_bytes(16, "little")


def test_work_about_something_else_is_linked_to_the_work_around_it() -> None:
    node = _Recorded()
    with node.tracer.span("POST /disperse-data"), node.tracer.span("blob.dispersal") as dispersal:
        dispersal.is_about(about_blob(BLOB), origin=True)
        with node.tracer.span("mempool.admission", about_transaction(5)):
            pass
    spans = node.spans()
    request, dispersal_span, admission = (
        spans[name] for name in ("POST /disperse-data", "blob.dispersal", "mempool.admission")
    )
    assert dispersal_span.links == (SpanLink(request.trace_id, request.span_id),)
    assert admission.links == (SpanLink(trace_id_of(BLOB), origin_span_id_of(BLOB)),)
    assert dispersal_span.parent_id is admission.parent_id is None
    assert len({request.trace_id, dispersal_span.trace_id, admission.trace_id}) == 3


async def test_a_task_that_outlives_its_span_is_still_a_part_of_it() -> None:
    node = _Recorded()

    async def later() -> None:
        await closed.wait()
        with node.tracer.span("later"):
            pass

    closed = asyncio.Event()
    with node.tracer.span("outer"):
        task = asyncio.create_task(later())
    closed.set()
    await task
    spans = node.spans()
    assert spans["later"].parent_id == spans["outer"].span_id
    assert spans["later"].trace_id == spans["outer"].trace_id


async def test_two_nodes_in_one_process_keep_their_spans_apart() -> None:
    one, other = _Recorded("validator-0"), _Recorded("validator-1")
    with one.tracer.span("outer"), other.tracer.span("inner"):
        pass
    outer, inner = one.spans()["outer"], other.spans()["inner"]
    assert inner.parent_id is None
    assert inner.trace_id != outer.trace_id


def test_an_error_is_noted_and_goes_on() -> None:
    node = _Recorded()
    with pytest.raises(KeyError), node.tracer.span("fails"):
        raise KeyError("missing")
    with pytest.raises(asyncio.CancelledError), node.tracer.span("cancelled"):
        raise asyncio.CancelledError
    spans = node.spans()
    assert spans["fails"].error == "KeyError: 'missing'"
    assert spans["cancelled"].error is None


def test_all_nodes_keep_the_same_part_of_the_blocks() -> None:
    nodes = [_Recorded(name, sample_ratio=0.5) for name in ("validator-0", "validator-1")]
    blocks = [number.to_bytes(4, "big") * 8 for number in range(0, 1 << 32, 1 << 22)]
    for node in nodes:
        for block in blocks:
            with node.tracer.span("block.validation", about_block(block)):
                pass
    kept = [{span.trace_id for span in node.queue.take(len(blocks))} for node in nodes]
    assert kept[0] == kept[1]
    assert len(kept[0]) == len(blocks) / 2


@pytest.mark.parametrize(("ratio", "kept"), [(0.0, 0), (1.0, 3), (2.5, 3), (-1.0, 0), (nan, 0)])
def test_none_and_all_are_kept(ratio: float, kept: int) -> None:
    node = _Recorded(sample_ratio=ratio)
    for block in (bytes(32), BLOCK, b"\xff" * 32):
        with node.tracer.span("block.validation", about_block(block)):
            pass
    assert len(node.queue) == kept


def test_a_full_queue_drops_and_counts() -> None:
    queue, node = SpanQueue(capacity=2), _Recorded()
    for name in ("a", "b", "c"):
        with node.tracer.span(name):
            pass
    spans = node.queue.take(3)
    for span in spans:
        queue.put(span)
    assert queue.dropped.value == 1
    taken = queue.take(1)
    queue.put(spans[2])
    queue.put_back(taken)
    assert queue.dropped.value == 2, "there was no room for what was put back"
    assert [span.name for span in queue.take(5)] == ["b", "c"]


def test_without_traces_a_span_is_one_object_that_does_nothing() -> None:
    with NO_TRACES.span("one", about_block(BLOCK)) as one, NO_TRACES.span("other") as other:
        one.note(bytes=1)
        one.is_about(about_blob(BLOB), origin=True)
        one.fail("nothing")
    assert one is other
