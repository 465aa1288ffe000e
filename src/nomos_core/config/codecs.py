"""Codecs that turn the nodes of a YAML document into typed values and back: scalars, lists, maps, enums.

A codec raises ``InvalidField`` for a value that does not fit. The collections add the path to the value while the error
passes through them.
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
    """Notes of one reading of a document, beside the values that it returns."""

    unknown: list[Node] = dataclasses.field(default_factory=list)
    """Keys that the schema does not have, in the order in which they were met."""
    enums_as_maps: bool = False
    """True for a JSON document, in which an enum is ``{"Variant": content}`` instead of a tag."""


class Codec(Protocol[T]):
    """Codec of one kind of value: it reads a YAML node and writes plain data."""

    @property
    def example(self) -> str:
        """Example of the value in YAML. Error messages show it."""
        ...

    def read(self, node: Node, reading: Reading) -> T:
        """Read a value.

        Raises:
            InvalidField: the node does not fit.
        """
        ...

    def write(self, value: T) -> Plain:
        """Return a value as plain data."""
        ...


@dataclass(frozen=True, slots=True)
class ScalarCodec(Generic[T]):
    """Codec of a scalar, made of two functions."""

    parse: Callable[[Scalar], T]
    """Function from the scalar to the value. It raises ``InvalidField``."""
    example: str
    """Example of the value in YAML."""
    expecting: str
    """The real node's name for the type, for its error messages."""
    render: Callable[[T], Plain] = lambda value: value  # type: ignore[assignment,return-value]
    """Function from the value to plain data."""

    def read(self, node: Node, reading: Reading) -> T:
        """Read a scalar. A tag on it is refused.

        Raises:
            InvalidField: the node is not a scalar, or ``parse`` refuses it.
        """
        if not isinstance(node, Scalar) or node.tag:
            raise wrong_type(node, self.expecting, self.example)
        return self.parse(node)

    def write(self, value: T) -> Plain:
        """Return the value as plain data."""
        return self.render(value)


@dataclass(frozen=True, slots=True)
class ListCodec(Generic[T]):
    """Codec of a list. A null reads as an empty list, as in the real node."""

    item: Codec[T]
    """Codec of an item."""

    @property
    def example(self) -> str:
        """Example of the list in YAML."""
        return f"[{self.item.example}]"

    def read(self, node: Node, reading: Reading) -> tuple[T, ...]:
        """Read a list.

        Raises:
            InvalidField: the node is not a list, or an item does not fit.
        """
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
        """Return the list as plain data."""
        write = self.item.write
        return [write(item) for item in value]


@dataclass(frozen=True, slots=True)
class MapCodec(Generic[T]):
    """Codec of a mapping with free keys. A null reads as an empty mapping, as in the real node."""

    item: Codec[T]
    """Codec of a value."""
    key: Callable[[str], Any] = str
    """Function from the text of a key to the key. It raises ``ValueError``."""

    @property
    def example(self) -> str:
        """Example of the mapping in YAML."""
        return f"{{<key>: {self.item.example}}}"

    def read(self, node: Node, reading: Reading) -> dict[Any, T]:
        """Read a mapping.

        Raises:
            InvalidField: the node is not a mapping, or a key or a value does not fit.
        """
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
        """Return the mapping as plain data."""
        write = self.item.write
        return {str(key): write(item) for key, item in value.items()}


@dataclass(frozen=True, slots=True)
class OptionalCodec(Generic[T]):
    """Codec of a value that may be null."""

    item: Codec[T]
    """Codec of a value that is not null."""

    @property
    def example(self) -> str:
        """Example of the value in YAML."""
        return f"null or {self.item.example}"

    def read(self, node: Node, reading: Reading) -> T | None:
        """Read a value, or None for a null.

        Raises:
            InvalidField: the node is neither null nor fits.
        """
        return None if isinstance(node, Scalar) and node.is_null else self.item.read(node, reading)

    def write(self, value: T | None) -> Plain:
        """Return the value as plain data."""
        return None if value is None else self.item.write(value)


@dataclass(frozen=True, slots=True)
class TaggedCodec:
    """Codec of a Rust enum: ``!Variant content``, in JSON ``{"Variant": content}``; the bare name where there is no
    content.
    """

    contents: dict[str, tuple[type, Codec[Any]]]
    """Variants with content: the name to the type of the value and its codec."""
    units: dict[str, Any] = dataclasses.field(default_factory=dict)
    """Variants without content: the name to the value."""
    order: tuple[str, ...] = ()
    """Names of the variants in the real node's order; empty: those with content come first."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the variants in the real node's order."""
        return self.order or (*self.contents, *self.units)

    @property
    def example(self) -> str:
        """Examples of all variants in YAML."""
        return " or ".join(f"!{name} ..." if name in self.contents else name for name in self.names)

    def read(self, node: Node, reading: Reading) -> Any:
        """Read a variant.

        Raises:
            InvalidField: the node names no variant, or its content does not fit.
        """
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
        """Return the variant as plain data."""
        for name, unit in self.units.items():
            if type(value) is type(unit) and value == unit:
                return name
        name, codec = next((name, codec) for name, (kind, codec) in self.contents.items() if type(value) is kind)
        return Tagged(name, codec.write(value))


def key_text(node: Node) -> str:
    """Return the text of a mapping's key.

    Raises:
        InvalidField: the key is not a scalar.
    """
    if not isinstance(node, Scalar):
        raise wrong_type(node, "a field name", "name: value")
    return node.text


def _untagged(node: Node) -> Node:
    """Return the same node without its tag, still at the position of the tag."""
    return dataclasses.replace(node, tag=None)
