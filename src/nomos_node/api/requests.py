"""Readers of a request: a JSON body or query parameters, parsed by the readers of the protocol's JSON.

The status is 415 for a body that is not declared as JSON, 400 for one that is no JSON, and 422 for the wrong shape.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final, NoReturn, TypeVar

from starlette.requests import Request

from nomos_core.mantle.json_reading import Reader
from nomos_node.api.answers import Refusal

T = TypeVar("T")

_SYNTAX_ERRORS: Final = {
    "Expecting property name enclosed in double quotes": "key must be a string",
    "Illegal trailing comma before end of object": "trailing comma",
    "Illegal trailing comma before end of array": "trailing comma",
    "Expecting value": "expected value",
    "Expecting ':' delimiter": "expected `:`",
    "Expecting ',' delimiter": "expected `,` or the end of the list or map",
    "Extra data": "trailing characters",
    "Unterminated string starting at": "EOF while parsing a string",
}


async def json_body(request: Request, read: Reader[T]) -> T:
    """Read the body with ``read``, which raises ``ValueError`` for values that it refuses.

    Raises:
        Refusal: it is not JSON, or refused.
    """
    _check_content_type(request.headers.get("content-type", ""))
    value = _parsed(await request.body())
    try:
        return read(value, "")
    except (ValueError, RecursionError) as error:
        raise Refusal(422, f"Failed to deserialize the JSON body into the target type: {error}") from None


def query_parameter(request: Request, name: str, parse: Callable[[str], T]) -> T | None:
    """Read a parameter that may be missing with ``parse``, which raises ``ValueError`` for what it refuses.

    Raises:
        Refusal: it is there twice, or refused.
    """
    values = request.query_params.getlist(name)
    try:
        if len(values) > 1:
            raise ValueError(f"duplicate field `{name}`")
        return parse(values[0]) if values else None
    except ValueError as error:
        raise Refusal(400, f"Failed to deserialize query string: {error}") from None


def _check_content_type(content_type: str) -> None:
    essence = content_type.partition(";")[0].strip().lower()
    kind, _, subtype = essence.partition("/")
    if kind != "application" or not (subtype == "json" or subtype.endswith("+json")):
        raise Refusal(415, "Expected request with `Content-Type: application/json`")


def _parsed(body: bytes) -> Any:
    if not body.strip():
        raise Refusal(400, "Failed to parse the request body as JSON: EOF while parsing a value at line 1 column 0")
    try:
        return json.loads(body, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        at_end = error.pos >= len(error.doc.rstrip())
        reason = "EOF while parsing" if at_end else _SYNTAX_ERRORS.get(error.msg, error.msg)
        text = f"{reason} at line {error.lineno} column {error.colno}"
    except UnicodeDecodeError as error:
        text = f"invalid unicode code point at byte {error.start}"
    except RecursionError:
        text = "recursion limit exceeded"
    except ValueError as error:  # a number with thousands of digits
        text = str(error)
    raise Refusal(400, f"Failed to parse the request body as JSON: {text}")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"expected value, got {name}")
