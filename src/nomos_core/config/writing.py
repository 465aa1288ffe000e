"""Writing of plain data as YAML text that the real node takes.

The emitter is our own: PyYAML's needs 20 us for a scalar, which is half a second for the configuration of four nodes
with a thousand wallets. It writes only the YAML that the configuration needs: block collections, collections on one
line where they are short or hold only numbers, and tags. Text is quoted as in JSON wherever a YAML reader could take it
for something else.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any, Final, Union

Plain = Union[None, bool, int, float, str, "list[Plain]", "dict[str, Plain]", "Tagged", "Shared"]
"""Data that can be written."""

_LINE_WIDTH: Final = 120
_WORD: Final = re.compile(r"[A-Za-z_/][A-Za-z0-9_/.-]*(?::[A-Za-z0-9_/.-]+)*\Z|\./[A-Za-z0-9_/.-]*\Z")
_ADDRESS: Final = re.compile(r"[0-9]+(?:\.[0-9]+){3}(?::[0-9]+)?\Z")
_HEX_WITH_LETTER: Final = re.compile(r"[0-9a-f]*[acdf][0-9a-f]*\Z")
_NEEDS_ESCAPE: Final = re.compile("[^\\x20-\\x7e\\xa0-\\u2027\\u202a-\\ud7ff\\ue000-\\ufefe\\uff00-\\ufffd]")
_RESERVED: Final = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})


@dataclass(frozen=True, slots=True)
class Tagged:
    """Content with a tag: ``!name content``."""

    name: str
    """Tag without its ``!``."""
    content: Plain
    """Content behind the tag."""


@dataclass(slots=True)
class Shared:
    """Content that several documents contain. Its text is made once for each indentation."""

    content: Plain
    """Content."""
    lines: dict[int, list[str]] = field(default_factory=dict)
    """Lines of the text by the number of columns that they are indented."""


def dump(plain: dict[str, Plain]) -> str:
    """Return a mapping as a YAML document."""
    lines = _mapping_lines(plain, 0)
    return "\n".join(lines) + "\n"


def to_json(plain: Plain) -> Any:
    """Return JSON values. Enums look as serde writes them in JSON, ``{"Variant": content}``."""
    match plain:
        case Tagged(name, content):
            return {name: to_json(content)}
        case Shared():
            return to_json(plain.content)
        case dict():
            return {key: to_json(value) for key, value in plain.items()}
        case list():
            return [to_json(item) for item in plain]
        case _:
            return plain


def scalar_text(value: str | float | bool | None) -> str:
    """Return a scalar in its shortest form that YAML 1.1 and 1.2 read back as the same value."""
    if isinstance(value, str):
        return value if _is_safe_unquoted(value) else _quoted(value)
    text = json.dumps(value)
    return text.replace("e", ".0e") if isinstance(value, float) and "." not in text else text


def _quoted(text: str) -> str:
    return _NEEDS_ESCAPE.sub(lambda match: f"\\U{ord(match[0]):08x}", json.dumps(text, ensure_ascii=False))


def _is_safe_unquoted(text: str) -> bool:
    if _WORD.match(text):
        return text.lower() not in _RESERVED
    return bool(_HEX_WITH_LETTER.match(text) or _ADDRESS.match(text))


def _mapping_lines(mapping: dict[str, Plain], indent: int) -> list[str]:
    lines: list[str] = []
    margin = " " * indent
    for key, value in mapping.items():
        head = f"{margin}{scalar_text(key)}:"
        _append(lines, head, value, indent + 2)
    return lines


def _sequence_lines(items: list[Plain], indent: int) -> list[str]:
    lines: list[str] = []
    head = " " * indent + "-"
    for item in items:
        start = len(lines)
        _append(lines, head, item, indent + 2)
        if lines[start] == head:  # the item starts on the line of its dash
            lines[start : start + 2] = [head + lines[start + 1][len(head) :]]
    return lines


def _append(lines: list[str], head: str, value: Plain, indent: int) -> None:
    """Write a value after ``head``: on the same line where it fits, else on lines of its own below."""
    if isinstance(value, Tagged):
        head, value = f"{head} !{value.name}", value.content
    if isinstance(value, Shared):
        lines.append(head)
        lines.extend(_shared_lines(value, indent))
    elif (short := _one_line(value, _LINE_WIDTH - len(head))) is not None:
        lines.append(f"{head} {short}")
    else:
        lines.append(head)
        lines.extend(_block_lines(value, indent))


def _block_lines(value: Plain, indent: int) -> list[str]:
    return _mapping_lines(value, indent) if isinstance(value, dict) else _sequence_lines(value, indent)  # type: ignore[arg-type]


def _shared_lines(shared: Shared, indent: int) -> list[str]:
    if indent not in shared.lines:
        shared.lines[indent] = _block_lines(shared.content, indent)
    return shared.lines[indent]


def _one_line(value: Plain, width: int) -> str | None:
    """Return a scalar, a list of numbers or a short collection of scalars as one line; None if it needs more lines."""
    if isinstance(value, list):
        if value and all(type(item) is int for item in value):
            return str(value)
        return _flow(value, "[{}]", "{1}", [""] * len(value), width)
    if isinstance(value, dict):
        return _flow(list(value.values()), "{{{}}}", "{0}: {1}", [scalar_text(key) for key in value], width)
    return None if isinstance(value, Tagged | Shared) else scalar_text(value)


def _flow(items: list[Plain], brackets: str, entry: str, keys: list[str], width: int) -> str | None:
    texts = [_scalar_or_numbers(item) for item in items]
    if None in texts:
        return None
    line = brackets.format(", ".join(map(entry.format, keys, texts)))
    return line if len(line) <= width or not items else None


def _scalar_or_numbers(item: Plain) -> str | None:
    if isinstance(item, list):
        return str(item) if all(type(number) is int for number in item) else None
    return None if isinstance(item, dict | Tagged | Shared) else scalar_text(item)
