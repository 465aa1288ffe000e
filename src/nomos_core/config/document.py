"""YAML document as a tree of nodes that know their position, built from the events of libyaml's parser.

The configuration of a node has a schema, so scalars stay text here. As in serde_yaml, the reader of a field gives its
scalar a type: a hash of 64 digits is not a number. A document that ends in a syntax error still gives the tree up to
the error. Reading past its end raises that error, so an earlier mistake is reported first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

Mark = yaml.Mark
"""Position in the text: line and column, counted from 0."""
ResolvedScalar = None | bool | int | float | str
"""Value of an unquoted scalar."""

_DEEPEST: Final = 128
"""Greatest depth of collections within each other, the limit of serde_yaml."""
_INTEGER: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]*|0x[0-9a-fA-F]+|0o[0-7]+|0b[01]+)\Z")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_LEADING_ZERO: Final = re.compile(r"[-+]?0[0-9]+\Z")
_CONSTANTS: Final[dict[str, ResolvedScalar]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}


class DocumentError(Exception):
    """Refusal of text that is not a YAML document. The message is the parser's, with its position."""

    def __init__(self, message: str, mark: Mark | None = None) -> None:
        self.mark = mark
        super().__init__(message)


@dataclass(slots=True)
class Scalar:
    """Scalar of the document."""

    text: str
    """Text without quotes."""
    plain: bool
    """True if it is not quoted: ``3000`` is a number, ``"3000"`` is text."""
    tag: str | None
    """Tag without its ``!``; None if there is none."""
    mark: Mark
    """Position of its first character, or of its tag."""

    @property
    def is_null(self) -> bool:
        """True for a null: nothing, ``~`` or ``null``, unquoted."""
        return self.plain and _CONSTANTS.get(self.text, "") is None

    def resolved(self) -> ResolvedScalar:
        """Return the value that YAML 1.2's core schema gives an unquoted scalar; the text of a quoted one."""
        return resolve(self.text) if self.plain else self.text

    def to_plain(self) -> Any:
        """Return the value as JSON has it. A tag becomes ``{tag: value}``."""
        return _tagged(self.tag, self.resolved())


@dataclass(slots=True)
class Sequence:
    """List of the document."""

    tag: str | None
    """Tag without its ``!``; None if there is none."""
    mark: Mark
    """Position of its first character, or of its tag."""
    entries: list[Node] = field(default_factory=list)
    """Items that were read."""
    cut_off: DocumentError | None = None
    """Syntax error that ended the document within the list; None if the list is complete."""

    def items(self) -> Iterator[Node]:
        """Yield the items, in order.

        Raises:
            DocumentError: the document ended within the list.
        """
        yield from self.entries
        if self.cut_off:
            raise self.cut_off

    def to_plain(self) -> Any:
        """Return the list as JSON has it. A tag becomes ``{tag: list}``, as enums look in JSON."""
        return _tagged(self.tag, [item.to_plain() for item in self.items()])


@dataclass(slots=True)
class Mapping:
    """Mapping of the document."""

    tag: str | None
    """Tag without its ``!``; None if there is none."""
    mark: Mark
    """Position of its first character, or of its tag."""
    entries: list[tuple[Node, Node]] = field(default_factory=list)
    """Keys and values that were read."""
    cut_off: DocumentError | None = None
    """Syntax error that ended the document within the mapping; None if the mapping is complete."""

    def items(self) -> Iterator[tuple[Node, Node]]:
        """Yield keys and values, in order.

        Raises:
            DocumentError: the document ended within the mapping.
        """
        yield from self.entries
        if self.cut_off:
            raise self.cut_off

    def to_plain(self) -> Any:
        """Return the mapping as JSON has it. A tag becomes ``{tag: mapping}``, as enums look in JSON."""
        return _tagged(
            self.tag,
            {key.text if isinstance(key, Scalar) else "": value.to_plain() for key, value in self.items()},
        )


Node = Scalar | Sequence | Mapping
"""Any node of the document."""


def _tagged(tag: str | None, content: Any) -> Any:
    return content if tag is None else {tag: content}


