"""Spans of traces as values.

Nodes don't send trace contexts to each other: the wire format has no room for them. So the id of a trace follows from
what the trace is about. All nodes' spans of one block have the first 16 bytes of the block's id as trace id, and are
therefore one trace. The same holds for transactions and blobs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from nomos_core.telemetry.span_kind import SpanKind

AttributeValue: TypeAlias = str | bool | int | float | tuple[str, ...]
"""Value of an attribute."""

_TRACE_ID_BYTES: Final = 16
_SPAN_ID_BYTES: Final = 8


def trace_id_of(identifier: bytes) -> bytes:
    """Return the id of the trace about a block, a transaction or a blob with this id of 32 bytes."""
    return identifier[:_TRACE_ID_BYTES]


def origin_span_id_of(identifier: bytes) -> bytes:
    """Return the id of the first span of that trace, which the block's proposer or the blob's executor makes."""
    return identifier[_TRACE_ID_BYTES : _TRACE_ID_BYTES + _SPAN_ID_BYTES]


@dataclass(frozen=True, slots=True)
class SpanEvent:
    """Moment within a span."""

    time_ns: int
    """Nanoseconds of the Unix epoch."""
    name: str
    """Name of what happened."""
    attributes: Mapping[str, AttributeValue] = field(default_factory=dict)
    """Attributes by name."""


@dataclass(frozen=True, slots=True)
class SpanLink:
    """Link to a span of another trace."""

    trace_id: bytes
    """16 bytes."""
    span_id: bytes
    """8 bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Piece of work with its times. Times are in nanoseconds of the Unix epoch."""

    trace_id: bytes
    """16 bytes."""
    span_id: bytes
    """8 bytes."""
    parent_id: bytes | None = None
    """Span that this one is a part of."""
    name: str
    """Name of the kind of work: many spans have the same."""
    kind: SpanKind = SpanKind.INTERNAL
    """Part that the work has in an exchange of messages."""
    start_ns: int
    """Beginning of the work."""
    end_ns: int
    """End of the work."""
    attributes: Mapping[str, AttributeValue] = field(default_factory=dict)
    """Attributes by name."""
    events: tuple[SpanEvent, ...] = ()
    """Moments within the work."""
    links: tuple[SpanLink, ...] = ()
    """Spans of other traces that belong to it."""
    error: str | None = None
    """Why the work failed."""
