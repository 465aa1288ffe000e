"""An API server on loopback: objects, watches and websockets to real processes and ports of this machine.

It fails as it is told: answers that are lost, errors, silence, and no server at all.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

import yaml
from aiohttp import WSMsgType, web

Json = dict[str, Any]
_CHUNK = 16 * 1024
_UNAUTHORIZED = HTTPStatus.UNAUTHORIZED


@dataclass
class Fault:
    """What happens to the next request with this method."""

    method: str
    status: int = 0
    """The answer; 0: the connection is closed instead of an answer."""
    message: str = "the server is tired"
    after_effect: bool = False
    """Whether the request is carried out first."""


@dataclass
class FakeKubernetes:
    tls: ssl.SSLContext | None = None
    tokens: set[str] | None = None
    """The bearer tokens that are accepted; None: anybody is."""
    protocols: Sequence[str] = ("v5.channel.k8s.io", "v4.channel.k8s.io")
    objects: dict[str, Json] = field(default_factory=dict)
    """By path."""
    texts: dict[str, list[bytes]] = field(default_factory=dict)
    """Chunks of streamed answers, by path."""
    faults: list[Fault] = field(default_factory=list)
    silent: bool = False
    """Whether requests get no answer."""
    redirect: str = ""
    """Where the pod proxy leads."""
    breaks_streams: bool = False
    """Whether streamed answers and websockets end without their proper end."""
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)
    """Method, path and credentials of each request."""
    port: int = 0
    _version: int = 1
    _oldest: int = 0
    _changes: list[tuple[int, str, str, Json]] = field(default_factory=list)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _runner: web.AppRunner | None = None
    _handlers: set[asyncio.Task[Any]] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def kubeconfig(self, directory: Path, *, user: Json | None = None, cluster: Json | None = None) -> dict[str, str]:
        """An environment whose kubeconfig leads here, by a context ``fake`` and beside it ``other``."""
        file = directory / "kubeconfig"
        context = {"cluster": "fake", "user": "somebody", "namespace": "its-own"}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "fake",
            "contexts": [{"name": "fake", "context": context}, {"name": "other", "context": context}],
            "clusters": [{"name": "fake", "cluster": {"server": self.url, **(cluster or {})}}],
            "users": [{"name": "somebody", "user": user or {"token": "good"}}],
        }
        file.write_text(yaml.safe_dump(config))
        return {"KUBECONFIG": str(file), "HOME": str(directory)}

    async def start(self) -> None:
        """Serve, after a stop on the same port again."""
        app = web.Application(client_max_size=2**30)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port, ssl_context=self.tls, reuse_address=True).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Go away: listeners and connections close, objects stay."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()
        handlers = list(self._handlers)
        for handler in handlers:
            handler.cancel()
        await asyncio.gather(*handlers, return_exceptions=True)  # their programs end with them

    def put(self, path: str, item: Json) -> Json:
        """Store an object as a change that watches see."""
        self._version += 1
        before = self.objects.get(path)
        meta = {"uid": f"uid-{path}-{self._version}", **(before or {}).get("metadata", {}), **item.get("metadata", {})}
        stored = item | {"metadata": meta | {"resourceVersion": str(self._version)}}
        self.objects[path] = stored
        self._tell("MODIFIED" if before else "ADDED", path, stored)
        return stored

    def remove(self, path: str) -> None:
        self._version += 1
        gone = self.objects.pop(path)
        gone = gone | {"metadata": gone["metadata"] | {"resourceVersion": str(self._version)}}
        self._tell("DELETED", path, gone)

    def forget(self) -> None:
        """Drop the changes up to now: watches from before them get 410."""
        self._changes.clear()
        self._version += 1
        self._oldest = self._version
        self._wake()

    def _tell(self, kind: str, path: str, item: Json) -> None:
        self._changes.append((self._version, kind, path.rpartition("/")[0], item))
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if (task := asyncio.current_task()) is not None and task not in self._handlers:
            self._handlers.add(task)
            task.add_done_callback(self._handlers.discard)
        credentials = request.headers.get("Authorization")
        self.asked.append((request.method, request.path, credentials))
        if self.silent:
            await asyncio.sleep(3600)
        if self.tokens is not None and (credentials or "").removeprefix("Bearer ") not in self.tokens:
            return _status(_UNAUTHORIZED, "Unauthorized", "Unauthorized")
        fault = next((fault for fault in self.faults if fault.method == request.method), None)
        if fault is None:
            return await self._answer(request)
        self.faults.remove(fault)
        if fault.after_effect:
            await self._answer(request)
        if fault.status:
            return _status(fault.status, HTTPStatus(fault.status).phrase.replace(" ", ""), fault.message)
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        path = request.path
        if path == "/version":
            return web.json_response({"gitVersion": "v1.32.5"})
        if path in self.texts:
            return await self._streamed(request)
        if self.redirect and "/proxy" in path:
            raise web.HTTPFound(self.redirect)
        verb = path.rpartition("/")[2]
        if verb in {"exec", "attach", "portforward"}:
            return await self._websocket(request, verb)
        if "watch" in request.query:
            return await self._watched(request)
        return await self._rest(request)

    async def _rest(self, request: web.Request) -> web.Response:
        path = request.path
        collection = path.rpartition("/")[2] in {"pods", "services", "configmaps", "namespaces", "nodes"}
        body = await request.json() if request.can_read_body else {}
        if request.method == "POST":
            return self._made(f"{path}/{body['metadata']['name']}", body)
        if collection:
            return self._of_collection(request)
        if path not in self.objects:
            return _status(HTTPStatus.NOT_FOUND, "NotFound", f'"{path}" not found')
        if request.method == "DELETE":
            self.remove(path)
            return web.json_response({"kind": "Status", "status": "Success"})
        if request.method == "PATCH":
            assert request.content_type == "application/merge-patch+json"
            return web.json_response(self.put(path, _merged(self.objects[path], body)))
        return web.json_response(self.objects[path])

    def _made(self, path: str, item: Json) -> web.Response:
        if path in self.objects:
            return _status(HTTPStatus.CONFLICT, "AlreadyExists", f"{path} already exists")
        return web.json_response(self.put(path, item), status=HTTPStatus.CREATED)

    def _of_collection(self, request: web.Request) -> web.Response:
        found = {
            path: item
            for path, item in self.objects.items()
            if path.rpartition("/")[0] == request.path and _selected(item, request.query.get("labelSelector", ""))
        }
        if request.method == "DELETE":
            if request.path.endswith("/services"):
                return _status(HTTPStatus.METHOD_NOT_ALLOWED, "MethodNotAllowed", "the server does not allow this")
            for path in found:
                self.remove(path)
        answer = {"items": list(found.values()), "metadata": {"resourceVersion": str(self._version)}}
        return web.json_response(answer)

    async def _watched(self, request: web.Request) -> web.StreamResponse:
        seen, selector = int(request.query["resourceVersion"]), request.query.get("labelSelector", "")
        answer = web.StreamResponse()
        await answer.prepare(request)
        while True:
            changed = self._changed
            if seen < self._oldest:
                gone = {"kind": "Status", "code": HTTPStatus.GONE, "reason": "Expired", "message": "too old"}
                await _write_change(answer, "ERROR", gone)
                return answer
            for version, kind, collection, item in list(self._changes):
                if version > seen and collection == request.path and _selected(item, selector):
                    await _write_change(answer, kind, item)
            seen = self._version
            await _write_change(answer, "BOOKMARK", {"metadata": {"resourceVersion": str(seen)}})
            await changed.wait()

    async def _streamed(self, request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        for chunk in self.texts[request.path]:
            await answer.write(chunk)
        if self.breaks_streams:
            assert request.transport is not None
            request.transport.abort()
        return answer

    async def _websocket(self, request: web.Request, verb: str) -> web.StreamResponse:
        offered = request.headers.get("Sec-WebSocket-Protocol", "").replace(" ", "").split(",")
        if request.path.removesuffix(f"/{verb}") not in self.objects:
            return _status(HTTPStatus.NOT_FOUND, "NotFound", "pods not found")
        if "Upgrade" not in request.headers:
            return _status(HTTPStatus.BAD_REQUEST, "BadRequest", "Upgrade request required")
        if not set(offered) & set(self.protocols):
            return web.Response(status=HTTPStatus.FORBIDDEN, text="Forbidden")  # as a real one does
        socket = web.WebSocketResponse(protocols=self.protocols, max_msg_size=0)
        await socket.prepare(request)
        if verb == "portforward":
            await _forward(socket, int(request.query["ports"]))
        else:
            argv = request.query.getall("command") if verb == "exec" else ["cat"]
            await self._run(socket, argv, stdin="stdin" in request.query)
            if self.breaks_streams:
                assert request.transport is not None
                request.transport.abort()
        await socket.close()
        return socket

    async def _run(self, socket: web.WebSocketResponse, argv: Sequence[str], *, stdin: bool) -> None:
        pipe = asyncio.subprocess.PIPE
        try:
            process = await asyncio.create_subprocess_exec(
                *argv, stdin=pipe if stdin else asyncio.subprocess.DEVNULL, stdout=pipe, stderr=pipe
            )
        except FileNotFoundError as error:
            await _send(socket, 3, _failure("InternalError", f"exec failed: {error}"))
            return
        assert process.stdout is not None
        assert process.stderr is not None
        feeding = asyncio.create_task(_feed(socket, process.stdin))
        try:
            await asyncio.gather(_copy(process.stdout, socket, 1), _copy(process.stderr, socket, 2))
            code = await process.wait()
        finally:
            feeding.cancel()
            await asyncio.gather(feeding, return_exceptions=True)
            if process.returncode is None:
                process.kill()
            await process.communicate()  # to the end of its pipes, which closes them
        if not self.breaks_streams:
            await _send(socket, 3, _ended(code))


@asynccontextmanager
async def fake_kubernetes(**settings: Any) -> AsyncIterator[FakeKubernetes]:
    server = FakeKubernetes(**settings)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


async def _feed(socket: web.WebSocketResponse, stdin: asyncio.StreamWriter | None) -> None:
    """Give channel 0 to the program, until its end or that of the connection."""
    with suppress(ConnectionError):
        async for message in socket:
            if message.type != WSMsgType.BINARY or stdin is None:
                continue
            if message.data[0] == 255 and socket.ws_protocol == "v5.channel.k8s.io":
                stdin.close()
            elif message.data[0] == 0:
                stdin.write(message.data[1:])
                await stdin.drain()
    if stdin is not None:
        stdin.close()


async def _copy(source: asyncio.StreamReader, socket: web.WebSocketResponse, channel: int) -> None:
    while content := await source.read(_CHUNK):
        await _send(socket, channel, content)


async def _forward(socket: web.WebSocketResponse, port: int) -> None:
    head = port.to_bytes(2, "little")
    await _send(socket, 0, head)
    await _send(socket, 1, head)
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionError as error:
        await _send(socket, 1, str(error).encode())
        return
    feeding = asyncio.create_task(_feed(socket, writer))
    try:
        await _copy(reader, socket, 0)
    finally:
        feeding.cancel()
        writer.close()
        await asyncio.gather(feeding, return_exceptions=True)


async def _send(socket: web.WebSocketResponse, channel: int, content: bytes) -> None:
    with suppress(ConnectionError):
        await socket.send_bytes(bytes((channel,)) + content)


async def _write_change(answer: web.StreamResponse, kind: str, item: Json) -> None:
    await answer.write(json.dumps({"type": kind, "object": item}).encode() + b"\n")


def _ended(code: int) -> bytes:
    if code == 0:
        return json.dumps({"kind": "Status", "status": "Success"}).encode()
    cause = {"reason": "ExitCode", "message": str(code)}
    return _failure("NonZeroExitCode", f"command terminated with exit code {code}", causes=[cause])


def _failure(reason: str, message: str, **details: Any) -> bytes:
    status = {"kind": "Status", "status": "Failure", "reason": reason, "message": message, "details": details}
    return json.dumps(status).encode()


def _status(code: int, reason: str, message: str) -> web.Response:
    answer = {"kind": "Status", "status": "Failure", "reason": reason, "message": message, "code": code}
    return web.json_response(answer, status=code)


def _selected(item: Json, selector: str) -> bool:
    labels = item["metadata"].get("labels", {})
    wanted = [pair.partition("=") for pair in selector.split(",") if pair]
    return all(labels.get(name) == value if equals else name in labels for name, equals, value in wanted)


def _merged(before: Any, patch: Any) -> Any:
    """RFC 7386."""
    if not isinstance(patch, dict):
        return patch
    result = dict(before) if isinstance(before, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = _merged(result.get(name), value)
    return result
