"""The panes of the live view: thin widgets over the texts of ``drawing``."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import DataTable, Input, Static

from nomos_testing.live.drawing import NODE_COLUMNS, node_cells, node_order
from nomos_testing.live.model import RunState


class Pane(VerticalScroll):
    """A titled text that scrolls. Drawn again only if the text is another one.

    Attributes:
        sticks_to_end: a pane whose newest line is the last one shows it, until somebody scrolls up.
    """

    def __init__(self, title: str, *, id: str, sticks_to_end: bool = False) -> None:
        super().__init__(id=id)
        self.sticks_to_end = sticks_to_end
        self._static = Static(Text(), classes="text")
        self.shown = Text()
        """The text that is shown."""
        self.border_title = title

    def compose(self) -> ComposeResult:
        yield self._static

    def on_show(self) -> None:
        """Show the newest line of a pane that was hidden."""
        if self.sticks_to_end:
            self.call_after_refresh(self.scroll_end, animate=False)

    def show(self, text: Text) -> None:
        """Show a text."""
        if text == self.shown and text.spans == self.shown.spans:
            return
        at_end = self.scroll_offset.y >= self.max_scroll_y
        self.shown = text
        self._static.update(text)
        if self.sticks_to_end and at_end:
            self.call_after_refresh(self.scroll_end, animate=False)


class LogPane(Pane):
    """The log of the chosen node, with the text that its lines have to contain."""

    def __init__(self, title: str, *, id: str) -> None:
        super().__init__(title, id=id, sticks_to_end=True)
        self.search = Input(placeholder="only lines with this text; enter: to the log, escape: all lines", id="search")
        """The text that lines have to contain."""

    def compose(self) -> ComposeResult:
        yield self.search
        yield from super().compose()


class NodeTable(DataTable[Text]):
    """The nodes: a row each, sorted by one column. A click on a column's title sorts by it."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id, cursor_type="row", zebra_stripes=True)
        self.sorted_by = NODE_COLUMNS[0]
        self._cells: dict[str, list[Text]] = {}
        self._order: list[str] = []

    def on_mount(self) -> None:
        """Add the columns."""
        for column in NODE_COLUMNS:
            self.add_column(column, key=column)
        self.border_title = "Nodes"

    @property
    def chosen(self) -> str | None:
        """The name of the node in the row of the cursor."""
        return self._order[self.cursor_row] if self.cursor_row < len(self._order) else None

    def sort_by(self, column: str) -> None:
        """Sort by a column from the next drawing on."""
        self.sorted_by = column
        self.border_subtitle = "" if column == NODE_COLUMNS[0] else f"by {column}"

    def show(self, state: RunState) -> None:
        """Show the nodes. The cursor stays on its node."""
        chosen = self.chosen
        nodes = sorted(state.nodes, key=lambda name: node_order(state.nodes[name], self.sorted_by))
        highest = max((node.height or 0 for node in state.nodes.values()), default=0)
        cells = {name: node_cells(state.nodes[name], highest) for name in nodes}
        if nodes != self._order:
            self._fill(cells, chosen)
        else:
            self._change(cells)
        self._order, self._cells = nodes, cells

    def _fill(self, cells: dict[str, list[Text]], chosen: str | None) -> None:
        self.clear()
        for name, row in cells.items():
            self.add_row(*row, key=name)
        if chosen in cells:
            self.move_cursor(row=list(cells).index(chosen), animate=False)

    def _change(self, cells: dict[str, list[Text]]) -> None:
        for name, row in cells.items():
            for column, cell, before in zip(NODE_COLUMNS, row, self._cells[name], strict=True):
                if cell != before or cell.style != before.style:
                    self.update_cell(name, column, cell, update_width=True)
