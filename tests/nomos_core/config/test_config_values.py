"""Values of the configuration: what is written reads back the same, in the forms the real node takes."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any, get_args

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from nomos_core.config import Duration, SocketAddress, UtcTime, load_config, socket_address, with_setting
from nomos_core.config.codecs import Reading
from nomos_core.config.document import parse_document, resolve
from nomos_core.config.durations import BoundedDuration, PlainDuration, PointOfTime
from nomos_core.config.field_errors import InvalidField
from nomos_core.config.writing import Plain, Shared, Tagged, dump
from support.inputs.golden import VECTORS

NANOSECONDS = st.integers(0, 2**63)


def codec(annotation: Any) -> Any:
    assert isinstance(annotation, type(Annotated[int, 1]))
    return get_args(annotation)[1]


def reread(annotation: Any, value: Any) -> Any:
    node = parse_document(dump({"value": codec(annotation).write(value)}))
    return codec(annotation).read(node.entries[0][1], Reading())  # type: ignore[union-attr,index]


def read_text(annotation: Any, text: str) -> Any:
    return codec(annotation).read(parse_document(text), Reading())


@given(NANOSECONDS)
def test_durations_survive_a_round_trip(nanoseconds: int) -> None:
    assert reread(PlainDuration, Duration(nanoseconds)) == Duration(nanoseconds)
    if nanoseconds:
        assert reread(BoundedDuration, Duration(nanoseconds)) == Duration(nanoseconds)


@given(st.integers(0, 250_000_000_000 * 10**9))
@example(1_735_603_200_000_000_001)  # 2024-12-31, day 366
def test_points_of_time_survive_a_round_trip(nanoseconds: int) -> None:
    time = UtcTime(nanoseconds)
    assert reread(PointOfTime, time) == time
    assert read_text(PointOfTime, str(time)) == time


def test_the_part_behind_the_dot_of_a_bounded_duration_counts_nanoseconds() -> None:
    assert read_text(BoundedDuration, '"10.5"') == Duration(10_000_000_005)
    assert read_text(BoundedDuration, "'1.000000000'") == Duration.of(1)
    with pytest.raises(InvalidField, match=r"floating point `10\.5`"):
        read_text(BoundedDuration, "10.5")


def test_an_offset_is_taken_off() -> None:
    assert read_text(PointOfTime, "2025-12-12 18:30:00.5 +02:30") == UtcTime.of(1_765_555_200.5)
    assert read_text(PointOfTime, "[2025, 346, 18, 30, 0, 500000000, 2, 30, 0]") == UtcTime.of(1_765_555_200.5)


@pytest.mark.parametrize("text", ["[2025, 366, 0, 0, 0, 0, 0, 0, 0]", "[2025]", "2025-13-01 00:00:00.0 +00:00:00", "5"])
def test_times_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(InvalidField):
        read_text(PointOfTime, text)


@pytest.mark.parametrize(("seconds", "text"), [(0, "0s"), (90, "1m30s"), (86_400, "1d"), (0.0015, "1ms500µs")])
def test_a_duration_shows_as_in_rust(seconds: float, text: str) -> None:
    assert str(Duration.of(seconds)) == text


@pytest.mark.parametrize("text", ["127.0.0.1:8080", "[::1]:0", "0.0.0.0:65535"])
def test_socket_addresses(text: str) -> None:
    assert str(socket_address(text)) == text


@pytest.mark.parametrize("text", ["127.0.0.1", "localhost:1", "1.2.3.4:65536", "::1:80", "[1.2.3.4]:1", "01.2.3.4:1"])
def test_socket_addresses_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match="invalid socket address syntax"):
        socket_address(text)


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=80) | st.from_regex(r"[0-9a-fe.+:x_-]{1,12}")
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(TEXTS, PLAIN, min_size=1, max_size=4))
@example({"a": "12e5", "b": "0b11", "c": "NaN", "d": "null", "e": "~", "f": "", "g": "- x", "h": "1:2", "i": "1_0"})
@example({"": [[[]], [{}], {"a": [1, [2]]}]})
@example({"a": "\x85\u2028\ufeff\x00"})
def test_what_is_written_reads_back_the_same_in_yaml_1_1_and_1_2(plain: dict[str, Plain]) -> None:
    text = dump(plain)
    assert yaml.load(text, Loader=yaml.CSafeLoader) == plain
    node = parse_document(text)
    assert node is not None
    assert node.to_plain() == plain


def test_tags_stand_before_their_content() -> None:
    long = {"key": "x" * 130}
    text = dump(
        {"a": Tagged("Zk", "1335fe"), "b": [Tagged("File", {"directory": "/logs"}), Tagged("Otlp", dict(long))]}
    )
    assert text.splitlines()[:4] == ["a: !Zk 1335fe", "b:", "  - !File {directory: /logs}", "  - !Otlp"]


def test_shared_content_is_written_once_for_each_depth() -> None:
    shared = Shared({"deep": {"list": ["x" * 130]}})
    first = dump({"a": shared, "b": {"c": shared}})
    shared.content = {"changed": 1}
    assert dump({"a": shared, "b": {"c": shared}}) == first


@pytest.mark.parametrize(
    ("text", "value"),
    [("0x10", 16), ("007", "007"), ("1e3", 1000.0), (".5", 0.5), ("yes", "yes"), ("1_000", "1_000"), ("Null", None)],
)
def test_unquoted_text_has_the_type_that_yaml_1_2_gives_it(text: str, value: object) -> None:
    assert resolve(text) == value


def test_one_setting_can_be_changed() -> None:
    config = load_config((VECTORS / "validator.yaml").read_text(), source="validator.yaml", kind="validator")
    changed = with_setting(config, "http.backend_settings.address", SocketAddress("127.0.0.2", 1))
    assert changed.http.backend_settings.address.port == 1
    assert dataclasses.replace(changed, http=config.http) == config
