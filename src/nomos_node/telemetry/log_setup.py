"""Log setup: installs the destination of the configuration. All log lines pass the root logger."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nomos_node.telemetry.gelf import GelfHandler
from nomos_node.telemetry.hourly_file import DEFAULT_PREFIX, HourlyFileHandler
from nomos_node.telemetry.levels import TRACE, shown_level
from nomos_node.telemetry.line_format import LineFormat
from nomos_node.telemetry.target_filter import TargetFilter


@dataclass(frozen=True, slots=True)
class ToStdout:
    """Destination stdout."""


@dataclass(frozen=True, slots=True)
class ToStderr:
    """Destination stderr."""


@dataclass(frozen=True, slots=True)
class ToNowhere:
    """No destination: nothing is logged."""


@dataclass(frozen=True, slots=True)
class ToFile:
    """Destination files, one for each hour."""

    directory: Path
    prefix: str = DEFAULT_PREFIX


@dataclass(frozen=True, slots=True)
class ToGelf:
    """Destination Graylog server."""

    host: str
    port: int


LogDestination = ToStdout | ToStderr | ToNowhere | ToFile | ToGelf


@dataclass(frozen=True, slots=True)
class LogSettings:
    """Settings of the log."""

    destination: LogDestination = field(default_factory=ToStdout)
    level: int = logging.INFO
    filters: Mapping[str, int] = field(default_factory=dict)
    """Levels by target prefix, as ``TargetFilter`` matches them."""
    refused: Sequence[str] = ()
    """Parts of the configuration that were left out, with the reasons."""


class LogSetupError(Exception):
    """Error: the log destination can't be used. The message names it and the reason."""


def install_logging(settings: LogSettings) -> None:
    """Send all log lines to the destination of the settings, each from the level of its logger up.

    The log begins with a warning for each part of the configuration that was left out.

    Raises:
        LogSetupError: the file or the server can't be opened.
    """
    handler = _handler(settings.destination)
    kept = TargetFilter(settings.level, settings.filters)
    handler.setFormatter(LineFormat())
    handler.addFilter(kept)
    logging.addLevelName(TRACE, shown_level(TRACE))
    logging.getLogger().handlers[:] = [handler]
    kept.apply()
    for refusal in settings.refused:
        logging.getLogger("nomos_node").warning("%s", refusal)


def _handler(destination: LogDestination) -> logging.Handler:
    match destination:
        case ToStdout():
            return logging.StreamHandler(sys.stdout)
        case ToStderr():
            return logging.StreamHandler(sys.stderr)
        case ToNowhere():
            return logging.NullHandler()
        case ToFile(directory, prefix):
            try:
                return HourlyFileHandler(directory, prefix)
            except OSError as error:
                reason = error.strerror or error
                raise LogSetupError(f"tracing.logger: can't write log files in {directory}: {reason}") from error
        case ToGelf(host, port):
            try:
                return GelfHandler(host, port)
            except OSError as error:
                raise LogSetupError(f"tracing.logger: can't send GELF to {host}:{port}: {error}") from error
