"""Section ``tracing``: where a node's log, traces and metrics go."""

from dataclasses import dataclass
from enum import Enum
from typing import Annotated, ClassVar

from nomos_core.config.codecs import TaggedCodec
from nomos_core.config.scalars import U16, Float, HostAndPort, LogLevel, Path, Text
from nomos_core.config.structs import StructCodec


class StandardStream(Enum):
    STDOUT = "Stdout"
    STDERR = "Stderr"


@dataclass(frozen=True, slots=True, kw_only=True)
class GelfLogger:
    serde_name: ClassVar = "GelfConfig"
    addr: HostAndPort


@dataclass(frozen=True, slots=True, kw_only=True)
class FileLogger:
    """Hourly files ``<prefix>.<YYYY-MM-DD-HH>`` in ``directory``."""

    serde_name: ClassVar = "FileConfig"
    directory: Path
    prefix: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LokiLogger:
    serde_name: ClassVar = "LokiConfig"
    endpoint: Text
    host_identifier: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class OtlpTraces:
    serde_name: ClassVar = "OtlpTracingConfig"
    endpoint: Text
    sample_ratio: Float
    service_name: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class OtlpMetrics:
    serde_name: ClassVar = "OtlpMetricsConfig"
    endpoint: Text
    host_identifier: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvFilter:
    """Target to level, as in ``RUST_LOG``."""

    serde_name: ClassVar = "EnvFilterConfig"
    filters: dict[str, Text]


@dataclass(frozen=True, slots=True, kw_only=True)
class TokioConsole:
    serde_name: ClassVar = "TokioConsoleConfig"
    bind_address: Text
    port: U16


LogTarget = GelfLogger | FileLogger | LokiLogger | StandardStream | None
"""None: no log at all."""

_NONE = {"None": None}
_LOGGERS = TaggedCodec(
    {
        "Gelf": (GelfLogger, StructCodec(GelfLogger)),
        "File": (FileLogger, StructCodec(FileLogger)),
        "Loki": (LokiLogger, StructCodec(LokiLogger)),
    },
    {"Stdout": StandardStream.STDOUT, "Stderr": StandardStream.STDERR, "None": None},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TracingConfig:
    serde_name: ClassVar = "TracingSettings"
    logger: Annotated[LogTarget, _LOGGERS]
    tracing: Annotated[OtlpTraces | None, TaggedCodec({"Otlp": (OtlpTraces, StructCodec(OtlpTraces))}, _NONE)]
    filter: Annotated[EnvFilter | None, TaggedCodec({"EnvFilter": (EnvFilter, StructCodec(EnvFilter))}, _NONE)]
    metrics: Annotated[OtlpMetrics | None, TaggedCodec({"Otlp": (OtlpMetrics, StructCodec(OtlpMetrics))}, _NONE)]
    console: Annotated[TokioConsole | None, TaggedCodec({"Console": (TokioConsole, StructCodec(TokioConsole))}, _NONE)]
    level: LogLevel
