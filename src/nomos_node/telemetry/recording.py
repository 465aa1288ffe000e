"""Recording of spans: the tracer of a node that makes traces, and the queue of those that wait for the collector.

What a span is about may be known only at its end, so the ids of a span are made when the outermost span around it is
closed.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextvars import ContextVar, Token
from hashlib import blake2b
from itertools import count
from typing import Final, Self

from nomos_core.telemetry.span_kind import SpanKind
from nomos_core.telemetry.spans import AttributeValue, Span, SpanLink, origin_span_id_of, trace_id_of
from nomos_node.telemetry.instruments import Counter
from nomos_node.telemetry.traces import OpenSpan, Subject, Tracer

QUEUE_CAPACITY: Final = 8192
"""Most spans that wait for the collector. More are dropped."""
_RATIO_BITS: Final = 64


class SpanQueue:
    """Finished spans that wait for the collector."""

    def __init__(self, capacity: int = QUEUE_CAPACITY) -> None:
        self.dropped = Counter()
        self._capacity = capacity
        self._waiting: deque[Span] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, span: Span) -> None:
        if len(self._waiting) < self._capacity:
            self._waiting.append(span)
        else:
            self.dropped.add()

    def take(self, most: int) -> list[Span]:
        """Take out the oldest spans."""
        return [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]

    def put_back(self, spans: list[Span]) -> None:
        """Put spans back to the front. Those that have no room any more are dropped."""
        room = max(0, self._capacity - len(self._waiting))
        self._waiting.extendleft(reversed(spans[:room]))
        self.dropped.add(len(spans[room:]))


class RecordingTracer(Tracer):
    """Tracer that puts finished spans into a queue.

    ``sample_ratio`` is the fraction of traces that are kept. It goes by the trace's id, so all nodes keep the same
    blocks. ``now_ns`` is the wall clock.
    """

    def __init__(self, queue: SpanQueue, *, service_name: str, sample_ratio: float, now_ns: Callable[[], int]) -> None:
        self.now_ns = now_ns
        self._queue = queue
        ratio = min(sample_ratio, 1.0) if sample_ratio > 0 else 0.0  # also for what is no number
        self._kept_below = round(ratio * (1 << _RATIO_BITS))
        self._seed = f"{service_name} {now_ns()}".encode()
        self._numbers = count()

    def span(
        self,
        name: str,
        about: Subject | None = None,
        *,
        origin: bool = False,
        kind: SpanKind = SpanKind.INTERNAL,
    ) -> OpenSpan:
        return _RecordedSpan(self, name, about, origin=origin, kind=kind)

    def new_id(self, size: int) -> bytes:
        """Return an id that no other span has. The node's random numbers stay as they are without traces."""
        return blake2b(next(self._numbers).to_bytes(8, "little"), digest_size=size, key=self._seed[-64:]).digest()

    def finish(self, closed: list[_RecordedSpan]) -> None:
        for span in closed:
            if int.from_bytes(span.trace_id[8:]) < self._kept_below:
                self._queue.put(span.value())


_current: ContextVar[_RecordedSpan | None] = ContextVar("current span", default=None)


class _RecordedSpan(OpenSpan):
    __slots__ = (
        "_about",
        "_attributes",
        "_closed",
        "_end_ns",
        "_error",
        "_inner",
        "_kind",
        "_name",
        "_origin",
        "_parent",
        "_span_id",
        "_start_ns",
        "_token",
        "_trace_id",
        "_tracer",
    )

    def __init__(
        self, tracer: RecordingTracer, name: str, about: Subject | None, *, origin: bool, kind: SpanKind
    ) -> None:
        self._tracer, self._name, self._kind = tracer, name, kind
        self._about, self._origin = about, origin
        self._attributes: dict[str, AttributeValue] = {}
        self._error: str | None = None
        self._inner: list[_RecordedSpan] = []
        """Closed spans inside this one. They wait for it."""
        self._trace_id = self._span_id = b""
        self._closed = False
        self._end_ns = 0

    def __enter__(self) -> Self:
        parent = _current.get()
        self._parent = parent if parent is not None and parent._tracer is self._tracer else None
        self._token: Token[_RecordedSpan | None] = _current.set(self)
        self._start_ns = self._tracer.now_ns()
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        self._end_ns = max(self._start_ns, self._tracer.now_ns())
        _current.reset(self._token)
        self._closed = True
        if error is not None and self._error is None and not isinstance(error, asyncio.CancelledError | GeneratorExit):
            self._error = f"{type(error).__name__}: {error}"
        closed, self._inner = [self, *self._inner], []
        if self._parent is None or self._parent._closed:
            self._tracer.finish(closed)
        else:
            self._parent._inner += closed

    def is_about(self, subject: Subject, *, origin: bool = False) -> None:
        self._about, self._origin = subject, origin

    def note(self, **attributes: AttributeValue) -> None:
        self._attributes.update(attributes)

    def fail(self, reason: str) -> None:
        self._error = reason

    @property
    def trace_id(self) -> bytes:
        if not self._trace_id:
            if self._about is not None:
                self._trace_id = trace_id_of(self._about.identifier)
            elif self._parent is not None:
                self._trace_id = self._parent.trace_id
            else:
                self._trace_id = self._tracer.new_id(16)
        return self._trace_id

    @property
    def span_id(self) -> bytes:
        if not self._span_id:
            about = self._about if self._origin else None
            self._span_id = self._tracer.new_id(8) if about is None else origin_span_id_of(about.identifier)
        return self._span_id

    def value(self) -> Span:
        parent, about = self._parent, self._about
        parent_id: bytes | None = None
        links: tuple[SpanLink, ...] = ()
        if parent is not None and parent.trace_id == self.trace_id:
            parent_id = parent.span_id
        else:
            if about is not None and about.has_origin and not self._origin:
                parent_id = origin_span_id_of(about.identifier)
            if parent is not None:
                links = (SpanLink(parent.trace_id, parent.span_id),)
        subject = {} if about is None else {about.kind: about.identifier.hex()}
        return Span(
            trace_id=self.trace_id,
            span_id=self.span_id,
            parent_id=parent_id,
            name=self._name,
            kind=self._kind,
            start_ns=self._start_ns,
            end_ns=self._end_ns,
            attributes={**subject, **self._attributes},
            links=links,
            error=self._error,
        )
