"""The declarative reader: codecs that turn nodes of a YAML document into typed values and back.

Dataclasses are the schema (``node`` has the outermost): the codec of a field follows from its annotation,
``Annotated[int, <codec>]`` where the type alone doesn't say it. No pydantic here: its import alone takes 0.2 s, half of
the time in which a node should be up, and serde's messages and positions could not be had from it.

A wrong value raises ``Misfit``. Like serde's errors it either has a position of its own (the value is of the wrong
type) or takes that of the mapping around it (the value is of the right type, and refused); containers add the path on
the way up.
"""

from __future__ import annotations

import dataclasses
import json
import types
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Annotated, Any, Generic, Protocol, TypeVar, Union, get_args, get_origin

from nomos_core.config.document import Mapping, Mark, Node, ResolvedScalar, Scalar, Sequence
from nomos_core.config.writing import Plain, Tagged

T = TypeVar("T")


class Misfit(Exception):
    """A value that doesn't fit its field.

    ``path`` and ``mark`` are the place where the real node reports it, which may be the mapping around the field;
    ``field_path`` and ``field_mark`` are the field itself.
    """

    def __init__(self, message: str, *, at: Node | None = None, advice: str = "", field: str = "") -> None:
        self.message = message
        self.advice = advice
        self.mark: Mark | None = at.mark if at else None
        self.field_mark = self.mark
        self._steps: list[str] = []
        self._field_steps: list[str] = [f".{field}"] if field else []
        super().__init__(message)

    def passing(self, step: str, value: Node, container: Node) -> Misfit:
        """Leave a container upwards from ``value``, which stands in it at ``step`` (``.key`` or ``[index]``)."""
        self._field_steps.append(step)
        self.field_mark = self.field_mark or value.mark
        if self.mark is None:
            self.mark = container.mark
        else:
            self._steps.append(step)
        return self

    @property
    def path(self) -> str:
        return _joined(self._steps)

    @property
    def field_path(self) -> str:
        return _joined(self._field_steps)

    def hidden_behind(self, message: str) -> Misfit:
        """The same mistake, reported by a reader that says only ``message`` and not where in the value it is."""
        misfit = Misfit(message, advice=f"{self.message}; {self.advice}" if self.advice else self.message)
        misfit.field_mark = self.field_mark
        misfit._field_steps = list(self._field_steps)
        return misfit


def _joined(steps: list[str]) -> str:
    return "".join(reversed(steps)).removeprefix(".")


@dataclass(slots=True)
class Reading:
    """What one reading of a document notes besides the values: the keys that nobody knows."""

    unknown: list[Node] = dataclasses.field(default_factory=list)


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
    """A scalar by two functions; ``parse`` raises ``Misfit``."""

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
            except Misfit as misfit:
                raise misfit.passing(f"[{index}]", item, node) from None
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
            except Misfit as misfit:
                raise misfit.passing(f".{key_text(key_node)}", value_node, node) from None
        return values

    def _read_key(self, node: Node) -> Any:
        text = key_text(node)
        try:
            return self.key(text)
        except ValueError as error:
            raise Misfit(str(error)) from None

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
    """A Rust enum: ``!Variant content``, or the bare name where the variant has no content."""

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
            return self._read_bare(node)
        if node.tag in self.units:
            return self.units[node.tag]
        if node.tag not in self.contents:
            raise self._unknown(node.tag, None)
        return self.contents[node.tag][1].read(_untagged(node), reading)

    def _read_bare(self, node: Node) -> Any:
        if not isinstance(node, Scalar):
            raise Misfit(
                f"invalid type: {describe(node)}, expected a YAML tag starting with '!'",
                at=node,
                advice=f"write one of {self.example}",
            )
        if node.text in self.units:
            return self.units[node.text]
        raise self._unknown(node.text, node)

    def _unknown(self, name: str, node: Node | None) -> Misfit:
        return Misfit(
            f"unknown variant `{name}`, expected {one_of(self.names)}", at=node, advice=f"write one of {self.example}"
        )

    def write(self, value: Any) -> Plain:
        for name, unit in self.units.items():
            if type(value) is type(unit) and value == unit:
                return name
        name, codec = next((name, codec) for name, (kind, codec) in self.contents.items() if type(value) is kind)
        return Tagged(name, codec.write(value))


