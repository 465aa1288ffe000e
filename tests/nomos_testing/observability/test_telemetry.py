"""``ctx.telemetry()`` against a server that answers in Prometheus' words, and against what is none."""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from nomos_testing.observability.prometheus import (
    InvalidPrometheusUrl,
    MetricsError,
    Prometheus,
    PrometheusUnavailable,
    QueryFailed,
    Sample,
    UnknownMetric,
    metric_names,
)
from nomos_testing.observability.telemetry import Telemetry

OF_VALIDATORS = 'sum(consensus_transactions_total{job=~"validator-.*"})'


class FakePrometheus:
    """Answers the queries it was told the result of, and refuses others as Prometheus does."""

    def __init__(self) -> None:
        self.results: dict[str, Mapping[str, Any]] = {}
        self.asked: list[str] = []
        self.names: list[str] = []
        self.url = ""

    def knows(self, query: str, *values: float) -> None:
        series = [{"metric": {"job": f"node-{i}"}, "value": [1.5, str(value)]} for i, value in enumerate(values)]
        self.results[query] = {"resultType": "vector", "result": series}

    async def answer(self, request: web.Request) -> web.Response:
        query = request.query["query"]
        self.asked.append(query)
        if query in self.results:
            return web.json_response({"status": "success", "data": self.results[query]})
        error = {"status": "error", "errorType": "bad_data", "error": "invalid parameter: parse error"}
        return web.json_response(error, status=400)

    async def list_names(self, request: web.Request) -> web.Response:
        return web.json_response({"status": "success", "data": self.names})


@pytest.fixture
async def prometheus() -> AsyncIterator[FakePrometheus]:
    fake = FakePrometheus()
    application = web.Application()
    application.router.add_get("/api/v1/query", fake.answer)
    application.router.add_get("/api/v1/label/__name__/values", fake.list_names)
    async with TestServer(application) as server:
        fake.url = str(server.make_url("/"))
        yield fake


async def test_samples_have_their_labels_and_time(prometheus: FakePrometheus) -> None:
    prometheus.knows("up", 1, 0)
    samples = await Telemetry(prometheus.url).instant_samples("up")
    assert samples == [Sample({"job": "node-0"}, 1.5, 1.0), Sample({"job": "node-1"}, 1.5, 0.0)]


async def test_a_counters_value_is_its_sum_over_the_nodes(prometheus: FakePrometheus) -> None:
    telemetry = Telemetry(prometheus.url)
    prometheus.knows("consensus_processed_blocks", 3, 4.5)
    prometheus.knows("nothing")
    assert await telemetry.counter_value("consensus_processed_blocks") == 7.5
    assert await telemetry.consensus_processed_blocks() == 7.5
    assert await telemetry.instant_values("consensus_processed_blocks") == [3, 4.5]
    prometheus.names = ["nothing", "up"]
    assert await telemetry.counter_value("nothing") == 0


async def test_an_unknown_metric_is_named_with_those_near_it(prometheus: FakePrometheus) -> None:
    telemetry = Telemetry(prometheus.url)
    prometheus.names = ["tx_mempool_pending_items", "da_dispersed_blobs", "up"]
    query = 'sum by (job) (rate(tx_mempol_pending_items{job=~"validator-.*"}[10s])) > 0'
    prometheus.knows(query)
    expected = r"^prometheus knows no metric 'tx_mempol_pending_items'; near it: tx_mempool_pending_items$"
    with pytest.raises(UnknownMetric, match=expected):
        await telemetry.counter_value(query)
    prometheus.knows("typo")
    with pytest.raises(UnknownMetric, match=r"'typo'; it knows 3 metrics$"):
        await telemetry.counter_value("typo")


async def test_what_every_node_counts_is_0_before_the_server_has_asked_one(prometheus: FakePrometheus) -> None:
    prometheus.knows("consensus_processed_blocks")
    assert await Telemetry(prometheus.url).consensus_processed_blocks() == 0


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ("up", ["up"]),
        ("1 + 1", []),
        ('sum(consensus_transactions_total{job=~"validator-.*"})', ["consensus_transactions_total"]),
        ("sum by (job, instance) (rate(a:b_total[5m] offset 1m)) / on(job) group_left up", ["a:b_total", "up"]),
        ('{__name__="up"}', []),
        ("a and b or a unless (c > bool 3)", ["a", "b", "c"]),
    ],
)
def test_the_metrics_of_an_expression_are_found(expression: str, names: list[str]) -> None:
    assert metric_names(expression) == names


