"""Log levels by their names in the configuration: those of Rust's ``tracing``. Python's ``logging`` lacks ``TRACE``."""

from __future__ import annotations

import logging
from typing import Final

TRACE: Final = 5
LEVELS: Final = {
    "trace": TRACE,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
    "off": logging.CRITICAL + 10,
}
_SHOWN: Final = {TRACE: "TRACE", logging.WARNING: "WARN", logging.CRITICAL: "ERROR"}


def parse_level(text: str) -> int:
    """Return the level of a name.

    Raises:
        ValueError: the name is none of ``LEVELS``, in whatever case.
    """
    try:
        return LEVELS[text.lower()]
    except KeyError:
        raise ValueError(f"unknown log level {text!r}: expected one of {', '.join(LEVELS)}") from None


def shown_level(level: int) -> str:
    """Return the name of a level in log lines."""
    return _SHOWN.get(level) or logging.getLevelName(level)
