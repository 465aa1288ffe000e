"""Durations and points of time in the node's configuration, to the nanosecond, in every form that the node takes.

A plain duration is a map ``{secs, nanos}`` (Rust's ``std``). A *bounded* duration has a minimum. It is a list ``[secs,
nanos]`` or a text ``"secs.nanos"``, in which the part after the dot counts nanoseconds: ``"10.5"`` is 10 s and 5 ns.
The time of the chain's first slot is a list ``[year, day of year, hour, minute, second, nanosecond, offset hours,
minutes, seconds]`` or a text ``2025-12-12 16:00:00.0 +00:00:00``.
"""

from __future__ import annotations

import re
from calendar import isleap
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from math import modf
from typing import Annotated, Any, Final

from nomos_core.config.codecs import Reading
from nomos_core.config.document import Mapping, Node, Scalar, Sequence
from nomos_core.config.field_errors import InvalidField, describe, wrong_type
from nomos_core.config.scalars import U32_CODEC, U64_CODEC
from nomos_core.config.writing import Plain

NANOSECOND: Final = 1
"""Nanoseconds of a nanosecond: the smallest minimum of a bounded duration."""
SECOND: Final = 1_000_000_000
"""Nanoseconds of a second."""
MINUTE: Final = 60 * SECOND
"""Nanoseconds of a minute."""

_UNITS: Final = ((86_400 * SECOND, "d"), (3_600 * SECOND, "h"), (MINUTE, "m"), (SECOND, "s"), (1_000_000, "ms"))
_SMALL_UNITS: Final = ((1_000, "µs"), (1, "ns"))
_SECONDS_AND_NANOS: Final = re.compile(r"(-?[0-9]+)\.([0-9]{1,9})\Z")
_DATE_AND_TIME: Final = re.compile(
    r"(-?[0-9]{4,6})-([0-9]{2})-([0-9]{2}) ([0-9]{1,2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))? "
    r"([+-])([0-9]{2}):([0-9]{2})(?::([0-9]{2}))?\Z"
)


def _nanoseconds(seconds: float) -> int:
    """Convert seconds. Whole seconds and fraction are converted apart: together they would lose digits in a float."""
    fraction, whole = modf(seconds)
    return int(whole) * SECOND + round(fraction * SECOND)


@dataclass(frozen=True, slots=True, order=True)
class Duration:
    """Length of time."""

    nanoseconds: int
    """Nanoseconds. A negative number is a duration backwards."""

    @classmethod
    def of(cls, seconds: float) -> Duration:
        """Return a duration of so many seconds."""
        return cls(_nanoseconds(seconds))

    @property
    def seconds(self) -> float:
        """Seconds, rounded to the precision of a float."""
        return self.nanoseconds / SECOND

    @property
    def parts(self) -> tuple[int, int]:
        """Whole seconds, and the remaining nanoseconds."""
        return divmod(self.nanoseconds, SECOND)

    def __str__(self) -> str:
        """Return the form in which Rust prints a duration, for example ``1m30s``."""
        text, rest = "", abs(self.nanoseconds)
        for size, unit in _UNITS + _SMALL_UNITS:
            count, rest = divmod(rest, size)
            text += f"{count}{unit}" if count else ""
        return ("-" if self.nanoseconds < 0 else "") + (text or "0s")


@dataclass(frozen=True, slots=True, order=True)
class UtcTime:
    """Point of time."""

    unix_nanoseconds: int
    """Nanoseconds since 1970-01-01 00:00 UTC."""

    @classmethod
    def of(cls, unix_seconds: float) -> UtcTime:
        """Return the point of time of so many seconds since 1970-01-01 00:00 UTC."""
        return cls(_nanoseconds(unix_seconds))

    @property
    def unix_seconds(self) -> float:
        """Seconds since 1970-01-01 00:00 UTC, rounded to the precision of a float."""
        return self.unix_nanoseconds / SECOND

    def __str__(self) -> str:
        seconds, nanoseconds = divmod(self.unix_nanoseconds, SECOND)
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}.{nanoseconds:09} +00:00:00"


