"""Which log lines are kept: the config's ``level`` and its ``filter: !EnvFilter {filters: {target: level}}``.

A filter names targets by prefix, with or without ``nomos_``: ``consensus`` and ``nomos_consensus`` both mean
``nomos_consensus``, ``da`` means every ``nomos_da_*``, and ``nomos`` alone every target of that family. The longest
matching name decides, and decides alone: it may let more through than ``level`` or less. Targets that no name matches
follow ``level``.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final

_FAMILY: Final = "nomos"


class TargetFilter(logging.Filter):
    def __init__(self, level: int, filters: Mapping[str, int]) -> None:
        super().__init__()
        self._level = level
        self._filters = sorted(filters.items(), key=lambda item: len(_bare(item[0])), reverse=True)
        self._threshold_of: dict[str, int] = {}

    @property
    def lowest_level(self) -> int:
        """The lowest level that any target may use."""
        return min([self._level, *(level for _, level in self._filters)])

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno >= self.threshold(record.name)

    def threshold(self, target: str) -> int:
        if target not in self._threshold_of:
            matching = (level for name, level in self._filters if _matches(name, target))
            self._threshold_of[target] = next(matching, self._level)
        return self._threshold_of[target]


def _bare(name: str) -> str:
    return name.removeprefix(_FAMILY).removeprefix("_")


def _matches(name: str, target: str) -> bool:
    return target.startswith(name) or (target.startswith(_FAMILY) and _bare(target).startswith(name))
