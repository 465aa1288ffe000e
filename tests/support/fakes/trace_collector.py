"""Collectors of traces for tests: one takes OTLP over gRPC, one over HTTP. Both keep the messages."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from support.fakes.http_receiver import http_receiver


@dataclass(slots=True)
class TraceCollector:
    url: str
    """Endpoint to give to the exporter."""
    requests: list[ExportTraceServiceRequest] = field(default_factory=list)
    refuse_with: Any = None
    """Status of HTTP, or code of gRPC, with which messages are refused from now on."""
    refused: int = 0

    def spans(self, service: str | None = None) -> list[Span]:
        """Return the spans of one service, or all."""
        return [
            span
            for request in tuple(self.requests)
            for resource in request.resource_spans
            if service in {None, _service(resource)}
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def named(self, name: str, service: str | None = None) -> list[Span]:
        return [span for span in self.spans(service) if span.name == name]

    def services(self) -> set[str]:
        return {_service(resource) for request in tuple(self.requests) for resource in request.resource_spans}


def _service(resource: Any) -> str:
    return str(attributes(resource.resource)["service.name"])


def attributes(span: Any) -> dict[str, Any]:
    """Return the attributes of a span, an event or a resource."""
    return {item.key: getattr(item.value, item.value.WhichOneof("value")) for item in span.attributes}


@contextmanager
def grpc_collector(port: int = 0) -> Iterator[TraceCollector]:
    class Service(TraceServiceServicer):
        def Export(
            self, request: ExportTraceServiceRequest, context: grpc.ServicerContext
        ) -> ExportTraceServiceResponse:
            if collector.refuse_with is not None:
                collector.refused += 1
                context.abort(collector.refuse_with, "no room here")
            collector.requests.append(request)
            return ExportTraceServiceResponse()

    with ThreadPoolExecutor(4) as threads:
        server = grpc.server(threads)
        add_TraceServiceServicer_to_server(Service(), server)  # type: ignore[no-untyped-call]
        port = server.add_insecure_port(f"127.0.0.1:{port}")
        collector = TraceCollector(f"http://127.0.0.1:{port}")
        server.start()
        try:
            yield collector
        finally:
            server.stop(grace=None).wait()


@contextmanager
def http_collector() -> Iterator[TraceCollector]:
    def take(path: str, content_type: str | None, body: bytes) -> int:
        right = path == "/v1/traces" and content_type == "application/x-protobuf"
        status = 404 if not right else collector.refuse_with or 200
        if status == 200:
            collector.requests.append(ExportTraceServiceRequest.FromString(body))
        else:
            collector.refused += 1
        return int(status)

    with http_receiver(take) as url:
        collector = TraceCollector(f"{url}/v1/traces")
        yield collector
