"""Metrics as an OTLP message: cumulative from the start of the process, in one resource with the name of the node."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from nomos_node.telemetry.metrics import Distribution, Kind, Metric

if TYPE_CHECKING:
    from opentelemetry.proto.metrics.v1 import metrics_pb2


class OtlpMessages:
    """OTLP messages of one node's metrics.

    ``service_name`` is the job of Prometheus. ``now_ns`` is the wall clock, in nanoseconds of the Unix epoch.
    """

    def __init__(self, metrics: Sequence[Metric], service_name: str, now_ns: Callable[[], int]) -> None:
        self._metrics = metrics
        self._service_name = service_name
        self._now_ns = now_ns
        self._started_ns = now_ns()

    def serialized(self) -> bytes:
        """Return an ``ExportMetricsServiceRequest`` with the values of now."""
        from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

        request = ExportMetricsServiceRequest()
        resource = request.resource_metrics.add()
        name = resource.resource.attributes.add()
        name.key, name.value.string_value = "service.name", self._service_name
        scope = resource.scope_metrics.add()
        scope.scope.name = "nomos_node"
        now = self._now_ns()
        for metric in self._metrics:
            self._write(metric, scope.metrics.add(), now)
        return request.SerializeToString()

    def _write(self, metric: Metric, message: metrics_pb2.Metric, now: int) -> None:
        from opentelemetry.proto.metrics.v1.metrics_pb2 import AGGREGATION_TEMPORALITY_CUMULATIVE

        message.name, message.description = metric.name, metric.description
        times = {"start_time_unix_nano": self._started_ns, "time_unix_nano": now}
        if isinstance(metric, Distribution):
            histogram = metric.histogram
            message.histogram.aggregation_temporality = AGGREGATION_TEMPORALITY_CUMULATIVE
            message.histogram.data_points.add(
                **times,
                count=histogram.count,
                sum=histogram.total,
                bucket_counts=histogram.counts,
                explicit_bounds=histogram.bounds,
            )
        else:
            message.sum.aggregation_temporality = AGGREGATION_TEMPORALITY_CUMULATIVE
            message.sum.is_monotonic = metric.kind is Kind.COUNTER
            message.sum.data_points.add(**times, as_int=metric.read())
