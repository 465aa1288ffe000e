"""Commands in pods, the streams of a pod's program, and forwards to a pod's ports: websockets to the API server.

A frame's first byte names its channel. Version 5 of the protocol can end the standard input alone, version 4 can't.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Self

import aiohttp

from nomos_testing.deployers.k8s.api_errors import ApiError, ApiUnreachable, Forbidden, NotFound
from nomos_testing.deployers.k8s.kubernetes_api import KubernetesApi
from nomos_testing.deployers.shared.errors import described_status
from nomos_testing.deployers.shared.line_channel import LONGEST_LINE

V5: Final = "v5.channel.k8s.io"
V4: Final = "v4.channel.k8s.io"
_STDIN, _STDOUT, _STDERR, _STATUS, _CLOSE = 0, 1, 2, 3, 255
_DATA, _FORWARD_ERROR = 0, 1
_FORWARD_HEAD: Final = 2
"""Each channel of a forward begins with its port, in this many bytes."""
_CHUNK: Final = 32 * 1024
_EXACTLY: Final = ("sh", "-c", 'head -c "$0" | "$@"')
"""Gives a command as many bytes of standard input as ``$0`` says, and then its end."""
_PING_SECONDS: Final = 20.0
"""Balancers on the way close a connection that is silent for a minute."""
_LAST_WORDS: Final = 2000
_HALF_CLOSED_SECONDS: Final = 5.0
_LOST: Final = "the connection to the API server was lost"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ExecResult:
    """The result of a command that ended by itself."""

    stdout: bytes
    stderr: bytes
    exit_code: int


async def exec_in_pod(
    api: KubernetesApi,
    namespace: str,
    pod: str,
    argv: Sequence[str],
    *,
    container: str | None = None,
    stdin: bytes | None = None,
    timeout: float,
) -> ExecResult:
    """Run a command in a container of a pod, and wait for its end.

    Raises:
        ApiError: the command can't be started, or does not end in time. The API can't end it: it may run on.
    """
    where = f"{argv[0]} in pod {pod}"
    try:
        async with asyncio.timeout(timeout):
            socket = await _open_exec(api, _path(namespace, pod, "exec"), argv, container, stdin)
            try:
                return await _result(socket, stdin, where)
            finally:
                await socket.close()
    except TimeoutError:
        raise ApiError(
            f"{where} did not end within {timeout:.0f} s",
            remedy=f"look at the pod: `kubectl -n {namespace} describe pod {pod}`",
        ) from None


async def open_in_pod(
    api: KubernetesApi, namespace: str, pod: str, argv: Sequence[str], *, container: str | None = None
) -> PodChannel:
    """Start a program in a container of a pod, with a channel of lines to its standard input and output.

    Raises:
        ApiError: the server refuses. That the program can't be started is told by the channel's end.
    """
    query = _exec_query(argv, container, stdin=True)
    socket = await api.upgrade(_path(namespace, pod, "exec"), query, (V5, V4))
    return PodChannel(socket, f"{argv[0]} in pod {pod}")


async def attach_to_pod(api: KubernetesApi, namespace: str, pod: str, *, container: str | None = None) -> PodChannel:
    """Open a channel of lines to the program of a container, which must have ``stdin: true``.

    Raises:
        ApiError: the server refuses.
    """
    query = _query(container, stdin=True)
    socket = await api.upgrade(_path(namespace, pod, "attach"), query, (V5, V4))
    return PodChannel(socket, f"pod {pod}")


class PodChannel:
    """A ``LineChannel`` to a program in a pod."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, name: str) -> None:
        self._socket, self._name = socket, name
        self._output = asyncio.StreamReader(limit=LONGEST_LINE)
        self._stderr = b""
        self._sending = asyncio.Lock()
        self._receiving = asyncio.create_task(self._receive(), name=f"output of {name}")
        self._pinging = asyncio.create_task(self._ping(), name=f"pings to {name}")

    @property
    def name(self) -> str:
        return self._name

    @property
    def connected(self) -> bool:
        """Whether the other end may still read and write."""
        return not self._receiving.done()

    async def write(self, line: bytes) -> None:
        async with self._sending:  # lines longer than a frame stay whole
            await _send(self._socket, line + b"\n")

    async def read(self) -> bytes:
        return await self._output.readline()

    async def ended(self) -> str:
        """Wait for the end, and return the exit code, the server's words, or that the connection was lost."""
        return await asyncio.shield(self._receiving)

    async def close(self, *, grace: float = 0.0) -> None:
        """End the program's input, wait for its end up to ``grace`` seconds, and close the connection. Idempotent.

        The API can't kill the program: one that goes on after the end of its input runs on.
        """
        if self._socket.protocol == V5:
            with suppress(ConnectionError, aiohttp.ClientError):
                await self._socket.send_bytes(bytes((_CLOSE, _STDIN)))
            await asyncio.wait({self._receiving}, timeout=grace)
        self._pinging.cancel()
        await self._socket.close()
        self._receiving.cancel()
        await asyncio.gather(self._pinging, self._receiving, return_exceptions=True)

    async def _receive(self) -> str:
        """Take the frames up to the end, and return the status."""
        status = _LOST
        try:
            async for channel, content in _frames(self._socket):
                if channel == _STDOUT:
                    self._output.feed_data(content)
                elif channel == _STDERR:
                    self._stderr = (self._stderr + content)[-_LAST_WORDS:]
                    _log.debug("%s: %s", self._name, content.decode(errors="replace").rstrip())
                elif channel == _STATUS:
                    status = self._described(_parsed_status(content))
        except asyncio.CancelledError:
            return "the channel was closed"
        finally:
            self._output.feed_eof()
            self._pinging.cancel()
        return status

    def _described(self, status: Mapping[str, Any]) -> str:
        code = _exit_code(status)
        words = str(status.get("message")) if code is None else described_status(code)
        last = self._stderr.decode(errors="replace").strip()
        return f"{words}: {last}" if last and code != 0 else words

    async def _ping(self) -> None:
        while True:
            await asyncio.sleep(_PING_SECONDS)
            with suppress(ConnectionError, aiohttp.ClientError):
                await self._socket.ping()


