"""Spans as an OTLP ``ExportTraceServiceRequest``: the protobuf message, and its JSON form.

The protobuf encoding is written here. It needs few of protobuf's types, and the package for it takes a tenth of a
second to import.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from typing import Any, Final

from nomos_core.telemetry.spans import AttributeValue, Span

SCOPE: Final = "logos-blockchain-testing"
"""Name of the instrumentation scope."""
_STATUS_ERROR: Final = 2
_VARINT, _FIXED64, _BYTES = 0, 1, 2


def to_protobuf(spans: Iterable[Span], resource: Mapping[str, AttributeValue]) -> bytes:
    """Return the message with the spans of one resource, such as ``{"service.name": "validator-0"}``."""
    scope_spans = [_bytes(1, _text(1, SCOPE)), *(_bytes(2, _span(span)) for span in spans)]
    return _bytes(1, _bytes(1, _attributes(1, resource)) + _bytes(2, b"".join(scope_spans)))


def to_json(spans: Iterable[Span], resource: Mapping[str, AttributeValue]) -> dict[str, Any]:
    """Return the same message as a JSON value. Ids are in hex, and 64-bit integers are texts."""
    scope_spans = {"scope": {"name": SCOPE}, "spans": [_json_span(span) for span in spans]}
    return {"resourceSpans": [{"resource": _json_attributes(resource), "scopeSpans": [scope_spans]}]}


def _span(span: Span) -> bytes:
    parts = [
        _bytes(1, span.trace_id),
        _bytes(2, span.span_id),
        _bytes(4, span.parent_id or b""),
        _text(5, span.name),
        _integer(6, span.kind),
        _fixed64(7, span.start_ns),
        _fixed64(8, span.end_ns),
        _attributes(9, span.attributes),
    ]
    for event in span.events:
        content = _fixed64(1, event.time_ns) + _text(2, event.name) + _attributes(3, event.attributes)
        parts.append(_bytes(11, content))
    parts += [_bytes(13, _bytes(1, link.trace_id) + _bytes(2, link.span_id)) for link in span.links]
    if span.error is not None:
        parts.append(_bytes(15, _text(2, span.error) + _integer(3, _STATUS_ERROR)))
    return b"".join(parts)


def _attributes(number: int, attributes: Mapping[str, AttributeValue]) -> bytes:
    return b"".join(
        _bytes(number, _text(1, key) + _bytes(2, _value(value), keep_empty=True)) for key, value in attributes.items()
    )


def _value(value: AttributeValue) -> bytes:
    """Return an ``AnyValue``. Its field is written also if it has the default value, because it names the type."""
    match value:
        case bool():
            return _key(2, _VARINT) + _varint(value)
        case int():
            return _key(3, _VARINT) + _varint(value % (1 << 64))
        case float():
            return _key(4, _FIXED64) + struct.pack("<d", value)
        case str():
            return _bytes(1, _utf8(value), keep_empty=True)
        case _:
            return _bytes(5, b"".join(_bytes(1, _value(item)) for item in value), keep_empty=True)


def _text(number: int, text: str) -> bytes:
    return _bytes(number, _utf8(text))


def _utf8(text: str) -> bytes:
    return text.encode(errors="replace")  # a lone surrogate, as of a file name, is no UTF-8


def _bytes(number: int, content: bytes, *, keep_empty: bool = False) -> bytes:
    if not content and not keep_empty:
        return b""
    return _key(number, _BYTES) + _varint(len(content)) + content


def _integer(number: int, value: int) -> bytes:
    return _key(number, _VARINT) + _varint(value)


def _fixed64(number: int, value: int) -> bytes:
    return _key(number, _FIXED64) + struct.pack("<Q", max(value, 0))


def _key(number: int, wire_type: int) -> bytes:
    return _varint(number << 3 | wire_type)


def _varint(value: int) -> bytes:
    digits = bytearray()
    while value > 0x7F:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    digits.append(value)
    return bytes(digits)


def _json_span(span: Span) -> dict[str, Any]:
    values: dict[str, Any] = {
        "traceId": span.trace_id.hex(),
        "spanId": span.span_id.hex(),
        "name": span.name,
        "kind": int(span.kind),
        "startTimeUnixNano": str(span.start_ns),
        "endTimeUnixNano": str(span.end_ns),
        **_json_attributes(span.attributes),
    }
    if span.parent_id is not None:
        values["parentSpanId"] = span.parent_id.hex()
    if span.events:
        values["events"] = [
            {"timeUnixNano": str(event.time_ns), "name": event.name, **_json_attributes(event.attributes)}
            for event in span.events
        ]
    if span.links:
        values["links"] = [{"traceId": link.trace_id.hex(), "spanId": link.span_id.hex()} for link in span.links]
    if span.error is not None:
        values["status"] = {"message": span.error, "code": _STATUS_ERROR}
    return values


def _json_attributes(attributes: Mapping[str, AttributeValue]) -> dict[str, Any]:
    """Return the key ``attributes`` with its list; nothing if there are none."""
    listed = [{"key": key, "value": _json_value(value)} for key, value in attributes.items()]
    return {"attributes": listed} if listed else {}


def _json_value(value: AttributeValue) -> dict[str, Any]:
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case str():
            return {"stringValue": value}
        case _:
            return {"arrayValue": {"values": [_json_value(item) for item in value]}}
