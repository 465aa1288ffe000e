"""The parts of a Markdown report. Text that is not ours stands in code, where no markup, link or mention has a meaning.

The rules are those of GitHub Flavored Markdown, which GitLab and others read as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from nomos_testing.evidence.node_logs import plain_text

_BACKTICKS: Final = re.compile("`+")
_PIPE: Final = re.compile(r"(\\*)\|")
_SHORTEST_FENCE: Final = 3
_LONGEST_CODE: Final = 300
"""Characters of a text in a line or a cell."""


def code(text: object) -> str:
    """Return a text of any origin as code inside a line. It becomes one line; a long one is cut off."""
    plain = " ".join(plain_text(line) for line in str(text).splitlines()).strip()
    if not plain:
        return ""
    if len(plain) > _LONGEST_CODE:
        plain = f"{plain[:_LONGEST_CODE]} ..."
    marks = "`" * (_longest_backticks(plain) + 1)
    # Without the spaces, backticks at an end would belong to the marks.
    space = " " if plain.startswith("`") or plain.endswith("`") else ""
    return f"{marks}{space}{plain}{space}{marks}"


def block(lines: Iterable[str]) -> str:
    """Return lines of any origin as a block of code."""
    plain = [plain_text(part) for line in lines for part in (line.splitlines() or [""])]
    longest = max(map(_longest_backticks, plain), default=0)
    marks = "`" * max(_SHORTEST_FENCE, longest + 1)
    return "\n".join((f"{marks}text", *plain, marks))


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; an empty text if it has no rows. Texts that are not ours must be ``code``."""
    lines = [_row(cells) for cells in rows]
    if not lines:
        return ""
    return "\n".join((_row(columns), _row(["---"] * len(columns)), *lines))


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(map(_cell, cells))} |"


def _cell(text: str) -> str:
    # A table ends a cell at a bar in code, too. The backslashes before it would escape each other.
    return _PIPE.sub(lambda found: found[1] * 2 + r"\|", text)


def _longest_backticks(text: str) -> int:
    return max(map(len, _BACKTICKS.findall(text)), default=0)
