"""Push of the metrics to an OTLP collector over HTTP: ``tracing.metrics: !Otlp {endpoint, host_identifier}``.

A missing collector costs one line in the log, however often the push fails. Values are cumulative, so a failed push
loses nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from nomos_node.workers import Worker

if TYPE_CHECKING:
    import aiohttp

INTERVAL_VARIABLE: Final = "OTEL_METRIC_EXPORT_INTERVAL"
DEFAULT_INTERVAL: Final = 60.0
_METRICS_PATH: Final = "/v1/metrics"
_HEADERS: Final = {"content-type": "application/x-protobuf"}
_TIMEOUT: Final = 10.0
_LAST_TIMEOUT: Final = 0.3
"""Seconds for the last push at the end of a node."""

_log = logging.getLogger("nomos_tracing")


class BadEndpoint(ValueError):
    """Error: the endpoint is no URL of a collector. The message says what was expected."""


@dataclass(frozen=True, slots=True)
class PushSettings:
    """Settings of the push."""

    url: str
    service_name: str
    interval: float = DEFAULT_INTERVAL
    """Seconds between two pushes."""


def metrics_url(endpoint: str) -> str:
    """Return the URL to push to. An endpoint without a path gets the path of the protocol.

    Raises:
        BadEndpoint: no ``http://`` or ``https://`` URL with a host.
    """
    try:
        parts = urlsplit(endpoint)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise BadEndpoint(f"expected an http:// or https:// URL such as http://localhost:4318, got {endpoint!r}")
    return endpoint if parts.path.strip("/") else parts._replace(path=_METRICS_PATH).geturl()


def push_interval(environ: Mapping[str, str]) -> float:
    """Return the seconds between pushes. ``OTEL_METRIC_EXPORT_INTERVAL`` is in milliseconds."""
    text = environ.get(INTERVAL_VARIABLE)
    if text is None:
        return DEFAULT_INTERVAL
    try:
        milliseconds = int(text)
        if milliseconds <= 0:
            raise ValueError
    except ValueError:
        _log.warning(
            "%s=%s is not a whole number of milliseconds above 0; using %d",
            INTERVAL_VARIABLE,
            text,
            DEFAULT_INTERVAL * 1e3,
        )
        return DEFAULT_INTERVAL
    return milliseconds / 1000


class MetricsPush:
    """Push to one collector.

    ``serialized`` makes the body of a push, with the values of that moment. ``worker`` imports heavy modules.
    """

    def __init__(self, settings: PushSettings, serialized: Callable[[], bytes], worker: Worker) -> None:
        self._settings = settings
        self._serialized = serialized
        self._worker = worker
        self._reached: bool | None = None
        """None before the first push."""

    async def run(self) -> None:
        """Push at once, then in every interval. When cancelled, push once more if the collector answers."""
        await self._worker.run(_import_heavy_modules)
        import aiohttp

        async with aiohttp.ClientSession(headers=_HEADERS) as session:
            try:
                while True:
                    await self._push(session, _TIMEOUT)
                    await asyncio.sleep(self._settings.interval)
            finally:
                if self._reached:
                    await self._push(session, _LAST_TIMEOUT)

    async def _push(self, session: aiohttp.ClientSession, timeout: float) -> None:
        import aiohttp

        try:
            async with asyncio.timeout(timeout):
                async with session.post(self._settings.url, data=self._serialized()) as answer:
                    text = await answer.text(errors="replace")
        except TimeoutError:
            self._failed(f"no answer within {timeout:g} s")
        except (aiohttp.ClientError, OSError) as error:
            self._failed(str(error) or type(error).__name__)
        else:
            if answer.ok:
                self._succeeded()
            else:
                self._failed(f"{answer.status} {answer.reason}: {text[:200].strip()}")

    def _succeeded(self) -> None:
        if self._reached is not True:
            _log.info("metrics go to %s every %g s", self._settings.url, self._settings.interval)
        self._reached = True

    def _failed(self, reason: str) -> None:
        """Log a failure. Only the first one is a warning: the collector is not part of the node."""
        level = logging.WARNING if self._reached is None else logging.DEBUG
        _log.log(level, "metrics can't be pushed to %s, going on without: %s", self._settings.url, reason)
        self._reached = False


def _import_heavy_modules() -> None:
    """Import modules that take a fifth of a second together."""
    for module in ("aiohttp", "opentelemetry.proto.collector.metrics.v1.metrics_service_pb2"):
        import_module(module)
