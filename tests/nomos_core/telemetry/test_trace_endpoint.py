"""Endpoints of collectors: which protocol a URL means."""

from __future__ import annotations

import pytest

from nomos_core.telemetry.endpoint import (
    BadTraceEndpoint,
    GrpcEndpoint,
    HttpEndpoint,
    TraceEndpoint,
    trace_endpoint,
)


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("http://localhost:4317", GrpcEndpoint("localhost:4317", secure=False)),
        ("http://tempo", GrpcEndpoint("tempo:4317", secure=False)),
        ("https://tempo:443/", GrpcEndpoint("tempo:443", secure=True)),
        ("grpc://[::1]:9000", GrpcEndpoint("[::1]:9000", secure=False)),
        ("grpcs://tempo", GrpcEndpoint("tempo:4317", secure=True)),
        ("localhost:4317", GrpcEndpoint("localhost:4317", secure=False)),
        ("http://localhost:4318", HttpEndpoint("http://localhost:4318/v1/traces")),
        ("http://localhost:4318/", HttpEndpoint("http://localhost:4318/v1/traces")),
        ("http://jaeger:80/v1/traces", HttpEndpoint("http://jaeger:80/v1/traces")),
        ("https://cloud/otlp/v1/traces", HttpEndpoint("https://cloud/otlp/v1/traces")),
    ],
)
def test_a_url_means_one_protocol(text: str, endpoint: TraceEndpoint) -> None:
    assert trace_endpoint(text) == endpoint


@pytest.mark.parametrize(
    "text",
    ["", "http://", "ftp://host", "http://host:port", "http://h:0", "grpc://host/path", "http://[", "grpc://h?q"],
)
def test_what_is_no_url_of_a_collector_is_refused(text: str) -> None:
    with pytest.raises(BadTraceEndpoint, match="expected the URL of a collector"):
        trace_endpoint(text)
