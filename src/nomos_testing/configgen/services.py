"""The sections ``tracing``, ``http``, ``testing_http``, ``storage`` and ``sdp``."""

from __future__ import annotations

from typing import Final

from nomos_core.config.node import HttpBackend, HttpConfig, SdpConfig, StorageConfig
from nomos_core.config.scalars import SocketAddress
from nomos_core.config.tracing import EnvFilter, FileLogger, LogTarget, OtlpMetrics, OtlpTraces, TracingConfig
from nomos_testing.cluster.interfaces import Role
from nomos_testing.configgen.node_plan import NodePlan
from nomos_testing.configgen.options import NodeLogging

OWN_LOG_PREFIX: Final = "__logs"
"""The prefix of log files in a node's own directory."""
_SHARED_LOG_PREFIXES: Final = {Role.VALIDATOR: "nomos-node", Role.EXECUTOR: "nomos-executor"}
_TRACE_SAMPLE_RATIO: Final = 0.5


def shared_log_prefix(role: Role, index: int) -> str:
    """Return the prefix of a node's log files in a directory that all nodes share."""
    return f"{_SHARED_LOG_PREFIXES[role]}-{index}"


def tracing_config(plan: NodePlan) -> TracingConfig:
    host = shared_log_prefix(plan.role, plan.index)
    return tracing_section(plan.options.logging, _file_logger(plan, host), host)


def tracing_section(logging: NodeLogging, logger: LogTarget, host: str) -> TracingConfig:
    """Return the section of a node that logs by ``logger`` and is called ``host`` in its traces and metrics."""
    return TracingConfig(
        logger=logger,
        tracing=OtlpTraces(endpoint=logging.otlp_traces, sample_ratio=_TRACE_SAMPLE_RATIO, service_name=host)
        if logging.otlp_traces
        else None,
        filter=EnvFilter(filters=dict(logging.filters)) if logging.filters else None,
        metrics=OtlpMetrics(endpoint=logging.otlp_metrics, host_identifier=host) if logging.otlp_metrics else None,
        console=None,
        level=logging.level.upper(),
    )


def _file_logger(plan: NodePlan, host: str) -> FileLogger:
    directory = plan.options.logging.directory
    if directory is None:
        return FileLogger(directory=plan.path(""), prefix=OWN_LOG_PREFIX)
    return FileLogger(directory=str(directory), prefix=host)


def http_config(host: str, port: int) -> HttpConfig:
    """Return the section of an HTTP server that never limits a run's rate of requests.

    The limiter gives back one request a second, and the burst is more than a long run sends.
    """
    return HttpConfig(
        backend_settings=HttpBackend(
            address=SocketAddress(host, port),
            cors_origins=(),
            max_concurrent_requests=1000,
            rate_limit_per_second=1,
            rate_limit_burst=1_000_000,
        )
    )


def storage_config(plan: NodePlan) -> StorageConfig:
    return StorageConfig(db_path=plan.path("db"), read_only=False, column_family="blocks")


def sdp_config() -> SdpConfig:
    return SdpConfig()
