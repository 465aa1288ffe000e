"""A node client over a transport that is given to it: no sockets, and the same errors as over them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from nomos_testing.client import NodeAnswerInvalid, NodeClient, NodeRefused, NodeUnreachable
from nomos_testing.client.answers import LibUpdate, Mode
from nomos_testing.client.transport import Answer, StreamedAnswer, TransportError

URL = "http://node.invalid"
INFO = {"lib": "01" * 32, "tip": "02" * 32, "slot": 3, "height": 1, "mode": "Online"}


@dataclass
class DirectTransport:
    """Answers in this process, as a simulation would."""

    answer: Answer = field(default_factory=lambda: Answer(200, json.dumps(INFO).encode()))
    lines: tuple[bytes, ...] = ()
    error: TransportError | None = None
    hangs: bool = False
    sent: list[tuple[str, str, bytes | None]] = field(default_factory=list)
    closed: int = 0

    async def send(self, method: str, url: str, body: bytes | None) -> Answer:
        self.sent.append((method, url, body))
        if self.hangs:
            await asyncio.Event().wait()
        if self.error is not None:
            raise self.error
        return self.answer

    @asynccontextmanager
    async def stream(self, url: str) -> AsyncIterator[StreamedAnswer]:
        self.sent.append(("GET", url, None))
        yield StreamedAnswer(self.answer.status, self._lines())

    async def _lines(self) -> AsyncIterator[bytes]:
        for line in self.lines:
            yield line
        if self.error is not None:
            raise self.error

    async def close(self) -> None:
        self.closed += 1


async def test_every_request_goes_over_the_given_transport_which_the_client_closes() -> None:
    transport = DirectTransport()
    async with NodeClient("validator-0", URL, transport=transport) as client:
        info = await client.consensus_info()
        await client.post_json("/a/path", {"key": 1})
    assert (info.height, info.mode) == (1, Mode.ONLINE)
    assert transport.sent == [
        ("GET", f"{URL}/cryptarchia/info", None),
        ("POST", f"{URL}/a/path", b'{"key": 1}'),
    ]
    assert transport.closed == 1


async def test_no_connection_no_answer_a_refusal_and_nonsense_are_told_apart() -> None:
    transport = DirectTransport(error=TransportError("connection refused"))
    client = NodeClient("validator-0", URL, transport=transport)
    with pytest.raises(NodeUnreachable, match=r"^validator-0: GET /cryptarchia/info: connection refused$"):
        await client.consensus_info()
    transport.error, transport.hangs = None, True
    with pytest.raises(NodeUnreachable, match=r"no answer within 0\.01 s$"):
        await client.consensus_info(timeout=0.01)
    transport.hangs, transport.answer = False, Answer(503, b"busy")
    with pytest.raises(NodeRefused, match=r"503 busy$"):
        await client.consensus_info()
    transport.answer = Answer(200, b"[]")
    with pytest.raises(NodeAnswerInvalid):
        await client.consensus_info()


async def test_a_stream_gives_its_lines_until_the_connection_breaks() -> None:
    line = json.dumps({"height": 4, "header_id": "03" * 32}).encode()
    transport = DirectTransport(lines=(line, line), error=TransportError("the node is gone"))
    seen: list[LibUpdate] = []

    async def follow() -> None:
        async for update in NodeClient("validator-0", URL, transport=transport).lib_stream():
            seen.append(update)

    with pytest.raises(NodeUnreachable, match=r"lib-stream: the node is gone$"):
        await follow()
    assert [update.height for update in seen] == [4, 4]


async def test_a_refused_stream_tells_the_nodes_reason() -> None:
    transport = DirectTransport(Answer(404, b""), lines=(b"no such ", b"stream"))
    with pytest.raises(NodeRefused, match=r"404 no such stream$"):
        await anext(NodeClient("validator-0", URL, transport=transport).lib_stream())
