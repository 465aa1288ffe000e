"""Causes: the clock of a node was wrong, as the blocks in its log tell."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from statistics import median
from typing import Final

from nomos_testing.diagnosis.causes import Cause
from nomos_testing.diagnosis.course import Course
from nomos_testing.journal.events import BlockSeen

_READ_LINES: Final = 5_000
_READ_BLOCKS: Final = 40
"""So much of a node's log is read: enough to tell, and quick."""
_FEWEST_BLOCKS: Final = 5
_FEWEST_SECONDS: Final = 2.0
_SLOTS_OFF: Final = 2
"""A smaller difference is the way of a block to the node and to the runner."""
_HEX: Final = re.compile(r"\b0x([0-9a-f]{64})\b")
_NUMBERS: Final = re.compile(r"HeaderId\(\[([\d, ]+)\]\)")


def wrong_clocks(course: Course) -> Iterator[Cause]:
    """Yield the nodes in whose logs blocks appear long before or after the runner saw them.

    A clock that a fault has shifted is found by its own event.
    """
    seen = {e.event.block.removeprefix("0x"): e.at for e in course.entries if isinstance(e.event, BlockSeen)}
    shifted = {node for each in course.disturbances if each.action == "clock" for node in each.nodes}
    limit = max(_FEWEST_SECONDS, _SLOTS_OFF * (course.slot_seconds or 0.0))
    for node in course.record.node_names() if seen and course.failed else ():
        offsets = [] if node in shifted else sorted(islice(_offsets(course, node, seen), _READ_BLOCKS), key=abs)
        # The nearest ones count: a node that joined, was down or was cut off got old blocks late by any clock.
        nearest = offsets[: max(_FEWEST_BLOCKS, len(offsets) // 2)]
        if len(nearest) < _FEWEST_BLOCKS or not _constant(nearest, limit):
            continue
        offset = median(nearest)
        ahead = "ahead of" if offset > 0 else "behind"
        failed = course.failure_about(node)
        yield course.cause(
            "clock-skewed",
            f"the clock of {node} is {abs(offset):.0f} s {ahead} the runner's: its log "
            f"has {len(offsets)} blocks at other times than those at which they were seen",
            "likely" if failed is not None else "possible",
            remedy="set the clocks of the machines (NTP), or of the node's container",
            at=course.run_began,
            failed=failed,
            node=node,
        )


def _constant(offsets: Sequence[float], limit: float) -> bool:
    """Return whether all offsets are beyond the limit and much the same. Those of a slow node differ widely."""
    least, spread = min(map(abs, offsets)), max(offsets) - min(offsets)
    return least >= limit and spread <= max(limit / 2, least / 10)


def _offsets(course: Course, node: str, seen: dict[str, float]) -> Iterator[float]:
    """Yield for each block the seconds from the moment it was seen to the first time that the node's log gives it."""
    left = dict(seen)
    for line in islice(course.record.log_of(node), _READ_LINES):
        found = _HEX.search(line.text) or _NUMBERS.search(line.text)
        if found is None:
            continue
        at = left.pop(found[1] if len(found[1]) == 64 else _hex(found[1]), None)
        if at is not None:
            yield line.at - at


def _hex(numbers: str) -> str:
    return "".join(f"{int(number):02x}" for number in numbers.split(",") if number.strip())
