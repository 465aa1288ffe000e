"""Filter of log lines by ``level`` and ``filter: !EnvFilter {filters: {target: level}}`` of the configuration.

A filter names targets by prefix, with or without ``nomos_``: ``consensus`` and ``nomos_consensus`` both mean
``nomos_consensus``, ``da`` means every ``nomos_da_*``, and ``nomos`` alone means every target of that family. Only the
longest matching name counts. It may let more through than ``level``, or less. Targets that no name matches follow
``level``. Loggers of libraries that no name matches show WARN and above.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Final

from nomos_node.telemetry.targets import LIBRARIES, TARGETS

_FAMILY: Final = "nomos"


class TargetFilter(logging.Filter):
    """Filter of log records."""

    def __init__(self, level: int, filters: Mapping[str, int]) -> None:
        super().__init__()
        self._level = level
        self._filters = sorted(filters.items(), key=lambda item: len(_bare(item[0])), reverse=True)
        self._threshold_of: dict[str, int] = {}

    def apply(self) -> None:
        """Set the level of every logger, so that unwanted lines are not even made."""
        logging.getLogger().setLevel(self._level_of_others)
        for name in (*TARGETS, *LIBRARIES, *(name for name, _ in self._filters)):
            logging.getLogger(name).setLevel(self.threshold(name))

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno >= self.threshold(record.name)

    def threshold(self, target: str) -> int:
        if target not in self._threshold_of:
            default = self._level if target in TARGETS else self._level_of_others
            self._threshold_of[target] = next(self._matching(target), default)
        return self._threshold_of[target]

    @property
    def _level_of_others(self) -> int:
        return max(self._level, logging.WARNING)

    def _matching(self, target: str) -> Iterator[int]:
        return (level for name, level in self._filters if _matches(name, target))


def _bare(name: str) -> str:
    return name.removeprefix(_FAMILY).removeprefix("_")


def _matches(name: str, target: str) -> bool:
    return target.startswith(name) or (target.startswith(_FAMILY) and _bare(target).startswith(name))
