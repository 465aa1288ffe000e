"""Safety: no two nodes ever finalize conflicting blocks.

A node's last irreversible block (LIB) must be an ancestor or a descendant of every other node's, and of every LIB seen
before. Nodes that were apart for more than k blocks violate this, and never agree again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from nomos_core.identifiers import HeaderId
from nomos_testing.blocks.chain_history import ChainHistory
from nomos_testing.expectations.continuous import RunningAlways
from nomos_testing.expectations.run_view import RunView
from nomos_testing.runtime.interfaces import RunContext, RunPlan
from nomos_testing.waiting.waiting import Seen

_SHORT_ID = 16


class LibAgreement:
    """Remembers the highest LIB and its node, and reports where a conflict begins."""

    def __init__(self) -> None:
        self._highest: HeaderId | None = None
        self._holder = ""
        self._seen: dict[str, HeaderId] = {}
        self._conflict: Seen | None = None
        self.height = 0

    def __call__(self, view: RunView) -> Seen:
        if self._conflict is not None:
            return self._conflict
        for node, state in view.nodes.items():
            lib = None if state.info is None else state.info.lib
            if lib is None or lib == self._seen.get(node) or lib not in view.history:
                continue
            self._seen[node] = lib
            conflict = self._compare(view.history, node, lib)
            if conflict is not None:
                self._conflict = Seen(False, conflict)
                return self._conflict
        return Seen(True, f"one chain up to LIB {self.height}")

    def _compare(self, history: ChainHistory, node: str, lib: HeaderId) -> str | None:
        ancestor = lib if self._highest is None else history.common_ancestor(lib, self._highest)
        if self._highest is None or ancestor == self._highest:
            self._highest, self._holder, self.height = lib, node, history.height_of(lib)
            return None
        if ancestor == lib:
            return None
        ours, theirs = (_described(history, tip, ancestor) for tip in (lib, self._highest))
        return (
            f"conflicting LIB at height {history.height_of(ancestor) + 1}: {node} has finalized {ours}, "
            f"{self._holder} {theirs}; the last block they share is {_short(ancestor)} "
            f"at height {history.height_of(ancestor)}"
        )


@dataclass(frozen=True, slots=True)
class NoConflictingLib:
    """No two nodes ever finalize conflicting blocks."""

    name: ClassVar[str] = "no_conflicting_lib"

    def prepare(self, plan: RunPlan) -> None:
        """There are no numbers to check."""

    def begin(self, ctx: RunContext) -> RunningAlways:
        agreement = LibAgreement()
        return RunningAlways(self.name, ctx, agreement, observed=lambda: f"one chain up to LIB {agreement.height}")

    def file_section(self) -> Mapping[str, Any]:
        return {"no_conflicting_lib": {}}


def _described(history: ChainHistory, tip: HeaderId, ancestor: HeaderId) -> str:
    """Describe the first block after ``ancestor`` on the way to ``tip``."""
    block = tip
    while (record := history.get(block)) is not None and record.parent != ancestor:
        block = record.parent
    slot = f" of slot {record.slot}" if record is not None else ""
    return f"{_short(block)}{slot}"


def _short(block: HeaderId) -> str:
    return block.hex()[:_SHORT_ID]
