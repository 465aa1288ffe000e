"""Tracer: makes the spans of a node's work. Without ``tracing.tracing`` in the configuration it makes none.

A span is opened with ``with tracer.span(name) as span``. Inside it, further spans of the same task become parts of it.
A span about a block, a transaction or a blob belongs to the trace of that thing, which all nodes share.

The classes of this module make no spans. ``recording`` has those that do; it is imported only when it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, Self

from nomos_core.telemetry.span_kind import SpanKind

if TYPE_CHECKING:
    from nomos_core.telemetry.spans import AttributeValue


class Subject(NamedTuple):
    """Thing that a trace is about. All nodes' spans about it are one trace."""

    kind: str
    """``block``, ``transaction`` or ``blob``: the name of the attribute with its id."""
    identifier: bytes
    """Its id: 32 bytes."""
    has_origin: bool = True
    """True if one node makes it, whose span is the first of the trace. Several nodes may submit one transaction."""


def about_block(block: bytes) -> Subject:
    return Subject("block", block)


def about_blob(blob: bytes) -> Subject:
    return Subject("blob", blob)


def about_transaction(transaction_hash: int) -> Subject:
    return Subject("transaction", transaction_hash.to_bytes(32, "little"), has_origin=False)


class OpenSpan:
    """Span whose work is going on. Leaving the ``with`` block closes it; an error that leaves it is noted.

    This one is of no trace.
    """

    __slots__ = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        return None

    def is_about(self, subject: Subject, *, origin: bool = False) -> None:
        """Set what the work is about. ``origin`` marks the node that makes the thing."""

    def note(self, **attributes: AttributeValue) -> None:
        """Add attributes."""

    def fail(self, reason: str) -> None:
        """Mark the work as failed, without an error."""


class Tracer:
    """Maker of spans. This one makes none."""

    __slots__ = ()

    def span(
        self,
        name: str,
        about: Subject | None = None,
        *,
        origin: bool = False,
        kind: SpanKind = SpanKind.INTERNAL,
    ) -> OpenSpan:
        """Open a span. ``origin`` is as for ``OpenSpan.is_about``."""
        return NO_SPAN


NO_SPAN: Final = OpenSpan()
"""Span of work that is not traced."""
NO_TRACES: Final = Tracer()
"""Tracer of a node that makes no traces."""
