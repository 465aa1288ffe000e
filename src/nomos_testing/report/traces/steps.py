"""Spans of what the run did: phases, waits, lives of nodes, faults."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nomos_testing.evidence.fault_windows import FaultWindow
from nomos_testing.evidence.numbers import Phase
from nomos_testing.faults.fault_events import FaultInjected
from nomos_testing.journal.events import (
    NodeControlled,
    NodeExited,
    NodeReady,
    NodeStarted,
    Reorganised,
    WaitEnded,
)
from nomos_testing.journal.journal import Entry
from nomos_testing.report.traces.span_tree import Attributes, Moment, SpanTree


def add_phases(tree: SpanTree, root: bytes, phases: Sequence[Phase], entries: Sequence[Entry], end: float) -> None:
    """Add a span of each phase, with the waits that ended in it as its parts."""
    waits = [(entry.at, entry.event) for entry in entries if isinstance(entry.event, WaitEnded)]
    for phase in phases:
        ended = end if phase.seconds is None else phase.began + phase.seconds
        error = phase.error if phase.seconds is not None else "the phase did not end"
        span = tree.add(f"phase {phase.name}", phase.began, ended, root, error=error)
        inside = [(at, wait) for at, wait in waits if phase.began <= at <= ended]
        waits = [item for item in waits if item not in inside]
        for at, wait in inside:
            _add_wait(tree, span, at, wait)
    for at, wait in waits:
        _add_wait(tree, root, at, wait)


def _add_wait(tree: SpanTree, parent: bytes, at: float, wait: WaitEnded) -> None:
    error = None if wait.fulfilled else f"the wait timed out; last seen: {wait.last_seen}"
    tree.add(
        f"wait for {wait.waited_for}",
        at - wait.seconds,
        at,
        parent,
        attributes={"last_seen": wait.last_seen},
        error=error,
    )


def add_nodes(tree: SpanTree, root: bytes, entries: Sequence[Entry], end: float) -> None:
    """Add a span of each life of each node: from its start to its end, or to the end of the run."""
    lives = _Lives(tree, root)
    for entry in entries:
        lives.take(entry.at, entry.event)
    lives.close(end)


class _Lives:
    def __init__(self, tree: SpanTree, root: bytes) -> None:
        self._tree = tree
        self._root = root
        self._group: bytes | None = None
        self._alive: dict[str, tuple[float, NodeStarted, list[Moment]]] = {}
        self._all: list[tuple[float, float, NodeStarted, list[Moment], str | None]] = []

    def take(self, at: float, event: Any) -> None:
        match event:
            case NodeStarted():
                self._end(event.node, at, None)
                self._alive[event.node] = (at, event, [])
            case NodeReady():
                self._note(event.node, (at, "ready", {"seconds": event.seconds}))
            case NodeControlled():
                self._note(event.node, (at, event.action, {"seconds": event.seconds}))
            case Reorganised():
                values: Attributes = {"abandoned": event.abandoned, "adopted": event.adopted, "new_tip": event.new_tip}
                self._note(event.node, (at, "reorganised", values))
            case NodeExited():
                self._note(event.node, (at, "exited", {"status": event.status, "expected": event.expected}))
                self._end(event.node, at, None if event.expected else event.status)

    def close(self, end: float) -> None:
        for node in list(self._alive):
            self._end(node, end, None)
        if not self._all:
            return
        first, last = min(life[0] for life in self._all), max(life[1] for life in self._all)
        group = self._tree.add("nodes", first, last, self._root)
        for start, ended, event, moments, error in sorted(self._all, key=lambda life: (life[2].node, life[0])):
            attributes = {"node": event.node, "program": event.program, "url": event.url, "pid": event.pid}
            name = f"node {event.node}"
            self._tree.add(name, start, ended, group, attributes=attributes, moments=moments, error=error)

    def _note(self, node: str, moment: Moment) -> None:
        if node in self._alive:
            self._alive[node][2].append(moment)

    def _end(self, node: str, at: float, error: str | None) -> None:
        life = self._alive.pop(node, None)
        if life is not None:
            start, event, moments = life
            self._all.append((start, at, event, moments, error))


def add_faults(
    tree: SpanTree, root: bytes, faults: Sequence[FaultWindow], entries: Sequence[Entry], end: float
) -> None:
    """Add a span of each fault: injection, effect, heal and recovery are its parts."""
    if not faults:
        return
    injected = {entry.event.number: entry.event for entry in entries if isinstance(entry.event, FaultInjected)}
    spans = [(fault, injected[fault.number].seconds if fault.number in injected else 0.0) for fault in faults]
    first = min(fault.began - seconds for fault, seconds in spans)
    last = max(fault.recovered or fault.ended or end for fault in faults)
    group = tree.add("faults", first, last, root)
    for fault, seconds in spans:
        _add_fault(tree, group, fault, seconds, end)


def _add_fault(tree: SpanTree, group: bytes, fault: FaultWindow, seconds: float, end: float) -> None:
    started, healed = fault.began - seconds, fault.ended
    last = fault.recovered or (end if healed is None else healed)
    attributes: Attributes = {
        "number": fault.number,
        "nodes": fault.nodes,
        "recovered_slots": fault.recovered_slots,
        "overlapped": fault.overlapped,
        "deepest_reorganisation": fault.deepest_reorganisation,
    }
    span = tree.add(f"fault: {fault.text}", started, last, group, attributes=attributes)
    tree.add("injection", started, fault.began, span)
    if healed is None:
        tree.add("in effect", fault.began, end, span)
        return
    heal_began = max(fault.began, healed - (fault.heal_seconds or 0.0))
    tree.add("in effect", fault.began, heal_began, span)
    unverified = "the heal is not verified" if fault.verified is False else None
    tree.add("heal", heal_began, healed, span, error=unverified)
    if fault.recovered is not None:
        tree.add("recovery", healed, fault.recovered, span)