class StructCodec(Generic[T]):
    """A dataclass whose fields are the keys of a mapping.

    Fields with a default may be missing. Those that are None by default are left out when written (metadata ``written``
    decides otherwise). ``serde_name`` is the name the real node calls the struct by in its messages.
    """

    def __init__(self, kind: type[T]) -> None:
        self._kind = kind
        self._name: str = getattr(kind, "serde_name", kind.__name__)

    @cached_property
    def _fields(self) -> dict[str, dataclasses.Field[Any]]:
        return {
            member.name: member
            for member in dataclasses.fields(self._kind)  # type: ignore[arg-type]
            if not member.metadata.get("aside")
        }

    @cached_property
    def _codecs(self) -> dict[str, Codec[Any]]:
        return {name: codec_of(member.type) for name, member in self._fields.items()}

    @cached_property
    def _required(self) -> tuple[str, ...]:
        return tuple(name for name, member in self._fields.items() if _is_required(member))

    @cached_property
    def _left_out(self) -> dict[str, Any]:
        """Keys that are not written while they have their default."""
        return {
            name: member.default
            for name, member in self._fields.items()
            if not _is_required(member) and not member.metadata.get("written", member.default is not None)
        }

    @property
    def example(self) -> str:
        return "{" + ", ".join(f"{name}: ..." for name in self._codecs) + "}"

    def read(self, node: Node | None, reading: Reading) -> T:
        if node is None or (isinstance(node, Scalar) and node.is_null):
            return self._make({}, node)
        if not isinstance(node, Mapping):
            raise wrong_type(node, f"struct {self._name}", self.example)
        values: dict[str, Any] = {}
        for key_node, value_node in node.items():
            name = key_text(key_node)
            codec = self._codecs.get(name)
            if codec is None:
                reading.unknown.append(key_node)
                continue
            if name in values:
                raise Misfit(f"duplicate field `{name}`", at=node, advice=f"keep one of the two `{name}`", field=name)
            try:
                values[name] = codec.read(value_node, reading)
            except Misfit as misfit:
                raise misfit.passing(f".{name}", value_node, node) from None
        return self._make(values, node)

    def _make(self, values: dict[str, Any], node: Node | None) -> T:
        for name in self._required:
            if name not in values:
                raise Misfit(
                    f"missing field `{name}`",
                    at=node,
                    advice=f"add it: `{name}: {self._codecs[name].example}`",
                    field=name,
                )
        return self._kind(**values)

    def write(self, value: T) -> Plain:
        plain: dict[str, Plain] = {}
        for name, codec in self._codecs.items():
            item = getattr(value, name)
            if name not in self._left_out or item != self._left_out[name]:
                plain[name] = codec.write(item)
        return plain


def _is_required(member: dataclasses.Field[Any]) -> bool:
    return member.default is dataclasses.MISSING and member.default_factory is dataclasses.MISSING


@cache
def _struct_codec(kind: type) -> StructCodec[Any]:
    return StructCodec(kind)


def codec_of(annotation: Any) -> Codec[Any]:
    """The codec that an annotation stands for.

    Raises:
        TypeError: an annotation that needs ``Annotated[..., codec]``.
    """
    if get_origin(annotation) is Annotated:
        return next(item for item in get_args(annotation)[1:] if hasattr(item, "read"))
    if dataclasses.is_dataclass(annotation) and isinstance(annotation, type):
        return _struct_codec(annotation)
    if get_origin(annotation) is tuple:
        return ListCodec(codec_of(get_args(annotation)[0]))
    if get_origin(annotation) is dict:
        key, item = get_args(annotation)
        return MapCodec(codec_of(item), key)
    if get_origin(annotation) in (Union, types.UnionType):
        (item,) = (part for part in get_args(annotation) if part is not type(None))
        return OptionalCodec(codec_of(item))
    raise TypeError(f"no codec for {annotation!r}: annotate it with one")


def key_text(node: Node) -> str:
    if not isinstance(node, Scalar):
        raise wrong_type(node, "a field name", "name: value")
    return node.text


def wrong_type(node: Node, expected: str, example: str) -> Misfit:
    return Misfit(
        f"invalid type: {describe(node)}, expected {expected}", at=node, advice=f"write it like this: {example}"
    )


def describe(node: Node) -> str:
    """A value as serde names it in "invalid type"."""
    if isinstance(node, Scalar):
        return _describe_scalar(node.resolved())
    return "map" if isinstance(node, Mapping) else "sequence"


def _describe_scalar(value: ResolvedScalar) -> str:
    match value:
        case None:
            return "unit value"
        case bool():
            return f"boolean `{str(value).lower()}`"
        case int():
            return f"integer `{value}`"
        case float():
            return f"floating point `{value}`"
        case str():
            return f"string {json.dumps(value, ensure_ascii=False)}"


def one_of(names: tuple[str, ...]) -> str:
    quoted = [f"`{name}`" for name in names]
    return " or ".join(quoted) if len(quoted) <= 2 else f"one of {', '.join(quoted)}"


def _untagged(node: Node) -> Node:
    """The same node without its tag, still at the tag's position."""
    return dataclasses.replace(node, tag=None)
