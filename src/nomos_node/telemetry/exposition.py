"""Page of the metrics for Prometheus, in its text format."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from nomos_node.telemetry.metrics import Distribution, Kind, Metric

if TYPE_CHECKING:
    from prometheus_client.core import Metric as Family

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


def exposition(metrics: Sequence[Metric]) -> bytes:
    """Write the page with the values of now."""
    from prometheus_client import generate_latest

    return generate_latest(_Collected(metrics))


class _Collected:
    """Replacement of the library's registry, whose metrics are global and locked. It reads ours from the services."""

    def __init__(self, metrics: Sequence[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Family]:
        return (_family(metric) for metric in self._metrics)


def _family(metric: Metric) -> Family:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

    if isinstance(metric, Distribution):
        histogram = metric.histogram
        bounds = [*map(str, histogram.bounds), "+Inf"]
        buckets = list(zip(bounds, accumulate(histogram.counts), strict=True))
        return HistogramMetricFamily(metric.name, metric.description, buckets, histogram.total)
    family = CounterMetricFamily if metric.kind is Kind.COUNTER else GaugeMetricFamily
    return family(metric.name, metric.description, metric.read())
