"""Errors of a node's configuration, in the real node's words, with a remedy.

The first line of a ``ConfigError`` is the line that the real node prints for the same file: the path of the field,
serde's message and the position. The lines below it are ours: file and line in the form that editors jump to, and the
remedy.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass


class ConfigError(ValueError):
    """Refusal of a node configuration.

    ``summary`` is the real node's text with the position that it reports. ``source``, ``line``, ``column`` and
    ``field`` are the exact place; line and column count from 1, and are None where the whole file is meant. ``advice``
    says what to do.
    """

    def __init__(
        self,
        summary: str,
        *,
        source: str,
        line: int | None = None,
        column: int | None = None,
        field: str = "",
        advice: str = "",
    ) -> None:
        self.summary = summary
        self.source = source
        self.line = line
        self.column = column
        self.field = field
        self.advice = advice
        super().__init__(summary)

    @property
    def place(self) -> str:
        """Place of the mistake: ``file:line:column``."""
        return ":".join(str(part) for part in (self.source, self.line, self.column) if part is not None)

    def __str__(self) -> str:
        place = f"{self.place}: {self.field}" if self.field else self.place
        return f"{self.summary}\n  at {place}" + (f"\n  {self.advice}" if self.advice else "")


@dataclass(frozen=True, slots=True)
class UnknownKey:
    """Key that the schema does not have."""

    path: str
    """Path of the key, for example ``network.backend.swarm.extra``."""
    line: int
    """Line of the key, from 1."""

    def __str__(self) -> str:
        return self.path


class UnknownKeysError(ConfigError):
    """Refusal of keys that no node reads.

    ``--check-config`` refuses them. A normal run only warns.
    """

    def __init__(self, keys: Sequence[UnknownKey], *, source: str) -> None:
        self.keys = tuple(keys)
        places = ", ".join(f"{key.path} (line {key.line})" for key in keys)
        super().__init__(
            f"Unrecognized fields in config: {json.dumps([key.path for key in keys], ensure_ascii=False)}",
            source=source,
            line=keys[0].line,
            advice=f"remove them or correct their spelling: {places}",
        )
