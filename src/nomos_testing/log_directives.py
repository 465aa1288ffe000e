"""The directives of ``RUST_LOG``: ``debug``, ``warn,nomos_testing.client=debug``, ``asyncio=info``.

A directive is a level, or a target with a level. A level alone is that of the framework's own log. A target is the name
of a logger and stands for all loggers below it; Rust's ``::`` between names counts as a dot.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Self

FRAMEWORK: Final = "nomos_testing"
LEVELS: Final[Mapping[str, int]] = {
    "off": logging.CRITICAL + 10,
    "error": logging.ERROR,
    "warn": logging.WARNING,
    "info": logging.INFO,
    "debug": logging.DEBUG,
    "trace": logging.DEBUG,
}
_ALIASES: Final = {"runner_examples": FRAMEWORK}
"""Targets of the original's programs."""
_TARGET: Final = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")


@dataclass(frozen=True, slots=True)
class LogDirectives:
    """Levels of loggers, as ``logging`` has them."""

    others: int = logging.WARNING
    """Level of the libraries that no directive names."""
    targets: Mapping[str, int] = field(default_factory=lambda: {FRAMEWORK: logging.WARNING})
    refused: tuple[str, ...] = ()
    """Directives that do not parse, as written."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the directives of a text. The last directive of a target wins."""
        own = logging.WARNING
        named: dict[str, int] = {}
        refused = []
        for directive in filter(None, (part.strip() for part in text.split(","))):
            target, separator, name = (part.strip() for part in directive.rpartition("="))
            level, target = LEVELS.get(name.lower()), target.replace("::", ".")
            if level is None or (separator and not _TARGET.fullmatch(target)):
                refused.append(directive)
            elif separator:
                named[_ALIASES.get(target, target)] = level
            else:
                own = level
        return cls(max(own, logging.WARNING), {FRAMEWORK: own, **named}, tuple(refused))

    def apply(self) -> None:
        """Set the levels of the loggers of this process."""
        logging.getLogger().setLevel(self.others)
        for target, level in self.targets.items():
            logging.getLogger(target).setLevel(level)
