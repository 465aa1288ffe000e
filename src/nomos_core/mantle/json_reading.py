"""Reading parsed JSON as strictly as the real node does, with the path of the offending value in every refusal.

The real node's JSON comes in through derived readers: unknown keys are skipped, a record may also be written as a list
of its fields, a number is an unsigned integer of a fixed width or refused. A reader here takes the parsed value and its
path and returns the protocol's value; readers are combined by ``record``, ``sequence`` and ``variant``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, TypeVar

from nomos_core import field
from nomos_core.identifiers import bytes_from_hex

T = TypeVar("T")
Reader = Callable[[Any, str], T]

_U64_LIMIT = 1 << 64


class JsonError(ValueError):
    """A JSON value that the real node refuses.

    ``message`` is the real node's text where it is its own, ``path`` the place (``mantle_tx.ops[0]``, empty for the
    whole value), ``detail`` what more there is to say.
    """

    def __init__(self, message: str, path: str = "", detail: str = "") -> None:
        text = (f"{path}: " if path else "") + message + (f" ({detail})" if detail else "")
        # JSON may hold half a surrogate pair, which no answer could be encoded with
        super().__init__(text.encode("utf-8", "replace").decode())
        self.message = message
        self.path = path
        self.detail = detail


def key_path(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def kind_of(value: Any) -> str:
    """How the real node names a value that it did not expect."""
    match value:
        case bool():
            return f"boolean `{str(value).lower()}`"
        case int() | float():
            return f"integer `{value}`" if _is_integer(value) else f"floating point `{_as_float(value)}`"
        case str():
            return f"string {json.dumps(value, ensure_ascii=False)}"
        case None:
            return "null"
        case _:
            return "map" if isinstance(value, dict) else "sequence"


def _is_integer(value: Any) -> bool:
    """Integers outside the signed and unsigned 64-bit ranges are floating point numbers to the real node."""
    return type(value) is int and -_U64_LIMIT // 2 <= value < _U64_LIMIT


def _as_float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def wrong_type(value: Any, path: str, expected: str) -> JsonError:
    return JsonError(f"invalid type: {kind_of(value)}, expected {expected}", path)


def u64(value: Any, path: str) -> int:
    return _unsigned(value, path, _U64_LIMIT, "u64")


def u16(value: Any, path: str) -> int:
    return _unsigned(value, path, 1 << 16, "u16")


def u8(value: Any, path: str) -> int:
    return _unsigned(value, path, 1 << 8, "u8")


def _unsigned(value: Any, path: str, limit: int, name: str) -> int:
    if not _is_integer(value):
        raise wrong_type(value, path, name)
    number: int = value
    if not 0 <= number < limit:
        raise JsonError(f"invalid value: integer `{number}`, expected {name}", path)
    return number


def text(value: Any, path: str) -> str:
    if not isinstance(value, str):
        raise wrong_type(value, path, "a string")
    return value


def parsed_text(parse: Callable[[str], T]) -> Reader[T]:
    """A string that ``parse`` understands; its ``ValueError`` becomes the refusal."""

    def read(value: Any, path: str) -> T:
        try:
            return parse(text(value, path))
        except JsonError:
            raise
        except ValueError as error:
            raise JsonError(str(error), path) from None

    return read


field_element = parsed_text(field.from_hex)
"""64 hex digits, little-endian."""

hex32 = parsed_text(bytes_from_hex)
"""64 hex digits, with or without ``0x``."""


def byte_list(value: Any, path: str) -> bytes:
    """Bytes of any number, written as a list of integers."""
    if not isinstance(value, list):
        raise wrong_type(value, path, "a sequence")
    if all(type(item) is int for item in value):
        with suppress(ValueError):  # the slow path names the item that is out of range
            return bytes(value)
    return bytes(u8(item, f"{path}[{index}]") for index, item in enumerate(value))


def byte_array(size: int, expected: str = "") -> Reader[bytes]:
    """Exactly ``size`` bytes, written as a list of integers. ``expected`` is how the real node names the array."""
    name = expected or f"an array of length {size}"

    def read(value: Any, path: str) -> bytes:
        if not isinstance(value, list):
            raise wrong_type(value, path, name)
        data = byte_list(value, path)
        if len(data) != size:
            raise JsonError(f"invalid length {len(data)}, expected {name}", path)
        return data

    return read


def sequence(item: Reader[T]) -> Reader[tuple[T, ...]]:
    def read(value: Any, path: str) -> tuple[T, ...]:
        if not isinstance(value, list):
            raise wrong_type(value, path, "a sequence")
        return tuple(item(entry, f"{path}[{index}]") for index, entry in enumerate(value))

    return read


def record(name: str, fields: Mapping[str, Reader[Any]]) -> Reader[dict[str, Any]]:
    """A record ``{"key": ..., ...}``, or the list of its fields in order. ``name`` is the real node's name for it."""

    def read(value: Any, path: str) -> dict[str, Any]:
        if isinstance(value, list):
            return _fields_by_position(value, path)
        if not isinstance(value, dict):
            raise wrong_type(value, path, f"struct {name}")
        found = {key: fields[key](item, key_path(path, key)) for key, item in value.items() if key in fields}
        for key in fields:
            if key not in found:
                raise JsonError(f"missing field `{key}`", path)
        return found

    def _fields_by_position(items: list[Any], path: str) -> dict[str, Any]:
        found = {
            key: reader(item, f"{path}[{index}]")
            for index, ((key, reader), item) in enumerate(zip(fields.items(), items, strict=False))
        }
        if len(items) != len(fields):
            raise JsonError(f"invalid length {len(items)}, expected struct {name} with {len(fields)} elements", path)
        return found

    return read


def variant(options: Mapping[str, Reader[T]], units: Mapping[str, T] | None = None) -> Reader[T]:
    """One of several alternatives, ``{"Name": payload}``; those in ``units`` are just ``"Name"``."""
    known = units or {}
    names = ", ".join(f"`{name}`" for name in (*known, *options))

    def read(value: Any, path: str) -> T:
        name, payload, has_payload = _tagged(value, path)
        if name in known:
            if has_payload and payload is not None:
                raise wrong_type(payload, key_path(path, name), f"unit variant {name}")
            return known[name]
        if name not in options:
            raise JsonError(f"unknown variant `{name}`, expected {_one_of(names, len(known) + len(options))}", path)
        if not has_payload:
            raise JsonError(f"invalid type: unit variant, expected a value for {name}", path)
        return options[name](payload, key_path(path, name))

    return read


def _tagged(value: Any, path: str) -> tuple[str, Any, bool]:
    if isinstance(value, str):
        return value, None, False
    if not isinstance(value, dict):
        raise wrong_type(value, path, "string or map")
    if len(value) != 1:
        raise JsonError(f"invalid value: map with {len(value)} keys, expected map with a single key", path)
    ((name, payload),) = value.items()
    return name, payload, True


def _one_of(names: str, count: int) -> str:
    return names.replace(", ", " or ") if count <= 2 else f"one of {names}"
