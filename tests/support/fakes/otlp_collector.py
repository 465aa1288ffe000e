"""A collector for tests: takes OTLP metrics over HTTP and keeps them as plain values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

from support.fakes.http_receiver import http_receiver


@dataclass(frozen=True, slots=True)
class Export:
    path: str
    content_type: str | None
    resource: Mapping[str, str]
    metrics: Mapping[str, Metric]

    def value(self, name: str) -> int:
        (point,) = self.metrics[name].sum.data_points
        return point.as_int


@dataclass(slots=True)
class Collector:
    url: str
    status: int = 200
    exports: list[Export] = field(default_factory=list)


@contextmanager
def otlp_collector() -> Iterator[Collector]:
    def take(path: str, content_type: str | None, body: bytes) -> int:
        collector.exports.append(_read(path, content_type, body))
        return collector.status

    with http_receiver(take) as url:
        collector = Collector(url)
        yield collector


def _read(path: str, content_type: str | None, body: bytes) -> Export:
    (resource,) = ExportMetricsServiceRequest.FromString(body).resource_metrics
    (scope,) = resource.scope_metrics
    attributes = {item.key: item.value.string_value for item in resource.resource.attributes}
    return Export(path, content_type, attributes, {metric.name: metric for metric in scope.metrics})
