"""Export of a run's trace to a collector, over gRPC or HTTP."""

from __future__ import annotations

import logging
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final

from nomos_core.telemetry.endpoint import (
    GRPC_METHOD,
    HTTP_HEADERS,
    BadTraceEndpoint,
    GrpcEndpoint,
    HttpEndpoint,
    TraceEndpoint,
    trace_endpoint,
)
from nomos_core.telemetry.otlp_traces import to_protobuf
from nomos_testing.evidence.run_record import RunRecord
from nomos_testing.report.traces.run_trace import RunTrace, run_trace

_BATCH: Final = 1000
"""Spans of a message. Collectors take messages up to 4 MiB."""
_TIMEOUT: Final = 5.0
"""Seconds for each message."""

_log = logging.getLogger(__name__)
Send = Callable[[bytes], None]


class ExportFailed(Exception):
    """The collector did not take the trace. The text says why, and what to do."""


def export_after_run(record: RunRecord, endpoint: str) -> None:
    """Send the trace of a run that has ended. A failure is one line in the log.

    The line is an error, because these alone are shown by default, and the journal takes no notices any more.
    """
    try:
        export(run_trace(record), endpoint)
    except (BadTraceEndpoint, ExportFailed) as error:
        _log.error("NOMOS_OTLP_ENDPOINT: the trace of the run was not sent: %s", error)
    except Exception:
        _log.exception("the trace of the run could not be made")


def export(trace: RunTrace, endpoint: str) -> None:
    """Send a trace to a collector.

    Raises:
        BadTraceEndpoint: the endpoint is no URL of a collector.
        ExportFailed: the collector did not take it.
    """
    with _opened(trace_endpoint(endpoint), endpoint) as send:
        for first in range(0, len(trace.spans), _BATCH):
            send(to_protobuf(trace.spans[first : first + _BATCH], trace.resource))


def _opened(endpoint: TraceEndpoint, shown: str) -> AbstractContextManager[Send]:
    return _over_http(endpoint, shown) if isinstance(endpoint, HttpEndpoint) else _over_grpc(endpoint, shown)


@contextmanager
def _over_http(endpoint: HttpEndpoint, shown: str) -> Iterator[Send]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def send(message: bytes) -> None:
        request = urllib.request.Request(endpoint.url, data=message, headers=HTTP_HEADERS)
        try:
            with opener.open(request, timeout=_TIMEOUT):
                pass
        except urllib.error.HTTPError as error:
            with error:
                reason = f"{error.code} {error.reason}"
            raise ExportFailed(f"{shown} answered {reason}") from None
        except urllib.error.URLError as error:
            raise ExportFailed(f"{shown} cannot be reached: {error.reason}") from error
        except OSError as error:
            raise ExportFailed(f"{shown} does not answer: {error}") from error

    yield send


@contextmanager
def _over_grpc(endpoint: GrpcEndpoint, shown: str) -> Iterator[Send]:
    try:
        import grpc
    except ImportError:
        raise ExportFailed(
            f"{shown} means gRPC, and the package grpcio is not installed\n"
            "  -> pip install 'logos-blockchain-testing[traces]', or give the collector's HTTP port: http://HOST:4318"
        ) from None
    options = [("grpc.enable_http_proxy", 0)]
    if endpoint.secure:
        channel = grpc.secure_channel(endpoint.authority, grpc.ssl_channel_credentials(), options)
    else:
        channel = grpc.insecure_channel(endpoint.authority, options)
    with channel:
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(GRPC_METHOD)

        def send(message: bytes) -> None:
            try:
                call(message, timeout=_TIMEOUT)
            except grpc.RpcError as error:
                raise ExportFailed(f"{shown} did not take it: {error.code().name}: {error.details()}") from error

        yield send
