"""The client of the control socket: it asks the runner of a network that still runs.

```python
async with await ControlClient.connect(run_directory) as client:
    await client.ask("pause", node="validator-1")
```
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from nomos_testing.runtime.control_protocol import LONGEST_LINE, SOCKET_NAME, ControlRefused, short_path

__all__ = ["ControlClient", "ControlRefused"]

_ENDED: Final = "the network has ended"


class ControlClient:
    """A connection to the runner of one network. ``connect`` makes it. Several requests may be under way at once."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._last_id = 0
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._ended = asyncio.Event()
        self._reading = asyncio.create_task(self._read(), name="answers of the runner")

    @classmethod
    async def connect(cls, run_directory: Path) -> Self:
        """Connect to the runner of a run.

        Raises:
            ControlRefused: no runner is there; the run has ended, or the directory is not one of a run.
        """
        try:
            with short_path(run_directory) as path:
                reader, writer = await asyncio.open_unix_connection(path, limit=LONGEST_LINE)
        except OSError as error:
            raise ControlRefused(_nobody_there(run_directory, error)) from None
        return cls(reader, writer)

    async def ask(self, do: str, **fields: Any) -> Any:
        """Ask for an action, and return its result.

        Raises:
            ControlRefused: the runner refuses it, or has ended.
        """
        if self.ended:
            raise ControlRefused(_ENDED)
        self._last_id += 1
        number = self._last_id
        answer = self._asked[number] = asyncio.get_running_loop().create_future()
        try:
            self._writer.write(json.dumps({"id": number, "do": do, **fields}).encode() + b"\n")
            await self._writer.drain()
            return await answer
        except OSError:
            raise ControlRefused(_ENDED) from None
        except asyncio.CancelledError:
            with suppress(OSError):
                self._writer.write(json.dumps({"do": "cancel", "request": number}).encode() + b"\n")
            raise
        finally:
            self._asked.pop(number, None)

    async def wait_ended(self) -> None:
        """Wait until the runner has closed the connection: the network has ended."""
        await self._ended.wait()

    @property
    def ended(self) -> bool:
        """True once the runner has closed the connection."""
        return self._ended.is_set()

    async def close(self) -> None:
        """Close the connection. The runner cancels what it still does for it. Idempotent."""
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _read(self) -> None:
        try:
            with suppress(OSError, ValueError):  # a runner that is killed cuts its last answer short
                while line := await self._reader.readline():
                    self._take(json.loads(line))
        finally:
            self._ended.set()
            for answer in self._asked.values():
                if not answer.done():
                    answer.set_exception(ControlRefused(_ENDED))

    def _take(self, message: dict[str, Any]) -> None:
        answer = self._asked.get(message.get("id", 0))
        if answer is None or answer.done():
            return
        if message.get("ok"):
            answer.set_result(message.get("result"))
        else:
            answer.set_exception(ControlRefused(str(message.get("error"))))


def _nobody_there(run_directory: Path, error: OSError) -> str:
    if not run_directory.is_dir():
        return f"{run_directory} is no directory\n  -> give the directory of one run, such as .tmp/runs/demo-..."
    if isinstance(error, PermissionError):
        return f"{run_directory / SOCKET_NAME} belongs to another user: only who started the run controls its network"
    return (
        f"no network of {run_directory} runs here\n"
        "  -> nomos-testing run SCENARIO.yaml --keep leaves a network up after its verdict"
    )
