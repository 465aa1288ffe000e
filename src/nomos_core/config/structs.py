"""Declarative reader: a dataclass is the schema of a YAML mapping.

The codec of a field follows from its annotation. It is ``Annotated[int, <codec>]`` where the type alone does not say it
(``node`` has the outermost dataclasses). Pydantic is not used here: its import alone takes 0.2 s, half of the time in
which a node should be up, and it could not give serde's messages and positions.
"""

from __future__ import annotations

import dataclasses
import types
from functools import cache, cached_property
from typing import Annotated, Any, Generic, TypeVar, Union, get_args, get_origin

from nomos_core.config.codecs import Codec, ListCodec, MapCodec, OptionalCodec, Reading, key_text
from nomos_core.config.document import Mapping, Node, Scalar
from nomos_core.config.field_errors import InvalidField, wrong_type
from nomos_core.config.writing import Plain

T = TypeVar("T")


class StructCodec(Generic[T]):
    """Codec of a dataclass whose fields are the keys of a mapping.

    Fields with a default may be missing. Fields that are None by default are left out when they are written (the
    metadata ``written`` decides otherwise). ``serde_name`` is the real node's name for the struct in its messages.
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
        """Example of the mapping in YAML."""
        return "{" + ", ".join(f"{name}: ..." for name in self._codecs) + "}"

    def read(self, node: Node | None, reading: Reading) -> T:
        """Read a mapping into the dataclass. A null reads as an empty mapping.

        Keys that the dataclass does not have are noted in ``reading``.

        Raises:
            InvalidField: the node is not a mapping, or a key is missing, given twice, or has a value that does not fit.
        """
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
                raise InvalidField(
                    f"duplicate field `{name}`", at=node, advice=f"keep one of the two `{name}`", field=name
                )
            try:
                values[name] = codec.read(value_node, reading)
            except InvalidField as field_error:
                raise field_error.passing(f".{name}", value_node, node) from None
        return self._make(values, node)

    def _make(self, values: dict[str, Any], node: Node | None) -> T:
        for name in self._required:
            if name not in values:
                raise InvalidField(
                    f"missing field `{name}`",
                    at=node,
                    advice=f"add it: `{name}: {self._codecs[name].example}`",
                    field=name,
                )
        return self._kind(**values)

    def write(self, value: T) -> Plain:
        """Return the dataclass as plain data."""
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
    """Return the codec of an annotation.

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
