"""The live view as a textual application. Only this module, its panes and its dialogs import textual."""

from __future__ import annotations

import asyncio
import os
import signal
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Final

from rich.text import Text
from textual import work
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.events import Resize
from textual.widgets import DataTable, Footer, Input, Static

from nomos_testing.evidence.node_logs import LogLine
from nomos_testing.journal.journal import JOURNAL_NAME
from nomos_testing.live.dialogs import Help
from nomos_testing.live.drawing import NODE_COLUMNS, blocks_text, faults_text, head_of, log_text, messages_text
from nomos_testing.live.journal_follower import JournalFollower
from nomos_testing.live.log_window import log_window
from nomos_testing.live.model import RunState
from nomos_testing.live.panes import LogPane, NodeTable, Pane
from nomos_testing.live.playback import Playback
from nomos_testing.surroundings import monotonic

DRAWS_PER_SECOND: Final = 4
_DRAWN_BLOCKS: Final = 200
_DRAWN_LINES: Final = 200
_DRAWN_MESSAGES: Final = 100
_NARROW: Final = 110
_LOW: Final = 30
_SEEK_SECONDS: Final = 5.0
_FAR_SECONDS: Final = 60.0


_KEYS: Final = [
    ("up, down", "choose a node, whose log is shown; or click"),
    ("o", "sort by the next column; or click on its title"),
    ("1 2 3 4", "blocks, faults, messages, log"),
    ("tab", "go to the next pane, to scroll it"),
    ("/", "search the log; escape shows all lines"),
    ("space", "pause and play"),
    ("+ -", "play faster, slower"),
    ("left, right", "go back or forward 5 seconds; with shift 60"),
    ("home, end", "go to the start; go to the end and follow it"),
]
_LEAVING_KEYS: Final = [
    ("q", "leave the view. The run goes on"),
    ("ctrl+c", "interrupt the run of --live; else leave"),
]


