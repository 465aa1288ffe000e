"""The page of an HTML report: sections of blocks, written by one template.

A block is plain data. Its texts may come from nodes and files: control characters are taken out of them here, and the
template escapes them. A page loads nothing, and its policy forbids scripts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, Literal

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from nomos_testing.evidence.node_logs import plain_text

Tone = Literal["", "good", "bad", "warning"]
"""The colour of a text. Its words must say the same."""
_LONGEST_TEXT: Final = 20_000
"""Characters of one text that a page shows."""


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph. Line breaks are kept."""

    block: ClassVar = "paragraph"
    text: str
    """The text."""
    tone: Tone = ""
    """Its colour."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table with a colour."""

    text: str
    """The text."""
    tone: Tone = ""
    """Its colour."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table."""

    block: ClassVar = "table"
    caption: str
    """The name of the table, for screen readers and for its area that scrolls."""
    columns: Sequence[str]
    """Titles of the columns."""
    rows: Sequence[Sequence[Cell | str]]
    """The rows. The first cell of each is its title."""


@dataclass(frozen=True, slots=True)
class LegendItem:
    """A line of a plot and its name."""

    name: str
    """The name."""
    style: int
    """Number of the style of the line."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A plot with its title, legend and data."""

    block: ClassVar = "figure"
    title: str
    """The title."""
    svg: Markup
    """The plot."""
    legend: Sequence[LegendItem] = ()
    """The names of its lines."""
    shades: bool = False
    """Whether the plot has shaded windows of faults, which the legend explains."""
    note: str = ""
    """A sentence below the plot."""
    table: Table | None = None
    """The data, folded."""
    axis: bool = True
    """Whether the values have an axis at the left."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Small plots beside each other."""

    block: ClassVar = "figures"
    figures: Sequence[Figure]
    """The plots."""
    folded: str = ""
    """The line that stays when they are folded; empty if they are always shown."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Names with their values."""

    block: ClassVar = "facts"
    items: Sequence[tuple[str, str]]
    """The names and values."""


@dataclass(frozen=True, slots=True)
class Lines:
    """Preformatted lines that can be folded."""

    block: ClassVar = "lines"
    title: str
    """The line that stays when they are folded."""
    lines: Sequence[str]
    """The lines."""
    unfolded: bool = False
    """Whether they are shown from the start."""


@dataclass(frozen=True, slots=True)
class Card:
    """A finding: its title, facts and lines of evidence."""

    block: ClassVar = "card"
    title: str
    """The finding in a sentence."""
    tone: Tone
    """The colour of its edge."""
    facts: Sequence[tuple[str, str]] = ()
    """Names and values."""
    lines: Sequence[str] = ()
    """Lines of evidence."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command line to copy."""

    block: ClassVar = "command"
    text: str
    """The command."""


Block = Paragraph | Table | Figure | Figures | Facts | Lines | Card | Command


@dataclass(frozen=True, slots=True)
class Section:
    """A section of a page."""

    id: str
    """Its anchor."""
    title: str
    """Its title."""
    blocks: Sequence[Block]
    """Its content."""


@dataclass(frozen=True, slots=True)
class Page:
    """A report."""

    title: str
    """The title."""
    subtitle: str
    """A line below the title."""
    mark: str
    """The verdict, in a few words."""
    tone: Tone
    """The colour of the verdict."""
    sections: Sequence[Section]
    """The sections. One without blocks is left out."""


def render(page: Page) -> str:
    """Return the page as HTML."""
    environment = Environment(
        loader=PackageLoader("nomos_testing.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    sections = [section for section in page.sections if section.blocks]
    return environment.get_template("report.html").render(page=page, sections=sections)


def _shown(value: object) -> object:
    """Take control characters out of a text; markup that we drew stays as it is."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    text = value if len(value) <= _LONGEST_TEXT else f"{value[:_LONGEST_TEXT]} ... ({len(value)} characters)"
    return "\n".join(map(plain_text, text.split("\n")))
