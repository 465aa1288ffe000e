"""The wire codec: what is written reads back, and nothing else reads at all."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nomos_core import field
from nomos_core.codec import WIRE_LIMIT, CodecError, Reader, Writer

UNSIGNED_BITS = (8, 16, 32, 64)


@st.composite
def fields(draw: st.DrawFn) -> tuple[str, int | bytes]:
    """A method of the writer and reader, and a value for it."""
    kind = draw(st.sampled_from(["u8", "u16", "u32", "u64", "byte_string", "field"]))
    if kind == "byte_string":
        return kind, draw(st.binary(max_size=200))
    bound = field.MODULUS if kind == "field" else 1 << int(kind[1:])
    return kind, draw(st.integers(0, bound - 1))


@given(st.lists(fields(), max_size=20))
def test_what_is_written_reads_back(message: list[tuple[str, int | bytes]]) -> None:
    writer = Writer()
    for kind, value in message:
        getattr(writer, kind)(value)
    reader = Reader(writer.take())
    assert [getattr(reader, kind)() for kind, _ in message] == [value for _, value in message]
    reader.end()


@given(st.lists(fields(), min_size=1, max_size=8), st.data())
def test_a_message_cut_short_is_refused(message: list[tuple[str, int | bytes]], data: st.DataObject) -> None:
    writer = Writer()
    for kind, value in message:
        getattr(writer, kind)(value)
    wire = writer.take()
    reader = Reader(wire[: data.draw(st.integers(0, len(wire) - 1))])

    def read_all() -> None:
        for kind, _ in message:
            getattr(reader, kind)()

    with pytest.raises(CodecError, match="are left"):
        read_all()


def test_integers_are_little_endian_and_lengths_are_u64() -> None:
    wire = Writer().u8(1).u16(2).u32(3).u64(4).byte_string(b"ab").raw(b"cd").take()
    assert wire.hex() == "010200030000000400000000000000020000000000000061626364"


@pytest.mark.parametrize("bits", UNSIGNED_BITS)
@pytest.mark.parametrize("value", [-1, None], ids=["negative", "too large"])
def test_integers_that_do_not_fit_are_refused(bits: int, value: int | None) -> None:
    write: Callable[[int], Writer] = getattr(Writer(), f"u{bits}")
    with pytest.raises(CodecError, match=f"does not fit in u{bits}"):
        write(1 << bits if value is None else value)


def test_trailing_bytes_are_refused() -> None:
    reader = Reader(b"\1\2\3")
    reader.u8()
    assert reader.remaining == 2
    with pytest.raises(CodecError, match="2 bytes are left over at offset 1"):
        reader.end()


def test_the_limit_holds_both_ways_and_is_inclusive() -> None:
    largest = bytes(WIRE_LIMIT)
    assert Reader(Writer().raw(largest).take()).raw(WIRE_LIMIT) == largest
    with pytest.raises(CodecError, match="at most 65536 bytes, got 65537"):
        Reader(bytes(WIRE_LIMIT + 1))
    with pytest.raises(CodecError, match="at most 65536 bytes, got 65537"):
        Writer().raw(bytes(WIRE_LIMIT + 1)).take()


def test_a_length_beyond_the_message_is_refused_before_anything_is_allocated() -> None:
    with pytest.raises(CodecError, match=f"expected {2**64 - 1} bytes at offset 8"):
        Reader(b"\xff" * 8).byte_string()


def test_a_field_element_above_the_modulus_is_refused() -> None:
    reader = Reader(b"\0" + b"\xff" * 32)
    reader.u8()
    with pytest.raises(CodecError, match="field element at offset 1: Parsed bytes are bigger than the modulus"):
        reader.field()