class WatchApp(App[str]):
    """Shows a run in progress, or plays one back."""

    CSS_PATH = "app.tcss"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark", "help", "help", key_display="?"),
        Binding("q", "quit", "quit"),
        Binding("ctrl+c", "interrupt", "interrupt the run", show=False, priority=True),
        Binding("1", "pane('blocks')", "panes", key_display="1-4"),
        Binding("2", "pane('faults')", "faults", show=False),
        Binding("3", "pane('messages')", "messages", show=False),
        Binding("4", "pane('log')", "log", show=False),
        Binding("slash", "search", "search the log", show=False),
        Binding("escape", "leave_search", "", show=False),
        Binding("o", "sort", "sort by the next column", show=False),
        Binding("space", "pause_or_play", "play"),
        Binding("plus,equals_sign", "faster", "play faster", show=False),
        Binding("minus", "slower", "play slower", show=False),
        Binding("left", f"seek({-_SEEK_SECONDS})", "back", show=False, priority=True),
        Binding("right", f"seek({_SEEK_SECONDS})", "forward", show=False, priority=True),
        Binding("shift+left", f"seek({-_FAR_SECONDS})", "back", show=False, priority=True),
        Binding("shift+right", f"seek({_FAR_SECONDS})", "forward", show=False, priority=True),
        Binding("home", "begin", "to the start", show=False, priority=True),
        Binding("end", "end", "to the end", show=False, priority=True),
    ]

    KEYS: ClassVar[list[tuple[str, str]]] = []
    """Further keys of a subclass, and what each does."""

    def __init__(
        self,
        directory: Path,
        *,
        speed: float | None = None,
        start: float | None = None,
        runner: int | None = None,
    ) -> None:
        """
        Args:
            directory: the run directory. It need not exist yet.
            speed: play the run back at this speed. Default: follow a run in progress, play a finished one at 1.
            start: play the run back from here, in seconds since the journal was opened.
            runner: id of the process whose run is shown in its terminal. Ctrl+c interrupts it, and the view ends
                with it.
        """
        super().__init__()
        self.directory = directory.absolute()
        self.playback = Playback()
        self.playback.speed = 1.0 if speed is None else speed
        self.table = NodeTable(id="nodes")
        """The nodes."""
        # Kept here, because events that come while the application ends find no widgets by queries.
        self._log_pane = LogPane("4 Log", id="log")
        self._panes: dict[str, Pane] = {
            "faults": Pane("2 Faults", id="faults"),
            "blocks": Pane("1 Blocks", id="blocks"),
            "messages": Pane("3 Messages", id="messages", sticks_to_end=True),
            "log": self._log_pane,
        }
        self._head = Static(Text(f"waiting for {self.directory}"), id="head")
        self._start = 0.0 if start is None and speed is not None else start
        self._runner = runner
        self._follower = JournalFollower(self.directory / JOURNAL_NAME)
        self._opened = False
        self._advanced_at = 0.0
        self._drawn_blocks: tuple[Any, ...] = ()
        self._log_of: tuple[Any, ...] = ()
        self._journal_began = 0.0

    # What is on the screen

    def compose(self) -> ComposeResult:
        yield self._head
        yield self.table
        yield from self._panes.values()
        yield Footer(compact=True)

    def on_mount(self) -> None:
        """Begin to follow the journal."""
        self.title = self.directory.name
        self._panes["blocks"].add_class("chosen")
        self.table.focus()
        self._advanced_at = monotonic()
        self.set_interval(1 / DRAWS_PER_SECOND, self._tick)
        self._tick()

    def on_resize(self, event: Resize) -> None:
        """Choose between the layouts for wide and for narrow terminals."""
        self.screen_stack[0].set_class(event.size.width < _NARROW or event.size.height < _LOW, "narrow")

    def _tick(self) -> None:
        if not self._head.is_attached:  # the application ends
            return
        entries, more = self._follower.read()
        if not self._journal_began:
            # A line that cannot be read has the time of the entry before it, and the first one has none.
            first = next((entry for entry in entries if entry.time), None)
            if first is not None:
                self._journal_began = datetime.fromisoformat(first.time).timestamp() - first.at
        self.playback.add(entries)
        if more:
            self.call_later(self._tick)
            return
        if not self._opened and self.playback.end:
            self._open()
        if self._runner is not None and os.getppid() != self._runner:
            self.exit(f"the runner died; the view goes on with: nomos-testing watch {self.directory}")
            return
        now = monotonic()
        self.playback.advance(now - self._advanced_at)
        self._advanced_at = now
        self.draw()

    def _open(self) -> None:
        """Choose the first position, as soon as the journal is read."""
        self._opened = True
        if self._start is not None:
            self.playback.seek(self._start)
        elif self.playback.run_is_over:
            self.playback.seek(0.0)

    def draw(self) -> None:
        """Draw everything that has changed."""
        if not self._follower.exists:
            self._head.update(Text(f"waiting for the run: {self._follower.path} is not there yet", "yellow"))
            return
        playback, state = self.playback, self.playback.state
        self._head.update(head_of(playback, self.size.width))
        self.table.show(state)
        self._show_blocks(state)
        self._panes["faults"].show(faults_text(state, playback.position))
        self._panes["messages"].show(messages_text(list(state.messages)[-_DRAWN_MESSAGES:]))
        self._show_log(self.table.chosen)

    def _show_blocks(self, state: RunState) -> None:
        tree, pane = state.blocks, self._panes["blocks"]
        drawn = tree, tree.changes, len(state.nodes)
        if drawn == self._drawn_blocks:
            return
        self._drawn_blocks = drawn
        pane.show(blocks_text(tree.rows(_DRAWN_BLOCKS), len(state.nodes)))
        branches = tree.branches()
        pane.border_subtitle = f"{branches} branches" if branches > 1 else ""

    # The log of the chosen node

    def _show_log(self, node: str | None) -> None:
        search = self._log_pane.search.value
        until = float("inf") if self.playback.following else round(self.playback.position, 1)
        wanted = (node, search, until, self._pace_of_log())
        if node is not None and wanted != self._log_of:
            self._log_of = wanted
            self._read_log(node, search, until)

    def _pace_of_log(self) -> int:
        """Return a number that changes once a second while the run goes on."""
        return int(self._advanced_at) if self.playback.following and not self.playback.run_is_over else 0

    @work(exclusive=True, group="log")
    async def _read_log(self, node: str, search: str, until: float) -> None:
        lines: list[LogLine] = await asyncio.to_thread(
            log_window, self.directory, node, self._journal_began, until=until, limit=_DRAWN_LINES, search=search
        )
        pane = self._log_pane
        pane.border_title = f"4 Log of {node}".replace("[", "(")  # a title is markup
        if lines:
            pane.show(log_text(lines, search))
        elif search:
            pane.show(Text(f"no line of {node} has the text {search}", "dim"))
        else:
            pane.show(Text(f"no line of {node} yet; the logs of a passed run are deleted at its end", "dim"))

    # Keys of the view

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave the keys of the playback to the search while it has the focus."""
        return not (action in {"seek", "begin", "end"} and isinstance(self.focused, Input))

    def action_help(self) -> None:
        """List the keys."""
        self.push_screen(Help([*_KEYS, *self.KEYS, *_LEAVING_KEYS]))

    def action_interrupt(self) -> None:
        """Interrupt the run that this view belongs to; else leave."""
        if self._runner is None or self.playback.run_is_over:
            self.exit()
        else:
            os.kill(self._runner, signal.SIGINT)
            self.notify("the run is interrupted and cleans up", markup=False)

    def action_pane(self, name: str) -> None:
        """Go to a pane."""
        for pane in self._panes.values():
            pane.set_class(pane.id == name, "chosen")
        self._panes[name].focus()

    def action_search(self) -> None:
        """Ask for the text that lines of the log have to contain."""
        self.action_pane("log")
        search = self._log_pane.search
        search.add_class("open")
        search.focus()

    def action_leave_search(self) -> None:
        """Show all lines of the log, and go to the nodes."""
        search = self._log_pane.search
        search.value = ""
        search.remove_class("open")
        self.table.focus()

    def on_input_submitted(self) -> None:
        """Go from the search to the log."""
        self._log_pane.focus()

    def action_sort(self) -> None:
        """Sort the nodes by the next column."""
        following = NODE_COLUMNS.index(self.table.sorted_by) + 1
        self._sort_by(NODE_COLUMNS[following % len(NODE_COLUMNS)])

    def on_data_table_header_selected(self, event: DataTable.HeaderSelected) -> None:
        """Sort the nodes by the column that was clicked."""
        self._sort_by(event.column_key.value or NODE_COLUMNS[0])

    def _sort_by(self, column: str) -> None:
        self.table.sort_by(column)
        self.draw()

    def on_data_table_row_highlighted(self) -> None:
        """Show the log of another node."""
        self._show_log(self.table.chosen)

    # Keys of the playback

    def action_pause_or_play(self) -> None:
        """Pause or play."""
        self.playback.toggle()
        self.draw()

    def action_faster(self) -> None:
        """Play faster."""
        self.playback.faster()
        self.draw()

    def action_slower(self) -> None:
        """Play slower."""
        self.playback.slower()
        self.draw()

    def action_seek(self, seconds: float) -> None:
        """Go back or forward."""
        self.playback.seek(self.playback.position + seconds)
        self.draw()

    def action_begin(self) -> None:
        """Go to the start of the run."""
        self.playback.seek(0.0)
        self.draw()

    def action_end(self) -> None:
        """Go to the newest entry, and follow the run."""
        self.playback.follow()
        self.draw()
