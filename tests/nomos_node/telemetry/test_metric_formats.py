"""Metrics as a page for Prometheus and as an OTLP message: both are read back by the libraries that define them."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AGGREGATION_TEMPORALITY_CUMULATIVE
from prometheus_client.parser import text_string_to_metric_families

from nomos_node.telemetry.exposition import exposition
from nomos_node.telemetry.instruments import Histogram
from nomos_node.telemetry.metrics import Distribution, Kind, Metric, Number
from nomos_node.telemetry.otlp import OtlpMessages


def _metrics(blocks: int = 7, sizes: tuple[int, ...] = (10, 100, 101, 5000)) -> list[Metric]:
    histogram = Histogram([100, 1000])
    for size in sizes:
        histogram.observe(size)
    return [
        Number("consensus_processed_blocks", "Blocks.", lambda: blocks),
        Number("consensus_transactions_total", "Transactions.", lambda: 3, Kind.COUNTER),
        Distribution("received_blocks_data", "Sizes.", histogram),
    ]


def test_the_page_has_each_metric_under_its_own_name() -> None:
    families = list(text_string_to_metric_families(exposition(_metrics()).decode()))
    samples = {(s.name, s.labels.get("le")): s.value for family in families for s in family.samples}
    assert samples == {
        ("consensus_processed_blocks", None): 7,
        ("consensus_transactions_total", None): 3,
        ("received_blocks_data_bucket", "100"): 2,
        ("received_blocks_data_bucket", "1000"): 3,
        ("received_blocks_data_bucket", "+Inf"): 4,
        ("received_blocks_data_count", None): 4,
        ("received_blocks_data_sum", None): 5211,
    }
    assert {family.name: family.type for family in families} == {
        "consensus_processed_blocks": "gauge",
        "consensus_transactions": "counter",
        "received_blocks_data": "histogram",
    }


def test_the_message_names_the_node_and_counts_from_its_start() -> None:
    before = time.time_ns()
    messages = OtlpMessages(_metrics(), "validator-0", time.time_ns)
    (resource,) = ExportMetricsServiceRequest.FromString(messages.serialized()).resource_metrics
    assert [(a.key, a.value.string_value) for a in resource.resource.attributes] == [("service.name", "validator-0")]
    blocks, transactions, sizes = resource.scope_metrics[0].metrics
    assert (blocks.name, blocks.sum.is_monotonic, blocks.sum.data_points[0].as_int) == (
        "consensus_processed_blocks",
        False,
        7,
    )
    assert (transactions.name, transactions.sum.is_monotonic) == ("consensus_transactions_total", True)
    (point,) = sizes.histogram.data_points
    assert (list(point.bucket_counts), list(point.explicit_bounds), point.count, point.sum) == (
        [2, 1, 1],
        [100, 1000],
        4,
        5211,
    )
    for data in (blocks.sum, transactions.sum, sizes.histogram):
        assert data.aggregation_temporality == AGGREGATION_TEMPORALITY_CUMULATIVE
        assert before <= data.data_points[0].start_time_unix_nano <= data.data_points[0].time_unix_nano


def test_each_message_has_the_values_of_its_moment() -> None:
    values = iter([1, 2])
    messages = OtlpMessages([Number("rising", "", lambda: next(values))], "node", time.time_ns)
    points = [ExportMetricsServiceRequest.FromString(messages.serialized()) for _ in range(2)]
    assert [
        message.resource_metrics[0].scope_metrics[0].metrics[0].sum.data_points[0].as_int for message in points
    ] == [1, 2]


@given(st.lists(st.integers(0, 2000)))
def test_a_histogram_loses_nothing(sizes: list[int]) -> None:
    histogram = Histogram([10, 100, 1000])
    for size in sizes:
        histogram.observe(size)
    assert (histogram.count, histogram.total) == (len(sizes), sum(sizes))
    for bound, up_to in zip(histogram.bounds, (1, 2, 3), strict=True):
        assert sum(histogram.counts[:up_to]) == sum(size <= bound for size in sizes)
