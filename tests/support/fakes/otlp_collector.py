"""A collector for tests: takes OTLP metrics over HTTP and keeps them as plain values."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric


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
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            collector.exports.append(_read(self.path, self.headers["content-type"], body))
            self.send_response(collector.status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Nothing to be seen on the console."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    collector = Collector(f"http://127.0.0.1:{server.server_port}")
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    serving.start()
    try:
        yield collector
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


def _read(path: str, content_type: str | None, body: bytes) -> Export:
    (resource,) = ExportMetricsServiceRequest.FromString(body).resource_metrics
    (scope,) = resource.scope_metrics
    attributes = {item.key: item.value.string_value for item in resource.resource.attributes}
    return Export(path, content_type, attributes, {metric.name: metric for metric in scope.metrics})
