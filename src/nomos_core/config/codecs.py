"""Codecs that turn the nodes of a YAML document into typed values and back: scalars, lists, maps, enums.

A codec raises ``InvalidField`` where a value doesn't fit; the collections add the path to it on the way up.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from nomos_core.config.document import Mapping, Node, Scalar, Sequence
from nomos_core.config.field_errors import InvalidField, describe, one_of, wrong_type
from nomos_core.config.writing import Plain, Tagged

T = TypeVar("T")


@dataclass(slots=True)
class Reading:
    """What one reading of a document notes besides the values: the keys that nobody knows.

    ``enums_as_maps``: the document is JSON, in which an enum is ``{"Variant": content}``.
    """

    unknown: list[Node] = dataclasses.field(default_factory=list)
    enums_as_maps: bool = False


class Codec(Protocol[T]):
    """One kind of value: how it is read from a node and written as plain data."""

    @property
    def example(self) -> str:
        """How the value looks in YAML, for the reader of an error."""
        ...

    def read(self, node: Node, reading: Reading) -> T: ...

    def write(self, value: T) -> Plain: ...


@dataclass(frozen=True, slots=True)
class ScalarCodec(Generic[T]):
    """A scalar by two functions; ``parse`` raises ``InvalidField``."""

    parse: Callable[[Scalar], T]
    example: str
    expecting: str
    render: Callable[[T], Plain] = lambda value: value  # type: ignore[assignment,return-value]

    def read(self, node: Node, reading: Reading) -> T:
        if not isinstance(node, Scalar) or node.tag:
            raise wrong_type(node, self.expecting, self.example)
        return self.parse(node)

    def write(self, value: T) -> Plain:
        return self.render(value)


@dataclass(frozen=True, slots=True)
class ListCodec(Generic[T]):
    item: Codec[T]

    @property
    def example(self) -> str:
        return f"[{self.item.example}]"

    def read(self, node: Node, reading: Reading) -> tuple[T, ...]:
        if isinstance(node, Scalar) and node.is_null:
            return ()
        if not isinstance(node, Sequence):
            raise wrong_type(node, "a sequence", self.example)
        read = self.item.read
        values: list[T] = []
        for index, item in enumerate(node.items()):
            try:
                values.append(read(item, reading))
            except InvalidField as field_error:
                raise field_error.passing(f"[{index}]", item, node) from None
        return tuple(values)

    def write(self, value: tuple[T, ...]) -> Plain:
        write = self.item.write
        return [write(item) for item in value]


@dataclass(frozen=True, slots=True)
class MapCodec(Generic[T]):
    """A mapping whose keys are free: ``key`` parses one, or raises ``ValueError``."""

    item: Codec[T]
    key: Callable[[str], Any] = str

    @property
    def example(self) -> str:
        return f"{{<key>: {self.item.example}}}"

    def read(self, node: Node, reading: Reading) -> dict[Any, T]:
        if isinstance(node, Scalar) and node.is_null:
            return {}
        if not isinstance(node, Mapping):
            raise wrong_type(node, "a map", self.example)
        values: dict[Any, T] = {}
        for key_node, value_node in node.items():
            try:
                values[self._read_key(key_node)] = self.item.read(value_node, reading)
            except InvalidField as field_error:
                raise field_error.passing(f".{key_text(key_node)}", value_node, node) from None
        return values

    def _read_key(self, node: Node) -> Any:
        text = key_text(node)
        try:
            return self.key(text)
        except ValueError as error:
            raise InvalidField(str(error)) from None

    def write(self, value: dict[Any, T]) -> Plain:
        write = self.item.write
        return {str(key): write(item) for key, item in value.items()}


@dataclass(frozen=True, slots=True)
class OptionalCodec(Generic[T]):
    item: Codec[T]

    @property
    def example(self) -> str:
        return f"null or {self.item.example}"

    def read(self, node: Node, reading: Reading) -> T | None:
        return None if isinstance(node, Scalar) and node.is_null else self.item.read(node, reading)

    def write(self, value: T | None) -> Plain:
        return None if value is None else self.item.write(value)


@dataclass(frozen=True, slots=True)
class TaggedCodec:
    """A Rust enum: ``!Variant content``, in JSON ``{"Variant": content}``; the bare name where there is no content."""

    contents: dict[str, tuple[type, Codec[Any]]]
    units: dict[str, Any] = dataclasses.field(default_factory=dict)
    order: tuple[str, ...] = ()
    """The variants as the real node lists them, if not contents before units."""

    @property
    def names(self) -> tuple[str, ...]:
        return self.order or (*self.contents, *self.units)

    @property
    def example(self) -> str:
        return " or ".join(f"!{name} ..." if name in self.contents else name for name in self.names)

    def read(self, node: Node, reading: Reading) -> Any:
        if node.tag is None:
            if reading.enums_as_maps and isinstance(node, Mapping):
                return self._read_map(node, reading)
            return self._read_bare(node)
        if node.tag in self.units:
            return self.units[node.tag]
        if node.tag not in self.contents:
            raise self._unknown(node.tag, None)
        return self.contents[node.tag][1].read(_untagged(node), reading)

    def _read_map(self, node: Mapping, reading: Reading) -> Any:
        entries = list(node.items())
        if len(entries) != 1:
            raise InvalidField("invalid type: map, expected map with a single key", at=node)
        key, content = entries[0]
        name = key_text(key)
        if name not in self.contents:
            raise self._unknown(name, node)
        try:
            return self.contents[name][1].read(content, reading)
        except InvalidField as field_error:
            raise field_error.passing(f".{name}", content, node) from None

    def _read_bare(self, node: Node) -> Any:
        if not isinstance(node, Scalar):
            raise InvalidField(
                f"invalid type: {describe(node)}, expected a YAML tag starting with '!'",
                at=node,
                advice=f"write one of {self.example}",
            )
        if node.text in self.units:
            return self.units[node.text]
        raise self._unknown(node.text, node)

    def _unknown(self, name: str, node: Node | None) -> InvalidField:
        return InvalidField(
            f"unknown variant `{name}`, expected {one_of(self.names)}", at=node, advice=f"write one of {self.example}"
        )

    def write(self, value: Any) -> Plain:
        for name, unit in self.units.items():
            if type(value) is type(unit) and value == unit:
                return name
        name, codec = next((name, codec) for name, (kind, codec) in self.contents.items() if type(value) is kind)
        return Tagged(name, codec.write(value))


def key_text(node: Node) -> str:
    if not isinstance(node, Scalar):
        raise wrong_type(node, "a field name", "name: value")
    return node.text


def _untagged(node: Node) -> Node:
    """The same node without its tag, still at the tag's position."""
    return dataclasses.replace(node, tag=None)
