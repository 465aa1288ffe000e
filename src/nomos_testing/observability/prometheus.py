"""Instant queries to a Prometheus server over its HTTP API: ``GET /api/v1/query``."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final
from urllib.parse import urlsplit

from nomos_testing.failure import Failure

_WORDS: Final = frozenset({"and", "or", "unless", "by", "without", "on", "ignoring"}) | frozenset(
    {"group_left", "group_right", "bool", "offset", "inf", "nan"}
)
"""Operators and numbers of PromQL, in lower case."""
QUERY_SECONDS: Final = 30.0
"""How long a query may take, on the reference machine."""
"""The limit of a query. Prometheus' own is two minutes, too long for a run that waits for its verdict."""


class MetricsError(Failure):
    """Metrics are not available."""


class InvalidPrometheusUrl(MetricsError):
    """The URL of the server is not valid."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"invalid prometheus url: {reason}")


class PrometheusUnavailable(MetricsError):
    """The deployer started no Prometheus server."""

    def __init__(self) -> None:
        super().__init__("prometheus endpoint unavailable")


class QueryFailed(MetricsError):
    """The server can't be reached, or does not answer the query."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"prometheus query failed: {reason}")


class UnknownMetric(MetricsError):
    """A query names a metric of which the server has no series."""

    def __init__(self, name: str, known: Collection[str]) -> None:
        near = get_close_matches(name, known, n=3)
        hint = f"; near it: {', '.join(near)}" if near else f"; it knows {len(known)} metrics"
        super().__init__(f"prometheus knows no metric {name!r}{hint}")


@dataclass(frozen=True, slots=True)
class Sample:
    """The value of one series at one moment.

    ``labels`` has the metric's name as ``__name__``, unless the query computed something; ``time`` is in seconds of
    the Unix epoch.
    """

    labels: Mapping[str, str]
    time: float
    value: float


class Prometheus:
    """A client of one server.

    Raises:
        InvalidPrometheusUrl: ``url`` is no ``http://`` or ``https://`` URL.
    """

    def __init__(self, url: str, *, timeout: float = QUERY_SECONDS) -> None:
        self.url = _checked(url)
        self._timeout = timeout

    async def query(self, expression: str) -> Sequence[Sample]:
        """Evaluate an expression now. A scalar becomes a sample without labels.

        Raises:
            QueryFailed: the server can't be reached, refused the expression, or gave a range of values.
        """
        status, body = await self._get("/api/v1/query", {"query": expression})
        try:
            answer = json.loads(body)
            if answer["status"] == "success":
                return _samples(answer["data"])
            reason = f"{answer['errorType']}: {answer['error']}"
        except (ValueError, TypeError, KeyError):
            reason = f"{self.url} is no Prometheus server: {status} {body[:200]!r}"
        raise QueryFailed(reason)

    async def metric_names(self) -> frozenset[str]:
        """Return the names of all metrics of which the server has series.

        Raises:
            QueryFailed: the server can't be reached, or it is no Prometheus server.
        """
        status, body = await self._get("/api/v1/label/__name__/values", {})
        try:
            return frozenset(json.loads(body)["data"])
        except (ValueError, TypeError, KeyError):
            raise QueryFailed(f"{self.url} is no Prometheus server: {status} {body[:200]!r}") from None

    async def _get(self, path: str, parameters: Mapping[str, str]) -> tuple[int, str]:
        import aiohttp

        url = self.url.rstrip("/") + path
        try:
            async with (
                asyncio.timeout(self._timeout),
                aiohttp.ClientSession() as session,
                session.get(url, params=parameters) as answer,
            ):
                return answer.status, await answer.text(errors="replace")
        except TimeoutError:
            raise QueryFailed(f"{self.url} gave no answer within {self._timeout:g} s") from None
        except (aiohttp.ClientError, OSError) as error:
            raise QueryFailed(str(error) or type(error).__name__) from error


def metric_names(expression: str) -> list[str]:
    """Return the metrics that a PromQL expression names, in their order, without labels, functions and operators."""
    plain = re.sub(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'|`[^`]*`', "", expression)
    plain = re.sub(r"\{[^}]*\}|\[[^\]]*\]", " ", plain)
    plain = re.sub(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", " ", plain, flags=re.IGNORECASE)
    words = re.findall(r"(?<![\w:.])[a-zA-Z_:][\w:]*(?!\s*\()(?![\w:])", plain)
    return list(dict.fromkeys(word for word in words if word.lower() not in _WORDS))


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError as error:
        raise InvalidPrometheusUrl(f"{url!r}: {error}") from None
    if not usable:
        raise InvalidPrometheusUrl(f"{url!r}: expected http://HOST:PORT")
    return url


def _samples(data: Mapping[str, Any]) -> Sequence[Sample]:
    kind, result = data["resultType"], data["result"]
    if kind == "vector":
        return [_sample(series["metric"], series["value"]) for series in result]
    if kind == "scalar":
        return [_sample({}, result)]
    raise QueryFailed(f"the expression gives a {kind}, expected an instant vector or a scalar")


def _sample(labels: Mapping[str, str], point: Sequence[Any]) -> Sample:
    time, value = point
    return Sample(dict(labels), float(time), float(value))
