"""Answers in the forms of the node's API: compact JSON, and plain text for every error."""

from __future__ import annotations

import json
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

JSON: Final = "application/json"
TEXT: Final = "text/plain; charset=utf-8"


class Refusal(Exception):
    """Error that ends a request with a status and a text. Handlers raise it."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


def json_answer(value: Any) -> Response:
    return Response(json_text(value), headers={"content-type": JSON})


def text_answer(text: str, status: int = 200) -> Response:
    return Response(text, status, headers={"content-type": TEXT})


def json_text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def answer_to(refusal: Refusal) -> Response:
    """Make the answer to a refused request.

    After status 413 the connection is closed: the rest of the body was not read.
    """
    answer = text_answer(refusal.text, refusal.status)
    if refusal.status == 413:
        answer.headers["connection"] = "close"
    return answer


async def refusal_answer(request: Request, refusal: Exception) -> Response:
    """Answer a ``Refusal``. Starlette calls this handler."""
    assert isinstance(refusal, Refusal)
    return answer_to(refusal)