class _PlainDuration:
    example = "{secs: 30, nanos: 0}"

    def read(self, node: Node, reading: Reading) -> Duration:
        if not isinstance(node, Mapping):
            raise wrong_type(node, "struct Duration", self.example)
        values: dict[str, int] = {}
        for key_node, value_node in node.items():
            name = key_node.text if isinstance(key_node, Scalar) else ""
            if name not in ("secs", "nanos"):
                raise InvalidField(
                    f"unknown field `{name}`, expected `secs` or `nanos`", at=key_node, advice=f"write {self.example}"
                )
            try:
                values[name] = (U64_CODEC if name == "secs" else U32_CODEC).read(value_node, reading)
            except InvalidField as field_error:
                raise field_error.passing(f".{name}", value_node, node) from None
        for name in ("secs", "nanos"):
            if name not in values:
                raise InvalidField(f"missing field `{name}`", at=node, advice=f"write {self.example}", field=name)
        return Duration(values["secs"] * SECOND + values["nanos"])

    def write(self, value: Duration) -> Plain:
        seconds, nanoseconds = value.parts
        return {"secs": seconds, "nanos": nanoseconds}


@dataclass(frozen=True, slots=True)
class _BoundedDuration:
    minimum: Duration
    example: str = "[30, 0]"

    def read(self, node: Node, reading: Reading) -> Duration:
        duration = self._read_any(node, reading)
        if duration < self.minimum:
            raise InvalidField(
                f"Minimal duration is {self.minimum} but got {duration}",
                advice=f"write at least [{self.minimum.parts[0]}, {self.minimum.parts[1]}]",
            )
        return duration

    def _read_any(self, node: Node, reading: Reading) -> Duration:
        if isinstance(node, Sequence):
            return self._read_list(node, reading)
        value = node.resolved() if isinstance(node, Scalar) else None
        if isinstance(node, Scalar) and isinstance(value, str):
            return self._read_text(node)
        raise InvalidField(
            f"invalid type: {describe(node)}, expected a `Duration`",
            at=node,
            advice=f'write [seconds, nanoseconds], like {self.example}, or the text "30.000000000"',
        )

    def _read_list(self, node: Sequence, reading: Reading) -> Duration:
        seconds, nanoseconds = _integers(node, reading, ("seconds", "nanoseconds"), "a `Duration`", self.example)
        return Duration(seconds * SECOND + nanoseconds)

    def _read_text(self, node: Scalar) -> Duration:
        match = _SECONDS_AND_NANOS.match(node.text)
        if match is None:
            raise InvalidField(
                f"invalid value: string {node.text!r}, expected a `Duration`",
                at=node,
                advice='write "<seconds>.<nanoseconds>", like "30.000000000"',
            )
        seconds, nanoseconds = int(match[1]), int(match[2])
        return Duration(seconds * SECOND + (-nanoseconds if match[1].startswith("-") else nanoseconds))

    def write(self, value: Duration) -> Plain:
        return list(value.parts)