async def test_a_scalar_is_a_sample_without_labels(prometheus: FakePrometheus) -> None:
    prometheus.results["1 + 1"] = {"resultType": "scalar", "result": [9, "2"]}
    assert await Telemetry(prometheus.url).instant_samples("1 + 1") == [Sample({}, 9, 2)]


async def test_transactions_are_those_of_validators(
    prometheus: FakePrometheus, caplog: pytest.LogCaptureFixture
) -> None:
    prometheus.knows(OF_VALIDATORS, 12)
    assert await Telemetry(prometheus.url).consensus_transactions_total() == 12
    assert prometheus.asked == [OF_VALIDATORS]
    assert not caplog.records


@pytest.mark.parametrize("known", [True, False], ids=["no series", "refused"])
async def test_without_validators_the_transactions_are_those_of_all(
    prometheus: FakePrometheus, caplog: pytest.LogCaptureFixture, *, known: bool
) -> None:
    if known:
        prometheus.knows(OF_VALIDATORS)
    prometheus.knows("consensus_transactions_total", 4, 5)
    with caplog.at_level(logging.WARNING):
        assert await Telemetry(prometheus.url).consensus_transactions_total() == 9
    assert f"taking consensus_transactions_total of all nodes instead of {OF_VALIDATORS}: " in caplog.text


async def test_a_query_that_is_refused_is_told_in_prometheus_words(prometheus: FakePrometheus) -> None:
    expected = "^prometheus query failed: bad_data: invalid parameter: parse error$"
    with pytest.raises(QueryFailed, match=expected):
        await Telemetry(prometheus.url).counter_value("sum(")


async def test_a_range_of_values_is_refused(prometheus: FakePrometheus) -> None:
    prometheus.results["up[5m]"] = {"resultType": "matrix", "result": []}
    with pytest.raises(QueryFailed, match="gives a matrix, expected an instant vector or a scalar"):
        await Telemetry(prometheus.url).instant_values("up[5m]")


@pytest.mark.parametrize("query", ["instant_samples", "instant_values", "counter_value"])
async def test_without_a_server_queries_say_so(query: str) -> None:
    telemetry = Telemetry()
    assert telemetry.prometheus_endpoint() is None
    with pytest.raises(PrometheusUnavailable, match=r"^prometheus endpoint unavailable$"):
        await getattr(telemetry, query)("up")
    with pytest.raises(PrometheusUnavailable):
        await telemetry.consensus_transactions_total()


@pytest.mark.parametrize("url", ["", "localhost:9090", "ftp://host", "http://", "http://host:none", "http://["])
async def test_a_bad_url_is_named(url: str) -> None:
    with pytest.raises(InvalidPrometheusUrl, match=r"^invalid prometheus url: "):
        await Telemetry(url).counter_value("up")


async def test_a_server_that_is_gone_is_named(prometheus: FakePrometheus, unused_tcp_port: int) -> None:
    url = f"http://127.0.0.1:{unused_tcp_port}"
    with pytest.raises(
        QueryFailed, match=f"^prometheus query failed: Cannot connect to host 127.0.0.1:{unused_tcp_port}"
    ):
        await Telemetry(url).counter_value("up")


async def test_a_server_that_never_answers_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(MetricsError, match=r"gave no answer within 0.05 s"):
            await Prometheus(url, timeout=0.05).query("up")


@pytest.mark.parametrize(
    "body",
    [
        "<html>",
        "[]",
        '{"status": "success"}',
        json.dumps({"status": "success", "data": {"resultType": "vector", "result": [1]}}),
    ],
)
async def test_another_server_is_recognized(body: str) -> None:
    async def other(request: web.Request) -> web.Response:
        return web.Response(text=body)

    application = web.Application()
    application.router.add_get("/api/v1/query", other)
    async with TestServer(application) as server:
        with pytest.raises(QueryFailed, match="is no Prometheus server: 200 "):
            await Telemetry(str(server.make_url("/"))).counter_value("up")
