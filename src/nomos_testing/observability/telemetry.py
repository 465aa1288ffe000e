"""Questions of workloads and expectations about the nodes' metrics: ``ctx.telemetry()``."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from nomos_testing.observability.prometheus import (
    QUERY_SECONDS,
    MetricsError,
    Prometheus,
    PrometheusUnavailable,
    Sample,
    UnknownMetric,
    metric_names,
)

CONSENSUS_PROCESSED_BLOCKS: Final = "consensus_processed_blocks"
"""Blocks that joined a node's tree."""
CONSENSUS_TRANSACTIONS_TOTAL: Final = "consensus_transactions_total"
"""Transactions in these blocks."""

_COUNTED_BY_NODES: Final = frozenset({CONSENSUS_PROCESSED_BLOCKS, CONSENSUS_TRANSACTIONS_TOTAL})
"""Every node has these. A server that has no samples of any node yet does not know them. Their value is then 0."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Telemetry:
    """The metrics of one run.

    Every query raises ``MetricsError`` if there is no server, its URL is not valid, or the query failed. The text says
    which.
    """

    _prometheus_url: str | None = None
    _query_seconds: float = QUERY_SECONDS
    """How long a query may take."""

    def prometheus_endpoint(self) -> str | None:
        """Return the base URL of the Prometheus server; None if there is none."""
        return self._prometheus_url

    async def instant_samples(self, query: str) -> Sequence[Sample]:
        """Return every series that a PromQL expression gives now, with its labels."""
        if self._prometheus_url is None:
            raise PrometheusUnavailable
        return await Prometheus(self._prometheus_url, timeout=self._query_seconds).query(query)

    async def instant_values(self, query: str) -> Sequence[float]:
        """Return the value of every series that a PromQL expression gives now."""
        return [sample.value for sample in await self.instant_samples(query)]

    async def counter_value(self, query: str) -> float:
        """Return the sum over all series that a query gives; 0 if it gives none and its metrics are known.

        Raises:
            UnknownMetric: the query names a metric that the server does not know.
        """
        values = await self.instant_values(query)
        if not values and self._prometheus_url is not None:
            await self._check_names(query, Prometheus(self._prometheus_url, timeout=self._query_seconds))
        return sum(values)

    async def _check_names(self, query: str, server: Prometheus) -> None:
        unknown = [name for name in metric_names(query) if name not in _COUNTED_BY_NODES]
        known = await server.metric_names() if unknown else ()
        for name in unknown:
            if name not in known:
                raise UnknownMetric(name, known)

    async def consensus_processed_blocks(self) -> float:
        """Return the number of blocks added to the nodes' chains, summed over all nodes."""
        return await self.counter_value(CONSENSUS_PROCESSED_BLOCKS)

    async def consensus_transactions_total(self) -> float:
        """Return the number of transactions in the blocks of validators.

        If no job has a validator's name, it is that of all nodes, and a warning says so.
        """
        of_validators = f'sum({CONSENSUS_TRANSACTIONS_TOTAL}{{job=~"validator-.*"}})'
        try:
            if values := await self.instant_values(of_validators):
                return sum(values)
            reason = "it gives nothing"
        except PrometheusUnavailable:
            raise
        except MetricsError as error:
            reason = str(error)
        _log.warning("taking %s of all nodes instead of %s: %s", CONSENSUS_TRANSACTIONS_TOTAL, of_validators, reason)
        return await self.counter_value(CONSENSUS_TRANSACTIONS_TOTAL)
