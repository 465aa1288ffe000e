"""The texts of the live view: the state of a run as lines for a terminal. Markup in them is never interpreted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from rich.text import Text

from nomos_testing.evidence.node_logs import LogLine, plain_text
from nomos_testing.journal.events import NodeSample
from nomos_testing.live.block_tree import BlockRow
from nomos_testing.live.messages import Message
from nomos_testing.live.model import FaultState, FaultView, NodeState, NodeView, RunState
from nomos_testing.live.playback import Playback
from nomos_testing.runtime.counters import (
    BLOBS_DISPERSED,
    BLOBS_INCLUDED,
    BLOBS_PLANNED,
    TRANSACTIONS_INCLUDED,
    TRANSACTIONS_PLANNED,
    TRANSACTIONS_SENT,
)

GOOD: Final = "green"
WARNING: Final = "yellow"
BAD: Final = "bold red"
DIM: Final = "dim"
_LEVELS: Final = {"good": GOOD, "warning": WARNING, "error": BAD, "info": ""}
_STATES: Final = {
    NodeState.STARTING: DIM,
    NodeState.RUNNING: GOOD,
    NodeState.SILENT: WARNING,
    NodeState.PAUSED: WARNING,
    NodeState.ENDED: BAD,
}
_SILENT_SECONDS: Final = 5.0
"""A run writes a sample about once a second. If nothing comes for so long, the view says so."""
_BEHIND_BLOCKS: Final = 2
"""A node that has so many blocks less than the highest node is marked. One block is on its way quite often."""
_SHOWN_TIPS: Final = 4
_SHOWN_CHARACTERS: Final = 300
"""Of a message. The journal has all of it."""


def head_of(playback: Playback, width: int) -> Text:
    """Draw the head: the run and its result, the phase and its progress, the load."""
    state = playback.state
    text = Text(no_wrap=True, overflow="ellipsis")
    started = state.progress.started
    if started is not None:
        slot = f", slots of {started.slot_seconds:g} s" if started.slot_seconds else ""
        text.append(started.scenario, "bold").append(f"  {started.deployer}{slot}, seed {started.seed}  ")
    text.append_text(_result(playback)).append("\n")
    text.append_text(_phase(playback, width)).append("\n")
    text.append_text(_load(state, width))
    return text


def _result(playback: Playback) -> Text:
    state = playback.state
    if state.outcome:
        passed = state.outcome == "passed"
        return Text(state.outcome.upper(), f"{GOOD} bold" if passed else BAD)
    if playback.following and playback.silent_seconds > _SILENT_SECONDS:
        return Text(f"no entry for {playback.silent_seconds:.0f} s: the runner is busy or dead", WARNING)
    return Text("in progress" if playback.following else "", "bold")


def _phase(playback: Playback, width: int) -> Text:
    """Draw the phase with its progress, and the position of a playback."""
    progress = playback.state.progress
    elapsed = max(playback.position - progress.phase_started, 0.0)
    text = Text(f"{progress.phase or 'waiting':<9}")
    if playback.state.ended is not None:
        text = Text(f"ended after {playback.state.at:.1f} s")
    elif playback.state.kept_until is not None:
        text = Text(f"network kept for {max(playback.state.kept_until - playback.position, 0.0):.0f} s")
    elif progress.phase_seconds:
        text.append_text(bar(elapsed / progress.phase_seconds, max(width // 4, 10)))
        text.append(f" {min(elapsed, progress.phase_seconds):.0f} of {progress.phase_seconds:.0f} s")
    else:
        text.append(f"{elapsed:.0f} s")
    slot = playback.state.slot
    if slot is not None:
        text.append(f"  slot {slot}")
    if not playback.following:
        sign = ">" if playback.playing else "||"
        text.append(f"  {sign} {playback.speed:g}x  {playback.position:.1f} of {playback.end:.1f} s", "bold cyan")
    return text


def _load(state: RunState, width: int) -> Text:
    counters = state.progress.counters
    text = Text()
    for name, planned, sent, verb, included in (
        ("transactions", TRANSACTIONS_PLANNED, TRANSACTIONS_SENT, "sent", TRANSACTIONS_INCLUDED),
        ("blobs", BLOBS_PLANNED, BLOBS_DISPERSED, "dispersed", BLOBS_INCLUDED),
    ):
        if planned in counters:
            numbers = counters[planned], counters.get(sent, 0), counters.get(included, 0)
            text.append("   " if text else "").append(f"{name} {numbers[1]} of {numbers[0]} {verb}, ")
            text.append(f"{numbers[2]} included ")
            text.append_text(bar(numbers[2] / max(numbers[0], 1), max(width // 10, 6)))
    return text or Text("no transactions or blobs yet", DIM)


def bar(share: float, width: int) -> Text:
    """Draw a bar that is filled up to a share."""
    full = round(min(max(share, 0.0), 1.0) * width)
    return Text("━" * full, GOOD).append("─" * (width - full), DIM)


NODE_COLUMNS: Final = ("node", "state", "height", "peers", "pool", "cpu", "memory", "disk", "remark")


def node_cells(node: NodeView, highest: int) -> list[Text]:
    """Draw the cells of a node, in the order of ``NODE_COLUMNS``."""
    sample = NodeSample() if node.state is NodeState.ENDED else node.sample
    behind = 0 if node.height is None else highest - node.height
    late = f" -{behind}" if behind >= _BEHIND_BLOCKS else ""
    mode = sample.mode if sample.mode is not None and sample.mode != "Online" else ""
    return [
        Text(node.name, "bold"),
        Text(str(node.state), _STATES[node.state]),
        Text(f"{_number(node.height)}{late}", WARNING if late else "", justify="right"),
        Text(_number(sample.peers), BAD if sample.peers == 0 else "", justify="right"),
        Text(_number(sample.mempool), justify="right"),
        Text("-" if node.cpu is None else f"{node.cpu * 100:.0f}%", justify="right"),
        Text(_bytes(sample.memory_bytes), justify="right"),
        Text(_bytes(sample.disk_bytes), justify="right"),
        Text(plain_text(node.detail.removeprefix("killed by ") or mode), DIM),
    ]


def node_order(node: NodeView, column: str) -> tuple[float | str, ...]:
    """Return the key that sorts nodes by a column: numbers fall, names and states rise."""
    sample = node.sample
    role, _, index = node.name.rpartition("-")
    name = (role != "validator", role, int(index) if index.isdigit() else 0)
    numbers = {
        "height": node.height,
        "peers": sample.peers,
        "pool": sample.mempool,
        "cpu": node.cpu,
        "memory": sample.memory_bytes,
        "disk": sample.disk_bytes,
    }
    if column in numbers:
        value = numbers[column]
        return (-value if value is not None else 1.0, *name)
    texts = {"state": str(node.state), "remark": node.detail}
    return (texts.get(column, ""), *name)


def _number(value: int | None) -> str:
    return "-" if value is None else str(value)


def _bytes(value: int | None) -> str:
    if value is None:
        return "-"
    return f"{value / 1e9:.1f} GB" if value >= 1e9 else f"{value / 1e6:.{0 if value >= 1e7 else 1}f} MB"


def blocks_text(rows: Sequence[BlockRow], nodes: int) -> Text:
    """Draw the block tree, a line for each block."""
    width = max((len(row.branches) for row in rows), default=0)
    lines = [_block_line(row, width, nodes) for row in rows]
    return Text("\n", no_wrap=True, overflow="ellipsis").join(lines) if lines else Text("no block yet", DIM)


def _block_line(row: BlockRow, width: int, nodes: int) -> Text:
    style = "" if row.canonical else WARNING
    line = Text(no_wrap=True, overflow="ellipsis")
    line.append(f"{row.branches:<{width}}", style or GOOD)
    line.append(f" {row.block.height:>5}  slot {row.block.slot:<4} {_short(row.block.block)} ", style)
    line.append(f"{row.block.transactions:>3} tx  " if row.block.transactions else "        ", style or DIM)
    if row.tip_of:
        line.append(f"<- {_tips(row.tip_of, nodes)}", "bold cyan")
    return line


def _tips(names: Sequence[str], nodes: int) -> str:
    if len(names) == nodes > 1:
        return f"all {nodes} nodes"
    shown = ", ".join(names[:_SHOWN_TIPS])
    return shown if len(names) <= _SHOWN_TIPS else f"{shown} and {len(names) - _SHOWN_TIPS} more"


def _short(block: str) -> str:
    return "".join(sign for sign in block[:8] if sign.isalnum())


def faults_text(state: RunState, now: float) -> Text:
    """Draw the faults: those in progress, those to come, and the past ones, the last one first."""
    ranks = {FaultState.ACTIVE: 0, FaultState.HEALED: 1, FaultState.PLANNED: 2}
    ordered = sorted(
        state.faults.values(),
        key=lambda fault: (rank := ranks.get(fault.state, 3), fault.number if rank < 3 else -fault.number),
    )
    lines = [Text(f"! links: {description}", WARNING) for description in state.impairments.values()]
    lines += [_fault_line(fault, now) for fault in ordered]
    return Text("\n").join(lines) if lines else Text("no fault is planned", DIM)


def _fault_line(fault: FaultView, now: float) -> Text:
    match fault.state:
        case FaultState.PLANNED:
            wait = "" if fault.begins is None else f"in {max(fault.begins - now, 0.0):.0f} s"
            return Text().append(f"  {fault.number} ", DIM).append(f"{wait}: " if wait else "", DIM).append(fault.text)
        case FaultState.ACTIVE:
            since = now - (fault.begins if fault.begins is not None else now)
            left = f", {max(fault.ends - now, 0.0):.0f} s left" if fault.ends is not None else ""
            return Text(f"! {fault.number} for {since:.0f} s{left}: {fault.text}", BAD)
        case FaultState.HEALED:
            return Text(f"~ {fault.number} healed, not recovered: {fault.text}", WARNING)
        case FaultState.RECOVERED:
            return Text().append(f"+ {fault.number} ", GOOD).append(f"recovered in {fault.recovery}: {fault.text}", DIM)
    return Text(f"- {fault.number} left out: {fault.text}", DIM)


def messages_text(messages: Iterable[Message]) -> Text:
    """Draw the messages, the newest one last."""
    lines = [
        Text().append(f"{message.at:7.1f} ", DIM).append(_shortened(message.text), _LEVELS[message.level])
        for message in messages
    ]
    return Text("\n").join(lines) if lines else Text("no message yet", DIM)


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."


def log_text(lines: Sequence[LogLine], search: str) -> Text:
    """Draw lines of a node's log. The text that was searched for is marked."""
    drawn = []
    for line in lines:
        style = {"ERROR": BAD, "WARN": WARNING, "DEBUG": DIM, "TRACE": DIM}.get(line.level, "")
        text = Text().append(f"{line.at:7.1f} " if line.level else " " * 8, DIM)
        text.append(f"{line.level:<5} " if line.level else "", style)
        text.append(f"{line.target}: " if line.target else "", DIM).append(line.text, style)
        if search:
            text.highlight_words([search], "reverse", case_sensitive=False)
        drawn.append(text)
    return Text("\n").join(drawn)