def resolve(text: str) -> ResolvedScalar:
    """Return the value that YAML 1.2's core schema gives an unquoted scalar."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INTEGER.match(text):
        return int(text, 0)
    if _FLOAT.match(text) and not _LEADING_ZERO.match(text):
        return float(text)
    return text


def parse_document(text: str) -> Node | None:
    """Parse the one document of ``text``. Return None if there is none.

    Raises:
        DocumentError: a syntax error before any node could be made, or more than one document.
    """
    builder = _TreeBuilder()
    try:
        for event in yaml.parse(text, Loader=_event_parser()):
            builder.add(event)
    except yaml.MarkedYAMLError as error:
        builder.break_off(_syntax_error(error))
    except yaml.YAMLError as error:
        builder.break_off(DocumentError(str(error)))
    return builder.root


class _TreeBuilder:
    def __init__(self) -> None:
        self.root: Node | None = None
        self._open: list[Sequence | Mapping] = []
        self._keys: list[Node | None] = []
        self._anchors: dict[str, Node] = {}

    def add(self, event: Any) -> None:
        if isinstance(event, yaml.ScalarEvent):
            tag, plain = _scalar_kind(event)
            self._place(Scalar(event.value, plain, tag, _start(event)), event.anchor)
        elif isinstance(event, yaml.SequenceStartEvent):
            self._open_collection(Sequence(_own_tag(event.tag), _start(event)), event.anchor)
        elif isinstance(event, yaml.MappingStartEvent):
            self._open_collection(Mapping(_own_tag(event.tag), _start(event)), event.anchor)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._open.pop()
            self._keys.pop()
        elif isinstance(event, yaml.AliasEvent):
            self._place(self._aliased(event), None)

    def break_off(self, error: DocumentError) -> None:
        if self.root is None:
            raise error
        for collection in self._open:
            collection.cut_off = error

    def _open_collection(self, collection: Sequence | Mapping, anchor: str | None) -> None:
        if len(self._open) == _DEEPEST:
            raise _too_deep(collection.mark)
        self._place(collection, anchor)
        self._open.append(collection)
        self._keys.append(None)

    def _place(self, node: Node, anchor: str | None) -> None:
        if anchor is not None:
            self._anchors[anchor] = node
        if not self._open:
            self._place_root(node)
            return
        parent = self._open[-1]
        if isinstance(parent, Sequence):
            parent.entries.append(node)
        elif (key := self._keys[-1]) is None:
            self._keys[-1] = node
        else:
            parent.entries.append((key, node))
            self._keys[-1] = None

    def _place_root(self, node: Node) -> None:
        if self.root is not None:
            raise DocumentError("deserializing from YAML containing more than one document is not supported")
        self.root = node

    def _aliased(self, event: Any) -> Node:
        node = self._anchors.get(event.anchor)
        if node is None:
            raise DocumentError(f"unknown anchor{_at(event.start_mark)}", event.start_mark)
        if any(node is collection for collection in self._open):
            raise _too_deep(event.start_mark)
        return node


def _start(event: Any) -> Mark:
    mark: Mark = event.start_mark
    return mark


def _event_parser() -> Any:
    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _scalar_kind(event: Any) -> tuple[str | None, bool]:
    """Return the scalar's own tag, and whether it may be anything else than text."""
    if event.tag == "tag:yaml.org,2002:str":
        return None, False
    return _own_tag(event.tag), not event.style


def _own_tag(tag: str | None) -> str | None:
    return tag[1:] if tag is not None and tag.startswith("!") and len(tag) > 1 else None


def _too_deep(mark: Mark) -> DocumentError:
    return DocumentError(f"recursion limit exceeded{_at(mark)}", mark)


def _syntax_error(error: yaml.MarkedYAMLError) -> DocumentError:
    """Return libyaml's error as serde_yaml prints it."""
    message = f"{error.problem}{_at(error.problem_mark)}"
    if error.context:
        same_place = _at(error.context_mark) == _at(error.problem_mark)
        message += f", {error.context}{'' if same_place else _at(error.context_mark)}"
    return DocumentError(message, error.problem_mark)


def _at(mark: Mark | None) -> str:
    return f" at line {mark.line + 1} column {mark.column + 1}" if mark is not None else ""
