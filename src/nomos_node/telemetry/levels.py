"""Log levels by the names of the config: the five of Rust's ``tracing``, of which ``TRACE`` is new to ``logging``."""

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
    """
    Raises:
        ValueError: the name is none of ``LEVELS``, in whatever case.
    """
    try:
        return LEVELS[text.lower()]
    except KeyError:
        raise ValueError(f"unknown log level {text!r}: expected one of {', '.join(LEVELS)}") from None


def shown_level(level: int) -> str:
    """The level's name in a log line."""
    return _SHOWN.get(level) or logging.getLevelName(level)
