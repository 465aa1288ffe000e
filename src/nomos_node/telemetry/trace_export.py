"""Export of spans to a collector: ``tracing.tracing: !Otlp {endpoint, sample_ratio, service_name}``.

Spans go in batches, once a second. A missing collector costs one warning in the log, however long it is missing. The
spans wait for it, and those beyond the queue's capacity are dropped and counted.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Final, TypeAlias

from nomos_core.telemetry.endpoint import GRPC_METHOD, HTTP_HEADERS, GrpcEndpoint, HttpEndpoint, TraceEndpoint
from nomos_core.telemetry.otlp_traces import to_protobuf
from nomos_node.telemetry.recording import SpanQueue
from nomos_node.workers import Worker

_BATCH: Final = 512
"""Most spans of a message."""
_INTERVAL: Final = 1.0
_TIMEOUT: Final = 10.0
_LAST_TIMEOUT: Final = 0.3
_TRANSIENT_STATUS: Final = frozenset({429, 502, 503, 504})
"""Answers of HTTP after which the same message may be sent again, as OTLP says."""
_TRANSIENT_CODES: Final = frozenset(
    {"CANCELLED", "DEADLINE_EXCEEDED", "ABORTED", "OUT_OF_RANGE", "UNAVAILABLE", "DATA_LOSS", "RESOURCE_EXHAUSTED"}
)
"""The same of gRPC."""

_log = logging.getLogger("nomos_tracing")
Send: TypeAlias = Callable[[bytes], Awaitable[None]]


class _Unreachable(Exception):
    """Error: the collector did not take the message. It may take it later."""


class _Refused(Exception):
    """Error: the collector will never take this message."""


@dataclass(frozen=True, slots=True)
class TraceSettings:
    """Settings of the traces."""

    endpoint: TraceEndpoint
    shown_endpoint: str
    """Endpoint as the configuration has it."""
    service_name: str
    sample_ratio: float = 1.0
    """Fraction of traces that are kept."""
    interval: float = _INTERVAL
    """Seconds between two exports."""
    last_timeout: float = _LAST_TIMEOUT
    """Seconds for the last export, at the end of the node."""


class TraceExport:
    """Export to one collector. ``worker`` imports heavy modules and encodes the messages."""

    def __init__(self, settings: TraceSettings, queue: SpanQueue, worker: Worker) -> None:
        self._settings = settings
        self._queue = queue
        self._worker = worker
        self._reached: bool | None = None
        """None before the first export."""

    async def run(self) -> None:
        """Export what waits in every interval. When cancelled, export once more if the collector answers."""
        endpoint = self._settings.endpoint
        try:
            await self._worker.run(import_module, "grpc.aio" if isinstance(endpoint, GrpcEndpoint) else "aiohttp")
        except ImportError:
            _log.warning(
                "traces can't go to %s: the package grpcio is not installed. Install the extra `traces` of "
                "logos-blockchain-testing, or give the collector's HTTP endpoint (port 4318)",
                self._settings.shown_endpoint,
            )
            await asyncio.Event().wait()
        async with _open(endpoint) as send:
            try:
                while True:
                    await asyncio.sleep(self._settings.interval)
                    await self._export_all(send, _TIMEOUT)
            finally:
                if self._reached is not False:
                    await self._export_all(send, self._settings.last_timeout)
                if self._queue.dropped.value:
                    _log.info("%d spans were dropped", self._queue.dropped.value)

    async def _export_all(self, send: Send, timeout: float) -> None:
        try:
            async with asyncio.timeout(timeout):
                while len(self._queue) and await self._export(send):
                    pass
        except TimeoutError:
            self._failed(f"no answer within {timeout:g} s")

    async def _export(self, send: Send) -> bool:
        """Export one batch. Return False if the collector can't be reached: the batch waits."""
        spans = self._queue.take(_BATCH)
        taken = False
        try:
            await send(await self._worker.run(to_protobuf, spans, {"service.name": self._settings.service_name}))
            taken = True
        except _Refused as error:
            taken = True
            self._queue.dropped.add(len(spans))
            self._failed(str(error))
            return False
        except _Unreachable as error:
            self._failed(str(error))
            return False
        finally:
            if not taken:
                self._queue.put_back(spans)
        self._succeeded()
        return True

    def _succeeded(self) -> None:
        if self._reached is not True:
            _log.info("traces go to %s", self._settings.shown_endpoint)
        self._reached = True

    def _failed(self, reason: str) -> None:
        """Log a failure. Only the first one is a warning: the collector is not part of the node."""
        level = logging.WARNING if self._reached is None else logging.DEBUG
        _log.log(level, "traces can't go to %s, going on without: %s", self._settings.shown_endpoint, reason)
        self._reached = False


def _open(endpoint: TraceEndpoint) -> AbstractAsyncContextManager[Send]:
    return _http(endpoint) if isinstance(endpoint, HttpEndpoint) else _grpc(endpoint)


@asynccontextmanager
async def _http(endpoint: HttpEndpoint) -> AsyncIterator[Send]:
    import aiohttp

    async with aiohttp.ClientSession(headers=HTTP_HEADERS) as session:

        async def send(message: bytes) -> None:
            try:
                async with session.post(endpoint.url, data=message) as answer:
                    text = await answer.text(errors="replace")
            except (aiohttp.ClientError, OSError) as error:
                raise _Unreachable(str(error) or type(error).__name__) from error
            if not answer.ok:
                kind = _Unreachable if answer.status in _TRANSIENT_STATUS else _Refused
                raise kind(f"{answer.status} {answer.reason}: {text[:200].strip()}")

        yield send


@asynccontextmanager
async def _grpc(endpoint: GrpcEndpoint) -> AsyncIterator[Send]:
    import grpc.aio

    options = [("grpc.enable_http_proxy", 0)]
    if endpoint.secure:
        channel = grpc.aio.secure_channel(endpoint.authority, grpc.ssl_channel_credentials(), options)
    else:
        channel = grpc.aio.insecure_channel(endpoint.authority, options)
    async with channel:
        export: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(GRPC_METHOD)

        async def send(message: bytes) -> None:
            try:
                await export(message)
            except grpc.aio.AioRpcError as error:
                kind = _Unreachable if error.code().name in _TRANSIENT_CODES else _Refused
                raise kind(f"{error.code().name}: {error.details()}") from error

        yield send
