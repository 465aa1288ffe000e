"""Export of spans over real sockets: gRPC and HTTP, at the end of the node, and quietly when nobody listens."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager, suppress

import grpc
import pytest

from nomos_core.telemetry.endpoint import trace_endpoint
from nomos_core.telemetry.spans import Span
from nomos_node.telemetry.recording import SpanQueue
from nomos_node.telemetry.trace_export import TraceExport, TraceSettings
from nomos_node.workers import ThreadWorker
from nomos_testing.surroundings import measured_machine_factor
from support.fakes.trace_collector import TraceCollector, grpc_collector, http_collector
from support.inputs.chain_making import reached

COLLECTORS = [grpc_collector, http_collector]
Collecting = Callable[[], AbstractContextManager[TraceCollector]]


def _span(name: str) -> Span:
    return Span(trace_id=b"t" * 16, span_id=b"s" * 8, name=name, start_ns=1, end_ns=2)


@asynccontextmanager
async def _exporting(endpoint: str, queue: SpanQueue, *, last_timeout: float = 0.3) -> AsyncIterator[None]:
    settings = TraceSettings(
        trace_endpoint(endpoint), endpoint, "validator-0", interval=0.01, last_timeout=last_timeout
    )
    worker = ThreadWorker("traces", 1)
    task = asyncio.create_task(TraceExport(settings, queue, worker).run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        worker.close()


@pytest.mark.parametrize("collecting", COLLECTORS)
async def test_spans_arrive_with_the_name_of_the_node(collecting: Collecting) -> None:
    queue = SpanQueue()
    with collecting() as collector:
        async with _exporting(collector.url, queue):
            for number in range(1000):
                queue.put(_span(f"span {number}"))
            await reached("all spans", lambda: len(collector.spans()) == 1000)
        assert collector.services() == {"validator-0"}
        assert {span.name for span in collector.spans()} == {f"span {number}" for number in range(1000)}
        assert len(collector.requests) < 1000, "spans go in batches"


@pytest.mark.parametrize("collecting", COLLECTORS)
async def test_the_last_spans_arrive_when_the_node_ends(collecting: Collecting) -> None:
    queue = SpanQueue()
    with collecting() as collector:
        async with _exporting(collector.url, queue, last_timeout=30):
            queue.put(_span("first"))
            await reached("the first span", lambda: collector.named("first"))
            queue.put(_span("last"))
        assert collector.named("last")


@pytest.mark.parametrize("scheme", ["http://127.0.0.1:{}", "http://127.0.0.1:{}/v1/traces"])
async def test_a_collector_that_is_not_there_is_warned_about_once(
    scheme: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="nomos_tracing")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        endpoint = scheme.format(taken.getsockname()[1])
    queue = SpanQueue(capacity=3)
    async with _exporting(endpoint, queue):
        queue.put(_span("waits"))
        await reached("three tries", lambda: _count(caplog, "going on without") >= 3)
        for _ in range(5):
            queue.put(_span("more"))
    (warning,) = (record for record in caplog.records if record.levelno >= logging.WARNING)
    assert f"traces can't go to {endpoint}, going on without: " in warning.getMessage()
    assert queue.dropped.value >= 3
    assert f"{queue.dropped.value} spans were dropped" in caplog.text


@pytest.mark.parametrize(("collecting", "busy"), [(grpc_collector, grpc.StatusCode.UNAVAILABLE), (http_collector, 503)])
async def test_spans_wait_for_a_collector_that_is_busy(
    collecting: Collecting, busy: object, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="nomos_tracing")
    queue = SpanQueue()
    with collecting() as collector:
        collector.refuse_with = busy
        async with _exporting(collector.url, queue):
            queue.put(_span("waits"))
            await reached("two refusals", lambda: collector.refused >= 2)
            collector.refuse_with = None
            await reached("the span", lambda: collector.named("waits"))
            await reached("the success in the log", lambda: f"traces go to {collector.url}" in caplog.text)
    assert _count(caplog, "going on without") == 1
    assert queue.dropped.value == 0


@pytest.mark.parametrize(
    ("collecting", "refusal", "told"),
    [(grpc_collector, grpc.StatusCode.UNIMPLEMENTED, "UNIMPLEMENTED"), (http_collector, 400, "400 Bad Request")],
)
async def test_spans_that_a_collector_refuses_are_dropped(
    collecting: Collecting, refusal: object, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    queue = SpanQueue()
    with collecting() as collector:
        collector.refuse_with = refusal
        async with _exporting(collector.url, queue):
            queue.put(_span("refused"))
            await reached("the drop", lambda: queue.dropped.value == 1)
            collector.refuse_with = None
            queue.put(_span("taken"))
            await reached("the next span", lambda: collector.named("taken"))
        assert not collector.named("refused")
    assert f"going on without: {told}" in caplog.text


async def test_a_collector_that_never_answers_does_not_hold_up_the_end() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        queue = SpanQueue()
        async with _exporting(f"http://127.0.0.1:{silent.getsockname()[1]}/v1/traces", queue):
            queue.put(_span("never taken"))
            await reached("the export to begin", lambda: not len(queue))
            ending = time.monotonic()
        assert time.monotonic() - ending < 2 * measured_machine_factor(), "it waits a third of a second"


def _count(caplog: pytest.LogCaptureFixture, text: str) -> int:
    return sum(text in record.getMessage() for record in caplog.records)
