"""The OTLP forms of spans, read back with the packages that others read them with."""

from __future__ import annotations

import base64
import json
from typing import Any

from google.protobuf.json_format import ParseDict
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1 import trace_pb2

from nomos_core.telemetry.otlp_traces import to_json, to_protobuf
from nomos_core.telemetry.span_kind import SpanKind
from nomos_core.telemetry.spans import AttributeValue, Span, SpanEvent, SpanLink

_TIMES = st.integers(0, 2**64 - 1)
_VALUES: st.SearchStrategy[AttributeValue] = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(),
    st.lists(st.text()).map(tuple),
)
_ATTRIBUTES = st.dictionaries(st.text(min_size=1), _VALUES, max_size=4)
_EVENTS = st.builds(SpanEvent, _TIMES, st.text(), _ATTRIBUTES)
_LINKS = st.builds(SpanLink, st.binary(min_size=16, max_size=16), st.binary(min_size=8, max_size=8))
SPANS = st.builds(
    Span,
    trace_id=st.binary(min_size=16, max_size=16),
    span_id=st.binary(min_size=8, max_size=8),
    parent_id=st.none() | st.binary(min_size=8, max_size=8),
    name=st.text(),
    kind=st.sampled_from(SpanKind),
    start_ns=_TIMES,
    end_ns=_TIMES,
    attributes=_ATTRIBUTES,
    events=st.lists(_EVENTS, max_size=2).map(tuple),
    links=st.lists(_LINKS, max_size=2).map(tuple),
    error=st.none() | st.text(),
)


def _value(value: Any) -> AttributeValue:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return tuple(item.string_value for item in value.array_value.values)
    read: AttributeValue = getattr(value, kind)
    return read


def _attributes(message: Any) -> dict[str, AttributeValue]:
    return {item.key: _value(item.value) for item in message.attributes}


def _span(message: trace_pb2.Span) -> Span:
    failed = message.status.code == trace_pb2.Status.STATUS_CODE_ERROR
    return Span(
        trace_id=message.trace_id,
        span_id=message.span_id,
        parent_id=message.parent_span_id or None,
        name=message.name,
        kind=SpanKind(message.kind),
        start_ns=message.start_time_unix_nano,
        end_ns=message.end_time_unix_nano,
        attributes=_attributes(message),
        events=tuple(SpanEvent(event.time_unix_nano, event.name, _attributes(event)) for event in message.events),
        links=tuple(SpanLink(link.trace_id, link.span_id) for link in message.links),
        error=message.status.message if failed else None,
    )


@given(st.lists(SPANS, max_size=3), _ATTRIBUTES)
def test_the_message_is_read_back_by_the_protobuf_package(
    spans: list[Span], resource: dict[str, AttributeValue]
) -> None:
    message = ExportTraceServiceRequest.FromString(to_protobuf(spans, resource))
    (of_resource,) = message.resource_spans
    (of_scope,) = of_resource.scope_spans
    assert of_scope.scope.name == "logos-blockchain-testing"
    assert _attributes(of_resource.resource) == resource
    assert [_span(span) for span in of_scope.spans] == spans


@given(st.lists(SPANS, max_size=3), _ATTRIBUTES)
def test_the_json_form_says_the_same_as_the_protobuf_message(
    spans: list[Span], resource: dict[str, AttributeValue]
) -> None:
    resource = {"service.name": "validator-0", **resource}
    said = json.loads(json.dumps(to_json(spans, resource)))
    read = ParseDict(_with_ids_in_base_64(said), ExportTraceServiceRequest())
    assert read == ExportTraceServiceRequest.FromString(to_protobuf(spans, resource))


def test_a_text_that_is_no_utf_8_does_not_hinder_the_message() -> None:
    message = to_protobuf([], {"file": "broken \udcff name"})
    assert _attributes(ExportTraceServiceRequest.FromString(message).resource_spans[0].resource) == {
        "file": "broken ? name"
    }


def _with_ids_in_base_64(value: Any) -> Any:
    """Return what protobuf's JSON reads. OTLP/JSON writes ids in hex, protobuf's in base 64."""
    if isinstance(value, dict):
        ids = {"traceId", "spanId", "parentSpanId"}
        return {
            key: base64.b64encode(bytes.fromhex(item)).decode() if key in ids else _with_ids_in_base_64(item)
            for key, item in value.items()
        }
    return [_with_ids_in_base_64(item) for item in value] if isinstance(value, list) else value
