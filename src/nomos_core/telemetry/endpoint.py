"""Endpoint of a collector of traces: gRPC or HTTP, by its URL.

The real node always speaks gRPC, to ``http://host:4317``. The same URL means the same here. A URL with a path, or with
port 4318, means HTTP.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

GRPC_METHOD: Final = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
"""Full name of the method that takes spans."""
HTTP_HEADERS: Final = {"content-type": "application/x-protobuf"}
"""Headers of a request with spans."""
_GRPC_PORT: Final = 4317
_HTTP_PORT: Final = 4318
_HTTP_PATH: Final = "/v1/traces"
_SECURE: Final = {"http": False, "grpc": False, "https": True, "grpcs": True}
"""Schemes, and whether they mean TLS."""


class BadTraceEndpoint(ValueError):
    """Error: the endpoint is no URL of a collector. The message says what was expected."""


@dataclass(frozen=True, slots=True)
class GrpcEndpoint:
    """Collector that is reached over gRPC."""

    authority: str
    """``host:port``."""
    secure: bool
    """True for TLS."""


@dataclass(frozen=True, slots=True)
class HttpEndpoint:
    """Collector that is reached over HTTP, with messages of protobuf."""

    url: str
    """URL to post to."""


TraceEndpoint = GrpcEndpoint | HttpEndpoint
"""Endpoint of either kind."""


def trace_endpoint(text: str) -> TraceEndpoint:
    """Read an endpoint, such as ``http://localhost:4317`` or ``grpc://localhost``, or ``http://localhost:4318``.

    Raises:
        BadTraceEndpoint: it is none.
    """
    try:
        parts = urlsplit(text if "://" in text else f"grpc://{text}")
        port = parts.port
    except ValueError:
        raise _bad(text) from None
    if parts.scheme not in _SECURE or not parts.hostname or port == 0:
        raise _bad(text)
    has_path = bool(parts.path.strip("/"))
    if parts.scheme.startswith("http") and (has_path or port == _HTTP_PORT):
        return HttpEndpoint(text if has_path else parts._replace(path=_HTTP_PATH).geturl())
    if has_path or parts.query:
        raise _bad(text)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return GrpcEndpoint(f"{host}:{port or _GRPC_PORT}", _SECURE[parts.scheme])


def _bad(text: str) -> BadTraceEndpoint:
    return BadTraceEndpoint(
        "expected the URL of a collector, such as http://localhost:4317 (gRPC) or http://localhost:4318 (HTTP), "
        f"got {text!r}"
    )
