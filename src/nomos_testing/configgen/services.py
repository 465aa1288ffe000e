"""Sections ``tracing``, ``http``, ``testing_http``, ``storage`` and ``sdp``."""

from __future__ import annotations

from typing import Final

from nomos_core.config.node import HttpBackend, HttpConfig, SdpConfig, StorageConfig
from nomos_core.config.scalars import SocketAddress
from nomos_core.config.tracing import EnvFilter, FileLogger, OtlpMetrics, OtlpTraces, TracingConfig
from nomos_testing.cluster.interfaces import Role
from nomos_testing.configgen.node_plan import NodePlan

_OWN_LOG_PREFIX: Final = "__logs"
_SHARED_LOG_PREFIXES: Final = {Role.VALIDATOR: "nomos-node", Role.EXECUTOR: "nomos-executor"}
_TRACE_SAMPLE_RATIO: Final = 0.5


def tracing_config(plan: NodePlan) -> TracingConfig:
    logging = plan.options.logging
    host = f"{_SHARED_LOG_PREFIXES[plan.role]}-{plan.index}"
    return TracingConfig(
        logger=_file_logger(plan, host),
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
        return FileLogger(directory=plan.path(""), prefix=_OWN_LOG_PREFIX)
    return FileLogger(directory=str(directory), prefix=host)


def http_config(host: str, port: int) -> HttpConfig:
    """The rate limiter gives back one request a second, so that its burst is never used up in a long run."""
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
