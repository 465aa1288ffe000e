"""Pushing metrics to a collector over a real socket: regularly, at the end, and quietly when nobody listens."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from nomos_node.telemetry.metrics import Number
from nomos_node.telemetry.otlp import OtlpMessages
from nomos_node.telemetry.push import BadEndpoint, MetricsPush, PushSettings, metrics_url, push_interval
from nomos_node.workers import ThreadWorker
from nomos_testing.surroundings import measured_machine_factor
from support.fakes.otlp_collector import otlp_collector
from support.inputs.chain_making import reached


@asynccontextmanager
async def _pushing(endpoint: str, interval: float = 0.01) -> AsyncIterator[None]:
    messages = OtlpMessages([Number("rising", "", time.monotonic_ns)], "validator-0", time.time_ns)
    push = MetricsPush(
        PushSettings(metrics_url(endpoint), "validator-0", interval), messages.serialized, ThreadWorker("imports", 1)
    )
    task = asyncio.create_task(push.run())
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_values_arrive_again_and_again() -> None:
    with otlp_collector() as collector:
        async with _pushing(collector.url):
            await reached("three pushes", lambda: len(collector.exports) >= 3)
    first, second, *_ = collector.exports
    assert (first.path, first.content_type) == ("/v1/metrics", "application/x-protobuf")
    assert first.resource == {"service.name": "validator-0"}
    assert first.value("rising") < second.value("rising")


async def test_the_last_values_arrive_when_the_node_ends() -> None:
    with otlp_collector() as collector:
        async with _pushing(collector.url, interval=3600):
            await reached("the first push", lambda: collector.exports)
            ended = time.monotonic_ns()
    assert len(collector.exports) == 2
    assert collector.exports[-1].value("rising") > ended


async def test_a_collector_that_is_not_there_is_warned_about_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="nomos_tracing")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    async with _pushing(f"http://127.0.0.1:{port}"):
        await reached("three tries", lambda: len(caplog.records) >= 3)
    (warning,) = (record for record in caplog.records if record.levelno >= logging.INFO)
    assert f"metrics can't be pushed to http://127.0.0.1:{port}/v1/metrics, going on without: " in warning.getMessage()


async def test_a_refusal_is_told_with_its_status_and_pushing_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="nomos_tracing")
    with otlp_collector() as collector:
        collector.status = 404
        async with _pushing(collector.url):
            await reached("the warning", lambda: "going on without: 404 Not Found" in caplog.text)
            collector.status = 200
            await reached("success", lambda: f"metrics go to {collector.url}/v1/metrics every 0.01 s" in caplog.text)


async def test_a_collector_that_never_answers_does_not_hold_up_the_end() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(0)

        def connected() -> bool:
            with suppress(BlockingIOError):
                connections.append(silent.accept()[0])
            return bool(connections)

        connections: list[socket.socket] = []
        async with _pushing(f"http://127.0.0.1:{silent.getsockname()[1]}"):
            await reached("the connection", connected)
            ending = time.monotonic()
        assert time.monotonic() - ending < 2 * measured_machine_factor(), "it waits a third of a second"
        connections[0].close()


@pytest.mark.parametrize(
    ("endpoint", "url"),
    [
        ("http://localhost:4318", "http://localhost:4318/v1/metrics"),
        ("https://collector/", "https://collector/v1/metrics"),
        ("http://prometheus:9090/api/v1/otlp/v1/metrics", "http://prometheus:9090/api/v1/otlp/v1/metrics"),
        ("http://[::1]:4318", "http://[::1]:4318/v1/metrics"),
    ],
)
def test_an_endpoint_without_a_path_gets_the_protocols(endpoint: str, url: str) -> None:
    assert metrics_url(endpoint) == url


@pytest.mark.parametrize(
    "endpoint", ["", "localhost:4318", "grpc://host:4317", "http://", "http://host:port", "http://[", "http://h:0"]
)
def test_an_endpoint_that_is_no_url_is_refused(endpoint: str) -> None:
    with pytest.raises(BadEndpoint, match="expected an http:// or https:// URL such as http://localhost:4318, got"):
        metrics_url(endpoint)


@pytest.mark.parametrize(("text", "seconds"), [(None, 60), ("5000", 5), ("1", 0.001)])
def test_the_interval_is_in_milliseconds(text: str | None, seconds: float) -> None:
    assert push_interval({} if text is None else {"OTEL_METRIC_EXPORT_INTERVAL": text}) == seconds


@pytest.mark.parametrize("text", ["", "often", "0", "-5", "1.5"])
def test_an_interval_that_is_none_is_named_with_the_one_used(text: str, caplog: pytest.LogCaptureFixture) -> None:
    assert push_interval({"OTEL_METRIC_EXPORT_INTERVAL": text}) == 60
    expected = f"OTEL_METRIC_EXPORT_INTERVAL={text} is not a whole number of milliseconds above 0; using 60000"
    assert expected in caplog.text
