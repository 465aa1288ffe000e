"""Spans of one run, made with the times of its journal."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Final

from nomos_core.telemetry.spans import AttributeValue, Span, SpanEvent, SpanLink, origin_span_id_of, trace_id_of

_NANOSECONDS: Final = 1_000_000_000
_ID_BYTES: Final = 32

Attributes = Mapping[str, AttributeValue | None]
"""Attributes by name. Those that are None are left out."""
Moment = tuple[float, str, Attributes]
"""Something that happened within a span: when, its name, its attributes."""


class SpanTree:
    """Makes the spans of a run. Times are in seconds on the journal's clock.

    All ids follow from the id of the run, so that a second export of the same run makes the same trace.
    """

    def __init__(self, run_id: str, began: float) -> None:
        """
        Args:
            run_id: id of the run.
            began: when the journal was opened, in seconds of the Unix epoch.
        """
        self.spans: list[Span] = []
        """All spans made so far."""
        self.trace_id = hashlib.sha256(run_id.encode()).digest()[:16]
        self._run_id = run_id
        self._began_ns = round(began * _NANOSECONDS)

    def add(
        self,
        name: str,
        start: float,
        end: float,
        parent: bytes | None = None,
        *,
        attributes: Attributes | None = None,
        moments: Sequence[Moment] = (),
        links: tuple[SpanLink, ...] = (),
        error: str | None = None,
    ) -> bytes:
        """Add a span. Return its id, for its parts."""
        text = f"{self._run_id} {len(self.spans)}"
        span_id = hashlib.sha256(text.encode()).digest()[:8]
        start_ns = self._ns(start)
        self.spans.append(
            Span(
                trace_id=self.trace_id,
                span_id=span_id,
                parent_id=parent,
                name=name,
                start_ns=start_ns,
                end_ns=max(start_ns, self._ns(end)),
                attributes=_given(attributes or {}),
                events=tuple(SpanEvent(self._ns(at), event, _given(values)) for at, event, values in moments),
                links=links,
                error=error,
            )
        )
        return span_id

    def _ns(self, at: float) -> int:
        return self._began_ns + round(at * _NANOSECONDS)


def links_to(identifier: str) -> tuple[SpanLink, ...]:
    """Return a link to the embedded nodes' trace of a block or a blob. Its id is in hex; another text has no link."""
    try:
        raw = bytes.fromhex(identifier)
    except ValueError:
        return ()
    return (SpanLink(trace_id_of(raw), origin_span_id_of(raw)),) if len(raw) == _ID_BYTES else ()


def _given(attributes: Attributes) -> dict[str, AttributeValue]:
    return {name: value for name, value in attributes.items() if value is not None}
