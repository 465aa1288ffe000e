"""Strict reading of parsed JSON. It refuses what the real node refuses, and every refusal names the path of the value.

The real node reads JSON with derived readers: unknown keys are skipped, a record may also be written as the list of its
fields, and a number is an unsigned integer of a fixed width. A reader of this module takes the parsed value and its
path, and returns the protocol's value. ``record``, ``sequence`` and ``variant`` combine readers.
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
"""Function from a parsed JSON value and its path to a value of the protocol. It raises ``JsonError``."""

_U64_LIMIT = 1 << 64


class JsonError(ValueError):
    """Refusal of a JSON value that the real node refuses.

    ``message`` is the real node's text where it has one. ``path`` is the place (``mantle_tx.ops[0]``; empty for the
    whole value). ``detail`` says more, where there is more to say.
    """

    def __init__(self, message: str, path: str = "", detail: str = "") -> None:
        text = (f"{path}: " if path else "") + message + (f" ({detail})" if detail else "")
        # JSON may contain half a surrogate pair. Such text can't be encoded into an answer.
        super().__init__(text.encode("utf-8", "replace").decode())
        self.message = message
        self.path = path
        self.detail = detail


def key_path(path: str, key: str) -> str:
    """Return the path of a record's field, for example ``mantle_tx.ops``."""
    return f"{path}.{key}" if path else key


def kind_of(value: Any) -> str:
    """Return the real node's name for a value that it did not expect."""
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
    """Tell whether the real node takes a number for an integer.

    Outside 64 bits, signed or unsigned, it is a float there.
    """
    return type(value) is int and -_U64_LIMIT // 2 <= value < _U64_LIMIT


def _as_float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def wrong_type(value: Any, path: str, expected: str) -> JsonError:
    """Return the refusal of a value of another type than ``expected``."""
    return JsonError(f"invalid type: {kind_of(value)}, expected {expected}", path)


def u64(value: Any, path: str) -> int:
    """Read an integer from 0 to 2^64 - 1."""
    return _unsigned(value, path, _U64_LIMIT, "u64")


def u16(value: Any, path: str) -> int:
    """Read an integer from 0 to 2^16 - 1."""
    return _unsigned(value, path, 1 << 16, "u16")


def u8(value: Any, path: str) -> int:
    """Read an integer from 0 to 255."""
    return _unsigned(value, path, 1 << 8, "u8")


def _unsigned(value: Any, path: str, limit: int, name: str) -> int:
    if not _is_integer(value):
        raise wrong_type(value, path, name)
    number: int = value
    if not 0 <= number < limit:
        raise JsonError(f"invalid value: integer `{number}`, expected {name}", path)
    return number


def text(value: Any, path: str) -> str:
    """Read a string."""
    if not isinstance(value, str):
        raise wrong_type(value, path, "a string")
    return value


def parsed_text(parse: Callable[[str], T]) -> Reader[T]:
    """Return the reader of a string that ``parse`` understands. Its ``ValueError`` becomes the refusal."""

    def read(value: Any, path: str) -> T:
        try:
            return parse(text(value, path))
        except JsonError:
            raise
        except ValueError as error:
            raise JsonError(str(error), path) from None

    return read


field_element = parsed_text(field.from_hex)
"""Reader of a field element: 64 hex digits of its little-endian bytes, without ``0x``."""

hex32 = parsed_text(bytes_from_hex)
"""Reader of 32 bytes: 64 hex digits, with or without ``0x``."""


def byte_list(value: Any, path: str) -> bytes:
    """Read bytes that are written as a list of integers. Any number of them is accepted."""
    if not isinstance(value, list):
        raise wrong_type(value, path, "a sequence")
    if all(type(item) is int for item in value):
        with suppress(ValueError):  # the slow path names the item that is out of range
            return bytes(value)
    return bytes(u8(item, f"{path}[{index}]") for index, item in enumerate(value))


def byte_array(size: int, expected: str = "") -> Reader[bytes]:
    """Return the reader of exactly ``size`` bytes, written as a list of integers.

    ``expected`` is the real node's name for the array, if it has a special one.
    """
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
    """Return the reader of a list whose items ``item`` reads."""

    def read(value: Any, path: str) -> tuple[T, ...]:
        if not isinstance(value, list):
            raise wrong_type(value, path, "a sequence")
        return tuple(item(entry, f"{path}[{index}]") for index, entry in enumerate(value))

    return read


def record(name: str, fields: Mapping[str, Reader[Any]]) -> Reader[dict[str, Any]]:
    """Return the reader of a record ``{"key": ..., ...}``, or of the list of its fields in order.

    ``name`` is the real node's name for the record. Unknown keys are skipped.
    """

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
    """Return the reader of one of several alternatives, ``{"Name": payload}``.

    Those in ``units`` are just ``"Name"``.
    """
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