class _UtcTimeCodec:
    example = "[2025, 346, 16, 0, 0, 0, 0, 0, 0]"
    _parts = ("year", "day of year", "hour", "minute", "second", "nanosecond", "hours", "minutes", "seconds")
    _advice = (
        "write [year, day of year, hour, minute, second, nanosecond, 0, 0, 0] in UTC, or the text "
        "2025-12-12 16:00:00.0 +00:00:00"
    )

    def read(self, node: Node, reading: Reading) -> UtcTime:
        if isinstance(node, Sequence):
            return self._read_list(node, reading)
        if isinstance(node, Scalar) and isinstance(node.resolved(), str):
            return self._read_text(node)
        raise InvalidField(
            f"invalid type: {describe(node)}, expected an `OffsetDateTime`", at=node, advice=self._advice
        )

    def _read_list(self, node: Sequence, reading: Reading) -> UtcTime:
        year, day, hour, minute, second, nanosecond, *offset = _integers(
            node, reading, self._parts, "an `OffsetDateTime`", self.example
        )
        self._check_range(node, year, 1, 9999)
        self._check_range(node, day, 1, 366 if isleap(year) else 365)
        for value, maximum in ((hour, 23), (minute, 59), (second, 59), (nanosecond, SECOND - 1)):
            self._check_range(node, value, 0, maximum)
        for value, maximum in zip(offset, (25, 59, 59), strict=True):
            self._check_range(node, value, -maximum, maximum)
        local = datetime(year, 1, 1, hour, minute, second, tzinfo=UTC) + timedelta(days=day - 1)
        behind = timedelta(hours=offset[0], minutes=offset[1], seconds=offset[2])
        return _utc_time(local - behind, nanosecond)

    def _check_range(self, node: Node, value: int, minimum: int, maximum: int) -> None:
        if not minimum <= value <= maximum:
            raise InvalidField(
                f"invalid value: integer `{value}`, expected a value in the range {minimum}..={maximum}",
                at=node,
                advice=self._advice,
            )

    def _read_text(self, node: Scalar) -> UtcTime:
        match = _DATE_AND_TIME.match(node.text)
        if match is None:
            raise InvalidField("a character literal was not valid", at=node, advice=self._advice)
        date = [int(part) for part in match.group(1, 2, 3, 4, 5, 6)]
        hours, minutes, seconds = (int(part or 0) for part in match.group(9, 10, 11))
        offset = timedelta(hours=hours, minutes=minutes, seconds=seconds)
        try:
            local = datetime(*date, tzinfo=timezone(-offset if match[8] == "-" else offset))  # type: ignore[arg-type,misc]
        except ValueError as error:
            raise InvalidField(str(error), at=node, advice=self._advice) from None
        return _utc_time(local, int((match[7] or "0").ljust(9, "0")))

    def write(self, value: UtcTime) -> Plain:
        seconds, nanoseconds = divmod(value.unix_nanoseconds, SECOND)
        date = datetime.fromtimestamp(seconds, UTC)
        return [date.year, date.timetuple().tm_yday, date.hour, date.minute, date.second, nanoseconds, 0, 0, 0]


def _utc_time(date: datetime, nanoseconds: int) -> UtcTime:
    return UtcTime(int(date.timestamp()) * SECOND + nanoseconds)


def _integers(node: Sequence, reading: Reading, parts: tuple[str, ...], expected: str, example: str) -> list[int]:
    values: list[int] = []
    for index, item in enumerate(node.items()):
        value = item.resolved() if isinstance(item, Scalar) else None
        if not isinstance(value, int) or isinstance(value, bool):
            raise InvalidField(
                f"invalid type: {describe(item)}, expected {expected}", at=item, advice=f"write {example}"
            )
        if index < len(parts):
            values.append(value)
    if len(values) != len(parts):
        raise InvalidField(
            f"invalid length {len(values)}, expected {expected}", at=node, advice=f"write [{', '.join(parts)}]"
        )
    return values


def bounded(minimum: int) -> Any:
    """Return the codec of a duration of at least ``minimum`` nanoseconds."""
    return _BoundedDuration(Duration(minimum))


PlainDuration = Annotated[Duration, _PlainDuration()]
"""Duration in the form of Rust's ``std``, at least 0."""
BoundedDuration = Annotated[Duration, bounded(NANOSECOND)]
"""Duration of at least a nanosecond."""
PointOfTime = Annotated[UtcTime, _UtcTimeCodec()]
"""Point of time in UTC."""


class _Milliseconds:
    example = "5000"

    def read(self, node: Node, reading: Reading) -> Duration:
        return Duration(U64_CODEC.read(node, reading) * 1_000_000)

    def write(self, value: Duration) -> Plain:
        return value.nanoseconds // 1_000_000


Milliseconds = Annotated[Duration, _Milliseconds()]
"""Duration that is written as a whole number of milliseconds."""
