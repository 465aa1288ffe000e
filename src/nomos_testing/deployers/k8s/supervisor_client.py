"""Client of a pod's supervisor: keeps one stream open, opens it again when it breaks, and misses no end of the node."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple

from nomos_testing.cluster.interfaces import NodeControlError
from nomos_testing.deployers.k8s.pod_supervisor import LONGEST_LINE
from nomos_testing.deployers.shared.errors import LaunchError
from nomos_testing.deployers.shared.line_channel import LineChannel
from nomos_testing.failure import Failure
from nomos_testing.runtime.background import WatchTask
from nomos_testing.surroundings import monotonic
from nomos_testing.waiting.waiting import narrated

SUPERVISOR_PATH: Final = "/etc/nomos/scripts/pod_supervisor.py"
"""Where the pod has the supervisor's program."""
SUPERVISOR: Final = ("python3", "-I", "-S", SUPERVISOR_PATH)
"""The command that runs it. The arguments follow."""
BRIDGE: Final = (*SUPERVISOR, "--bridge")
"""The command that gives a stream to the supervisor, in the pod."""
_RECONNECT_SECONDS: Final = 0.5
_FIRST_REQUEST: Final = 0
"""Id of the first request on each stream, which asks for the status."""

_log = logging.getLogger(__name__)


class _NodeState(NamedTuple):
    """The last life of the node's program: its number, and how it ended; None while it lasts."""

    life: int
    pid: int | None
    status: int | None

    @property
    def runs(self) -> bool:
        return self.life > 0 and self.status is None


_NEVER_STARTED: Final = _NodeState(0, None, None)


