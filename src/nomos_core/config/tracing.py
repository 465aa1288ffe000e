"""Section ``tracing``: the targets of a node's log, traces and metrics."""

from dataclasses import dataclass
from enum import Enum
from typing import Annotated, ClassVar

from nomos_core.config.codecs import TaggedCodec
from nomos_core.config.scalars import U16, Float, HostAndPort, LogLevel, Path, Text
from nomos_core.config.structs import StructCodec


class StandardStream(Enum):
    """Standard stream as the target of the log."""

    STDOUT = "Stdout"
    """Standard output."""
    STDERR = "Stderr"
    """Standard error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GelfLogger:
    """Log to a GELF server: ``!Gelf``."""

    serde_name: ClassVar = "GelfConfig"
    addr: HostAndPort
    """IP address and port of the server."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileLogger:
    """Log to hourly files ``<prefix>.<YYYY-MM-DD-HH>`` in UTC: ``!File``."""

    serde_name: ClassVar = "FileConfig"
    directory: Path
    """Directory of the files."""
    prefix: Path | None = None
    """Beginning of the file names; None: ``nomos.log``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LokiLogger:
    """Log to Loki: ``!Loki``. The embedded node refuses it."""

    serde_name: ClassVar = "LokiConfig"
    endpoint: Text
    """URL of the server."""
    host_identifier: Text
    """Name of this node in the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OtlpTraces:
    """Traces to an OTLP server: ``!Otlp``."""

    serde_name: ClassVar = "OtlpTracingConfig"
    endpoint: Text
    """URL of the server."""
    sample_ratio: Float
    """Fraction of the traces that are sent, from 0 to 1."""
    service_name: Text
    """Name of this node in the traces."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OtlpMetrics:
    """Metrics pushed to an OTLP server: ``!Otlp``."""

    serde_name: ClassVar = "OtlpMetricsConfig"
    endpoint: Text
    """URL of the server, for example ``http://localhost:4318``."""
    host_identifier: Text
    """Name of this node in the metrics."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvFilter:
    """Log levels of single targets: ``!EnvFilter``."""

    serde_name: ClassVar = "EnvFilterConfig"
    filters: dict[str, Text]
    """Target to level, as in ``RUST_LOG``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokioConsole:
    """Tokio console of the real node: ``!Console``. The embedded node has none and warns."""

    serde_name: ClassVar = "TokioConsoleConfig"
    bind_address: Text
    """IP address to listen on."""
    port: U16
    """TCP port to listen on."""


LogTarget = GelfLogger | FileLogger | LokiLogger | StandardStream | None
"""Target of the log. None: there is no log."""

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
    """Section ``tracing``. A part that is None, written ``None``, is off."""

    serde_name: ClassVar = "TracingSettings"
    logger: Annotated[LogTarget, _LOGGERS]
    """Target of the log."""
    tracing: Annotated[OtlpTraces | None, TaggedCodec({"Otlp": (OtlpTraces, StructCodec(OtlpTraces))}, _NONE)]
    """Target of traces."""
    filter: Annotated[EnvFilter | None, TaggedCodec({"EnvFilter": (EnvFilter, StructCodec(EnvFilter))}, _NONE)]
    """Log levels of single targets."""
    metrics: Annotated[OtlpMetrics | None, TaggedCodec({"Otlp": (OtlpMetrics, StructCodec(OtlpMetrics))}, _NONE)]
    """Target of metrics."""
    console: Annotated[TokioConsole | None, TaggedCodec({"Console": (TokioConsole, StructCodec(TokioConsole))}, _NONE)]
    """Tokio console."""
    level: LogLevel
    """Least level of a line in the log."""
