"""The server of the control socket, in the runner: other programs of the same user control the running network by it.

``status`` tells about the network, and ``run`` runs the source of a prompt. The other verbs are what a person does by
hand (``NetworkByHand``), and ``end``, which ends a network that is kept.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from nomos_testing.failure import is_failure
from nomos_testing.journal.events import Notice
from nomos_testing.runtime.background import log_failure
from nomos_testing.runtime.context import RunContext
from nomos_testing.runtime.control_protocol import LONGEST_LINE, SOCKET_NAME, ControlRefused, short_path
from nomos_testing.runtime.errors import described
from nomos_testing.runtime.network_by_hand import NetworkByHand
from nomos_testing.runtime.prompt import Prompt

_CREDENTIALS: Final = struct.Struct("3i")
"""Process, user and group of the other end of a Unix socket."""
_OWNER_ONLY: Final = 0o177
"""Mask of the file mode that everybody but the owner loses."""

_CANCEL_SECONDS: Final = 5.0
"""How long a request may take to end after it was cancelled."""

_log = logging.getLogger(__name__)


class ControlServer:
    """The socket of one run.

    As a context manager it outlives the network: ``serve`` begins, ``retire`` takes no more requests, and the end of
    the block closes the connections. So a client sees by its connection when nothing of the network is left.
    """

    def __init__(self) -> None:
        self._server: asyncio.Server | None = None
        self._path: Path | None = None
        self._actions: dict[str, Callable[[Mapping[str, Any]], Awaitable[Any]]] = {}
        self._context: RunContext | None = None
        self._connections: dict[asyncio.Task[None], _Connection] = {}
        self._end_wanted = asyncio.Event()
        self._kept_until: float | None = None
        self._cancel_seconds = 0.0

    async def serve(self, run_directory: Path, context: RunContext, by_hand: NetworkByHand) -> None:
        """Take requests from now on. A socket that a dead run has left is replaced.

        A place that can have no socket is no reason to fail: the journal gets a warning.
        """
        self._context = context
        self._cancel_seconds = context.patience().seconds(_CANCEL_SECONDS)
        self._actions = {**by_hand.actions, "status": self._status, "end": self._end}
        try:
            await self._listen(run_directory)
        except OSError as error:
            text = f"the network cannot be controlled by hand: no socket in {run_directory}: {error.strerror}"
            context.journal().write(Notice(text, "warning"))

    async def _listen(self, run_directory: Path) -> None:
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            (run_directory / SOCKET_NAME).unlink(missing_ok=True)
            with short_path(run_directory) as path:
                before = os.umask(_OWNER_ONLY)
                try:
                    listening.bind(path)
                finally:
                    os.umask(before)
            self._path = run_directory / SOCKET_NAME
            self._server = await asyncio.start_unix_server(self._accept, sock=listening, limit=LONGEST_LINE)
        except BaseException:
            listening.close()
            raise

    def keep(self, until: float | None) -> None:
        """Note until when the network is kept, in seconds of the Unix epoch. From then on ``end`` is possible."""
        self._kept_until = until

    async def wait_for_end(self) -> None:
        """Wait until a client asks for the end of the kept network."""
        await self._end_wanted.wait()

    async def retire(self) -> None:
        """Cancel every request and take no more: the network is being taken down. Connections stay open."""
        self._actions = {}
        self._context = None
        if self._server is not None:
            self._server.close()
            self._server = None
        if self._path is not None:
            self._path.unlink(missing_ok=True)
            self._path = None
        await asyncio.gather(*(connection.cancel_requests() for connection in self._connections.values()))

    async def close(self) -> None:
        """Close every connection. A client that does not read, such as a stopped shell, loses its last answers."""
        await self.retire()
        for connection in self._connections.values():
            connection.hang_up()
        if self._connections:
            await asyncio.wait(self._connections, timeout=self._cancel_seconds)
        for connection in self._connections.values():
            connection.abort()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = _Connection(reader, writer, self._action, self._cancel_seconds)
        if self._server is None or not _same_user(writer):
            connection.hang_up()
            return
        serving = asyncio.create_task(connection.serve(), name="control socket")
        self._connections[serving] = connection
        serving.add_done_callback(self._connections.pop)
        log_failure(serving)

    def _action(self, connection: _Connection, do: str) -> Callable[[Mapping[str, Any]], Awaitable[Any]]:
        if self._context is None:
            raise ControlRefused("the network is being taken down")
        if do == "run":
            if connection.prompt is None:
                connection.prompt = Prompt(self._context)
            return partial(_run, connection.prompt)
        if do not in self._actions:
            raise ControlRefused(f"there is no request {do!r}; there are {', '.join(sorted([*self._actions, 'run']))}")
        return self._actions[do]

    async def _status(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        context = self._context
        assert context is not None, "a server without a context takes no requests"
        control = context.cluster().node_control()
        return {
            "node_control": context.node_control() is not None,
            "network_control": context.network_control() is not None,
            "nodes": {
                node.name: {"running": control is None or control.running(node), "url": node.url}
                for node in context.cluster().nodes
            },
            "kept_until": self._kept_until,
        }

    async def _end(self, fields: Mapping[str, Any]) -> None:
        if self._kept_until is None:
            raise ControlRefused("the run has no verdict yet: Ctrl-C where it runs interrupts it")
        self._end_wanted.set()


class _Connection:
    """One client. Its requests are answered as they are done. ``run`` ends with the connection, an action does not."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        action: Callable[[_Connection, str], Callable[[Mapping[str, Any]], Awaitable[Any]]],
        cancel_seconds: float,
    ) -> None:
        self.prompt: Prompt | None = None
        self._reader = reader
        self._writer = writer
        self._action = action
        self._cancel_seconds = cancel_seconds
        self._tasks: set[asyncio.Task[None]] = set()
        self._running: dict[Any, asyncio.Task[None]] = {}
        """The inputs of the prompt that run, by the id of their request."""

    async def serve(self) -> None:
        """Answer requests until the client leaves."""
        try:
            while line := await self._reader.readline():
                self._take(line)
        except (OSError, ValueError) as error:  # ValueError: a longer line than any that a client sends
            _log.debug("a client of the control socket left: %s", error)
        finally:
            for task in self._running.values():
                task.cancel()
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=self._cancel_seconds)
            self._writer.close()
            with suppress(OSError):
                await self._writer.wait_closed()

    async def cancel_requests(self) -> None:
        """Cancel every request, and wait until none is left."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:  # an input may be written so that it does not end
            await asyncio.wait(self._tasks, timeout=self._cancel_seconds)

    def hang_up(self) -> None:
        """Close the connection, after the client has read its answers."""
        self._writer.close()

    def abort(self) -> None:
        """Close the connection at once."""
        self._writer.transport.abort()

    def _take(self, line: bytes) -> None:
        try:
            request = json.loads(line)
        except (ValueError, RecursionError):
            request = None
        number = request.get("id") if isinstance(request, dict) else None
        if not isinstance(number, int | str | None) or not isinstance(request, dict) or "do" not in request:
            self._answer(None, ok=False, error='expected a line such as {"id": 1, "do": "status"}')
            return
        if request["do"] == "cancel":
            for task in (task for asked, task in self._running.items() if asked == request.get("request")):
                task.cancel()
            return
        task = asyncio.create_task(self._do(number, request), name=f"request {request['do']}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if request["do"] == "run":
            self._running[number] = task
            task.add_done_callback(lambda _: self._running.pop(number, None))

    async def _do(self, number: Any, request: Mapping[str, Any]) -> None:
        try:
            result = await self._action(self, str(request["do"]))(request)
        except ControlRefused as refused:
            self._answer(number, ok=False, error=str(refused))
        except asyncio.CancelledError:
            self._answer(number, ok=False, error="cancelled")
            raise
        except Exception as error:
            if not is_failure(error):  # a defect of the framework
                _log.exception("the request %s failed", request)
            self._answer(number, ok=False, error=described(error))
        else:
            self._answer(number, ok=True, result=result)

    def _answer(self, number: Any, **fields: Any) -> None:
        if not self._writer.is_closing():
            self._writer.write(json.dumps({"id": number, **fields}).encode() + b"\n")


async def _run(prompt: Prompt, fields: Mapping[str, Any]) -> dict[str, Any]:
    source = fields.get("source")
    if not isinstance(source, str):
        raise ControlRefused('expected the source of the input: {"do": "run", "source": "..."}')
    return asdict(await prompt.run(source))


def _same_user(writer: asyncio.StreamWriter) -> bool:
    """Tell whether the client belongs to the user of the run, or to root."""
    connection = writer.get_extra_info("socket")
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, user, _ = _CREDENTIALS.unpack(credentials)
    return user in (os.getuid(), 0)
