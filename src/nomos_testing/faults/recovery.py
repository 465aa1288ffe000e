"""Detects the recovery of a network from a fault: every node is within two blocks of the highest, on the same chain.

Nodes that another fault acts on are left out. Recovery is not detected while a fault of links is active, nor before the
heal is verified: a node that has just restarted is near the others, but may have no peers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from nomos_core.identifiers import HeaderId
from nomos_testing.blocks.block_feed import NodeView, poll_interval
from nomos_testing.blocks.chain_history import ChainHistory
from nomos_testing.faults.fault_events import FaultRecovered
from nomos_testing.faults.fault_log import FaultLog
from nomos_testing.journal.journal import Journal
from nomos_testing.surroundings import monotonic
from nomos_testing.waiting.waiting import Seen

RECOVERED_WITHIN_BLOCKS: Final = 2


class Feed(Protocol):
    """The part of the block feed that shows recovery."""

    @property
    def history(self) -> ChainHistory: ...
    def nodes(self) -> Mapping[str, NodeView]: ...


def blocks_behind(history: ChainHistory, tip: HeaderId) -> int:
    """Count the blocks of the canonical chain that a node with this tip does not have."""
    canonical = history.canonical_tip()
    if canonical is None:
        return 0
    return history.height_of(canonical) - history.height_of(history.common_ancestor(tip, canonical))


def agreement(feed: Feed, nodes: Sequence[str], *, since: float, within: int = RECOVERED_WITHIN_BLOCKS) -> Seen:
    """Tell whether each of ``nodes`` has answered after ``since`` and is at most ``within`` blocks behind."""
    history, views, tips = feed.history, feed.nodes(), feed.history.tips
    apart = []
    for node in nodes:
        view, tip = views[node], tips.get(node)
        if view.error is not None or view.answered_at is None or view.answered_at <= since:
            apart.append(f"{node} has not answered{f' ({view.error})' if view.error else ''}")
        elif tip is None or (behind := blocks_behind(history, tip)) > within:
            apart.append(f"{node} is {'without blocks' if tip is None else f'{behind} blocks behind'}")
    return Seen(not apart, "; ".join(apart) or f"all within {within} blocks")


async def watch_recoveries(feed: Feed, log: FaultLog, journal: Journal, *, slot_seconds: float | None) -> None:
    """Journal every recovery, until cancelled."""
    poll, slot = poll_interval(slot_seconds), slot_seconds or 1.0
    while True:
        note_recoveries(feed, log, journal, slot_seconds=slot)
        await asyncio.sleep(poll)


def note_recoveries(feed: Feed, log: FaultLog, journal: Journal, *, slot_seconds: float) -> None:
    if not log.network_is_whole:
        return
    healthy = [node for node in feed.nodes() if node not in log.hit_nodes()]
    for record in log.unrecovered():
        assert record.healed_at is not None
        if not record.settled or not healthy or not agreement(feed, healthy, since=record.healed_at).fulfilled:
            continue
        now = monotonic()
        log.recover(record.planned, now)
        journal.write(
            FaultRecovered(
                number=record.planned.number,
                fault=str(record.planned.fault),
                seconds=round(now - record.healed_at, 3),
                slots=round((now - record.healed_at) / slot_seconds, 1),
                overlapped=record.overlapped,
            )
        )