class PortForward:
    """A port of this machine that leads to a port of a pod. Each connection to it opens a websocket of its own."""

    def __init__(self, api: KubernetesApi, namespace: str, pod: str, port: int) -> None:
        self._api, self._path, self._port = api, _path(namespace, pod, "portforward"), port
        self._name = f"forward to port {port} of pod {pod}"
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    @classmethod
    async def open(cls, api: KubernetesApi, namespace: str, pod: str, port: int) -> Self:
        """Listen on a free port of 127.0.0.1.

        Raises:
            ApiError: the pod does not exist, or the server refuses.
        """
        forward = cls(api, namespace, pod, port)
        await (await forward._connect()).close()
        forward._server = await asyncio.start_server(forward._accept, "127.0.0.1", 0)
        return forward

    @property
    def local_port(self) -> int:
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def close(self) -> None:
        """Stop listening and end the connections. Idempotent."""
        if self._server is not None:
            self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _connect(self) -> aiohttp.ClientWebSocketResponse:
        return await self._api.upgrade(self._path, [("ports", str(self._port))], (V4,))

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            socket = await self._connect()
            try:
                await self._carry(socket, reader, writer)
            finally:
                await socket.close()
        except (ApiError, ConnectionError, aiohttp.ClientError) as error:
            _log.debug("%s: %s", self._name, error)
        except asyncio.CancelledError:
            _log.debug("%s is closed", self._name)
        finally:
            self._connections.discard(task)
            writer.close()

    async def _carry(
        self, socket: aiohttp.ClientWebSocketResponse, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Carry bytes both ways until the pod's end closes, or some seconds after this machine's end has closed."""
        sending = asyncio.create_task(_pump(reader, socket))
        receiving = asyncio.create_task(self._deliver(socket, writer))
        try:
            await asyncio.wait({sending, receiving}, return_when=asyncio.FIRST_COMPLETED)
            if not receiving.done():
                await asyncio.wait({receiving}, timeout=_HALF_CLOSED_SECONDS)
        finally:
            sending.cancel()
            receiving.cancel()
            await asyncio.gather(sending, receiving, return_exceptions=True)

    async def _deliver(self, socket: aiohttp.ClientWebSocketResponse, writer: asyncio.StreamWriter) -> None:
        heads = {_DATA: _FORWARD_HEAD, _FORWARD_ERROR: _FORWARD_HEAD}
        async for channel, content in _frames(socket):
            skipped = min(heads.get(channel, 0), len(content))
            heads[channel] = heads.get(channel, 0) - skipped
            if not (rest := content[skipped:]):
                continue
            if channel == _FORWARD_ERROR:
                _log.debug("%s: %s", self._name, rest.decode(errors="replace"))
                return
            writer.write(rest)
            await writer.drain()


async def _open_exec(
    api: KubernetesApi, path: str, argv: Sequence[str], container: str | None, stdin: bytes | None
) -> aiohttp.ClientWebSocketResponse:
    if stdin is None:
        return await api.upgrade(path, _exec_query(argv, container, stdin=False), (V5, V4))
    try:
        socket = await api.upgrade(path, _exec_query(argv, container, stdin=True), (V5,))
    except (ApiUnreachable, NotFound, Forbidden):
        raise
    except ApiError as error:
        _log.debug("no exec by %s, trying %s: %s", V5, V4, error)
    else:
        if socket.protocol == V5:
            return socket
        await socket.close()
    exact = (*_EXACTLY, str(len(stdin)), *argv)
    return await api.upgrade(path, _exec_query(exact, container, stdin=True), (V4,))


async def _result(socket: aiohttp.ClientWebSocketResponse, stdin: bytes | None, where: str) -> ExecResult:
    """Send the input while the output comes: neither end may have to wait for the other."""
    streams = {_STDOUT: bytearray(), _STDERR: bytearray(), _STATUS: bytearray()}
    sending = asyncio.create_task(_send_all(socket, stdin)) if stdin is not None else None
    try:
        async for channel, content in _frames(socket):
            if channel in streams:
                streams[channel] += content
    finally:
        if sending is not None:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
    if not streams[_STATUS]:
        raise ApiUnreachable(f"{where}: {_LOST}", remedy="check that the API server runs, and try again")
    status = _parsed_status(bytes(streams[_STATUS]))
    code = _exit_code(status)
    if code is None:
        raise ApiError(
            f"{where}: {status.get('message')}",
            reason=str(status.get("reason", "")),
            message=str(status.get("message")),
            remedy="check that the pod runs, and that its image has the program",
        )
    return ExecResult(bytes(streams[_STDOUT]), bytes(streams[_STDERR]), code)


async def _send_all(socket: aiohttp.ClientWebSocketResponse, content: bytes) -> None:
    await _send(socket, content)
    if socket.protocol == V5:
        with suppress(ConnectionError, aiohttp.ClientError):
            await socket.send_bytes(bytes((_CLOSE, _STDIN)))


async def _send(socket: aiohttp.ClientWebSocketResponse, content: bytes) -> None:
    """Send bytes to channel 0. Does nothing after the end, which the frames tell."""
    with suppress(ConnectionError, aiohttp.ClientError):
        for start in range(0, len(content), _CHUNK):
            await socket.send_bytes(bytes((_STDIN,)) + content[start : start + _CHUNK])


async def _pump(reader: asyncio.StreamReader, socket: aiohttp.ClientWebSocketResponse) -> None:
    with suppress(ConnectionError):
        while content := await reader.read(_CHUNK):
            await _send(socket, content)


async def _frames(socket: aiohttp.ClientWebSocketResponse) -> AsyncIterator[tuple[int, bytes]]:
    async for message in socket:
        if message.type == aiohttp.WSMsgType.BINARY and message.data:
            yield message.data[0], message.data[1:]


def _exec_query(argv: Sequence[str], container: str | None, *, stdin: bool) -> list[tuple[str, str]]:
    return [*(("command", word) for word in argv), *_query(container, stdin=stdin)]


def _query(container: str | None, *, stdin: bool) -> list[tuple[str, str]]:
    query = [("stdout", "true"), ("stderr", "true")]
    query += [("stdin", "true")] if stdin else []
    return query + ([("container", container)] if container else [])


def _path(namespace: str, pod: str, verb: str) -> str:
    return f"/api/v1/namespaces/{namespace}/pods/{pod}/{verb}"


def _parsed_status(content: bytes) -> Mapping[str, Any]:
    """Parse a Status object; anything else becomes its message."""
    try:
        status = json.loads(content)
    except ValueError:
        status = None
    return status if isinstance(status, dict) else {"message": content.decode(errors="replace").strip()}


def _exit_code(status: Mapping[str, Any]) -> int | None:
    """Return the exit code; None if the command did not run."""
    if status.get("status") == "Success":
        return 0
    if status.get("reason") != "NonZeroExitCode":
        return None
    causes = status.get("details", {}).get("causes", [])
    return next((int(cause["message"]) for cause in causes if cause.get("reason") == "ExitCode"), None)