class PodSupervisor:
    """The node's program in a pod, as its supervisor tells of it.

    Raises:
        NodeControlError: the supervisor refuses, does not answer in time, or its pod is gone. ``connect`` and ``start``
            raise ``LaunchError`` instead.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[LineChannel]],
        *,
        name: str,
        ended: Callable[[int], None],
        answer_seconds: float,
        watch: WatchTask,
    ) -> None:
        """
        Args:
            connect: opens a stream to the supervisor, by the command ``BRIDGE``; raises ``Failure`` or ``OSError``.
            name: of the pod, for messages.
            ended: called once for each life of the node's program, with its exit code, or minus the number of the
                signal. For a program that ends at once, that is before ``start`` returns. Not called for a life that
                ``lose`` ends.
            answer_seconds: how long an answer may take, and how long a request waits for a stream that broke.
            watch: notices the failure of the task that reads the stream.
        """
        self._connect = connect
        self._name = name
        self._ended = ended
        self._answer_seconds = answer_seconds
        self._watch = watch
        self._stream: asyncio.Task[None] | None = None
        self._channel: LineChannel | None = None
        self._limit: asyncio.Timeout | None = None
        """That of the open stream. It expires when the stream is given up."""
        self._ready = asyncio.Event()
        """Set while requests can be sent, and when there is no more use in waiting for that."""
        self._outage = "no stream was opened"
        """Why there is no stream; empty while there is one."""
        self._lost: str | None = None
        self._unanswered: dict[int, asyncio.Future[dict[str, Any] | None]] = {}
        """Requests by their ids. The answer is None where the stream broke before it came."""
        self._last_request = _FIRST_REQUEST
        self._one_line_at_a_time = asyncio.Lock()
        self._state = _NEVER_STARTED
        self._lives_told = 0
        """The last life whose end was told."""

    @property
    def running(self) -> bool:
        return self._lost is None and self._state.runs

    @property
    def pid(self) -> int | None:
        """The program's process id in the pod; None while it does not run."""
        return self._state.pid if self.running else None

    async def connect(self, *, timeout: float) -> None:
        """Open the stream and ask for the status.

        Raises:
            LaunchError: the supervisor did not answer within ``timeout`` seconds.
        """
        self._stream = asyncio.create_task(self._keep_stream(), name=f"stream to the supervisor of {self._name}")
        self._watch(self._stream)
        try:
            async with asyncio.timeout(timeout):
                await self._stream_open()
        except TimeoutError:
            outage = self._outage
            await self.close()
            raise LaunchError(f"the supervisor of {self._name} did not answer within {timeout:g} s: {outage}") from None
        except NodeControlError as error:
            raise LaunchError(str(error)) from None

    async def start(self) -> int:
        """Start the node's program and return its process id in the pod. It may have ended by then.

        Raises:
            LaunchError: it cannot be started.
        """
        try:
            answer = await self._ask("start", life=self._state.life + 1)
        except NodeControlError as error:
            raise LaunchError(str(error)) from None
        return int(answer["pid"])

    async def end(self, *, grace: float) -> None:
        """End the program: SIGTERM, and SIGKILL after ``grace`` seconds; at once if ``grace`` is 0."""
        if self.running:
            await self._ask("end", longer=grace, life=self._state.life, grace=grace)

    async def freeze(self) -> None:
        """Stop all processes of the program without ending them."""
        await self._ask("freeze")

    async def thaw(self) -> None:
        """Continue the processes of a frozen program."""
        await self._ask("thaw")

    async def put(self, path: str, content: bytes) -> None:
        """Write a file of the pod. A reader sees either the old file or the new one."""
        await self._ask("put", path=path, content=base64.b64encode(content).decode())

    async def wipe(self) -> None:
        """Empty the program's working directory. The program must not run."""
        await self._ask("wipe")

    def lose(self, status: str) -> None:
        """Note that the pod is gone. What waits for the supervisor fails, and the stream is not opened again.

        Args:
            status: why, for messages: ``its pod was deleted``.
        """
        if self._lost is not None:
            return
        self._lost = f"{self._name}: {status}"
        self._ready.set()
        self._leave_unanswered()
        if self._stream is not None:
            self._stream.cancel()

    async def close(self) -> None:
        """Close the stream. The node goes on. Idempotent."""
        self.lose("the connection to its supervisor was closed")
        stream, self._stream = self._stream, None
        if stream is not None:
            await asyncio.gather(stream, return_exceptions=True)

    async def _ask(self, do: str, *, longer: float = 0.0, **fields: Any) -> dict[str, Any]:
        """Send a request, again on each new stream, until its answer comes.

        Args:
            longer: seconds that the answer may take in addition.

        Raises:
            NodeControlError: refused, not answered in time, or the pod is gone.
        """
        self._last_request += 1
        number = self._last_request
        line = json.dumps({"id": number, "do": do, **fields}).encode()
        if len(line) >= LONGEST_LINE:
            raise NodeControlError(
                f"the request {do!r} for {self._name} has {len(line)} bytes; expected fewer than {LONGEST_LINE}"
            )
        began, limit = monotonic(), self._answer_seconds + longer
        try:
            async with asyncio.timeout(limit):
                answer = await self._answer_to(number, line)
        except TimeoutError:
            why = f": {self._outage}" if self._outage else ""
            self._give_up_stream()  # it may be dead without a word: the next request gets another
            raise NodeControlError(
                f"the supervisor of {self._name} did not answer {do!r} within {limit:g} s{why}"
            ) from None
        _log.debug("%s: %s took %.1f ms", self._name, do, 1000 * (monotonic() - began))
        if "error" in answer:
            raise NodeControlError(f"the supervisor of {self._name} refuses {do!r}: {answer['error']}")
        return answer

    async def _answer_to(self, number: int, line: bytes) -> dict[str, Any]:
        while True:
            channel = await self._stream_open()
            answered: asyncio.Future[dict[str, Any] | None] = asyncio.get_running_loop().create_future()
            self._unanswered[number] = answered
            try:
                await self._write(channel, line)
                answer = await answered
            finally:
                del self._unanswered[number]
            if answer is not None:
                return answer

    async def _write(self, channel: LineChannel, line: bytes) -> None:
        async with self._one_line_at_a_time:
            try:
                await channel.write(line)
            except asyncio.CancelledError:  # perhaps in the middle of the line
                self._give_up_stream()
                raise

    async def _stream_open(self) -> LineChannel:
        """Wait until requests can be sent."""
        while not self._ready.is_set():
            async with narrated(f"the supervisor of {self._name}", lambda: self._outage):
                await self._ready.wait()
        if self._lost is not None:
            raise NodeControlError(self._lost)
        assert self._channel is not None
        return self._channel

    async def _keep_stream(self) -> None:
        while self._lost is None:
            try:
                async with asyncio.timeout(self._answer_seconds):
                    channel = await self._connect()
            except (Failure, OSError) as error:
                self._outage = str(error) or "the stream was not opened in time"
            else:
                try:
                    self._outage = await self._use(channel)
                finally:
                    self._limit = None
                    if self._lost is None:
                        self._ready.clear()
                    self._leave_unanswered()
                    await channel.close()
            _log.debug("no stream to the supervisor of %s: %s", self._name, self._outage)
            await asyncio.sleep(_RECONNECT_SECONDS)

    async def _use(self, channel: LineChannel) -> str:
        """Take what comes on the stream until it breaks, and return why it broke."""
        try:
            async with asyncio.timeout(self._answer_seconds) as limit:
                await channel.write(json.dumps({"id": _FIRST_REQUEST, "do": "status"}).encode())
                while line := await channel.read():
                    if self._take(line) == _FIRST_REQUEST:
                        limit.reschedule(None)
                        self._channel, self._limit, self._outage = channel, limit, ""
                        self._ready.set()
                return f"the stream ended: {await channel.ended()}"
        except TimeoutError:
            return "the stream was given up: an answer did not come"
        except ValueError as error:
            return f"the stream was given up: it has a line that is no message: {error}"

    def _take(self, line: bytes) -> int | None:
        """Take an answer or an event, and return the id of the request."""
        message = json.loads(line)
        if not isinstance(message, dict):
            raise ValueError(f"expected a JSON object, got {message!r}")
        if "life" in message:
            self._see(_NodeState(message["life"], message["pid"], message["status"]))
        number: int | None = message.get("id")
        if number is None:
            _log.debug("%s: %s", self._name, message)
        elif (answered := self._unanswered.get(number)) is not None and not answered.done():
            answered.set_result(message)
        return number

    def _see(self, state: _NodeState) -> None:
        self._state = state
        if state.status is not None and state.life > self._lives_told:
            self._lives_told = state.life
            self._ended(state.status)

    def _give_up_stream(self) -> None:
        """Have the stream closed, and another one opened."""
        if self._limit is not None and not self._limit.expired():
            self._limit.reschedule(monotonic())

    def _leave_unanswered(self) -> None:
        for answered in self._unanswered.values():
            if not answered.done():
                answered.set_result(None)
