"""Field elements and byte identifiers against the real node's readings and renderings."""

from __future__ import annotations

from typing import Any

import pytest

from nomos_core import field
from nomos_core.codec import Reader, Writer
from nomos_core.identifiers import bytes_from_hex
from support.inputs.golden import Golden, entries, load


def assert_read(expected: Golden, read: Any, argument: Any) -> None:
    """``read(argument)`` gives what the vector says, or fails in the vector's words."""
    if "ok" in expected:
        assert field.to_hex(read(argument)) == expected["ok"].value
    else:
        with pytest.raises(field.FieldError) as failure:
            read(argument)
        assert str(failure.value) == expected["err"].value


def test_modulus() -> None:
    assert str(field.MODULUS) == load("field.json")["modulus_dec"].value


@pytest.mark.parametrize("entry", entries("field.json", "parsing"))
def test_bytes_as_field_elements(entry: Golden) -> None:
    data = bytes.fromhex(entry["bytes"].value)
    assert_read(entry["fr_from_bytes"], field.from_bytes, data)
    assert_read(entry["serde_json"], field.from_hex, data.hex())
    assert field.to_hex(field.from_bytes_reduced(data)) == entry["fr_from_bytes_unchecked"].value


@pytest.mark.parametrize("entry", entries("field.json", "fr_json_text"))
def test_hex_as_field_elements(entry: Golden) -> None:
    assert_read(entry, field.from_hex, entry["text"].value)


@pytest.mark.parametrize("entry", entries("field.json", "tags"))
def test_tags(entry: Golden) -> None:
    element = field.from_tag(entry["tag"].value)
    assert field.to_hex(element) == entry["hex"].value
    assert str(element) == entry["dec"].value


@pytest.mark.parametrize("entry", entries("field.json", "signing_bytes"))
def test_signing_bytes(entry: Golden) -> None:
    element = int(entry["fr_dec"].value)
    assert field.signing_bytes(element).hex() == entry["signing_bytes"].value
    for rendering in ("fr", "fr_bytes", "json"):
        assert field.to_hex(element) == entry[rendering].value
        assert field.from_hex(entry[rendering].value) == element
    wire = Writer().field(element).take()
    assert wire.hex() == entry["bincode"].value
    assert Reader(wire).field() == element


@pytest.mark.parametrize("entry", entries("field.json", "header_id_parsing"))
def test_byte_identifiers(entry: Golden) -> None:
    text = entry["text"].value
    if "ok" in entry:
        assert bytes_from_hex(text).hex() == entry["ok"].value
        assert bytes_from_hex(entry["display"].value) == bytes_from_hex(text)
    else:
        with pytest.raises(ValueError, match=entry["err"].value):
            bytes_from_hex(text)
