"""The log of a pod, followed into the run directory from the pod's start on.

So it is there when the pod is not: deleted by somebody, lost with its machine, or while the API server is away.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from nomos_testing.cluster.interfaces import LogMark
from nomos_testing.deployers.k8s.api_errors import ApiError, NotFound
from nomos_testing.deployers.k8s.kubernetes_api import KubernetesApi
from nomos_testing.deployers.shared.log_reading import last_lines, lines_from
from nomos_testing.runtime.background import WatchTask

POD_LOG: Final = "pod.log"
"""File of a node's evidence."""
_RETRY_SECONDS: Final = 0.5
_CATCH_UP_SECONDS: Final = 10.0
_SECONDS_DIGITS: Final = len("2026-01-01T00:00:00")

_log = logging.getLogger(__name__)


class PodLog:
    """A ``LogSource``: a copy of a pod's log, up to date whenever it is read.

    Every line of the API has a time of nanoseconds before it. Lines are told apart by it, so that nothing is lost and
    nothing comes twice when the stream breaks.
    """

    def __init__(
        self,
        api: KubernetesApi,
        namespace: str,
        pod: str,
        file: Path,
        *,
        watch: WatchTask,
        keep: Callable[[str], bool] | None = None,
        listener: Callable[[str], None] = lambda line: None,
    ) -> None:
        """
        Args:
            file: the copy.
            keep: tells whether a line belongs into the copy; None: every line does.
            listener: called with each line of the copy, in their order.
        """
        self._api = api
        self._path = f"/api/v1/namespaces/{namespace}/pods/{pod}/log"
        self._pod = pod
        self._file = file
        self._watch_task = watch
        self._keep = keep
        self._listener = listener
        self._last = ""
        """Time of the last line in the copy."""
        self._following: asyncio.Task[None] | None = None

    @property
    def location(self) -> str:
        return str(self._file)

    def start(self) -> None:
        """Follow the log of a pod whose container has started. A second call does nothing."""
        if self._following is not None:
            return
        self._file.touch()
        self._following = asyncio.create_task(self._follow(), name=f"log of {self._pod}")
        self._watch_task(self._following)

    async def close(self) -> None:
        """Copy the last lines and stop following. Idempotent."""
        await self.catch_up()
        following, self._following = self._following, None
        if following is not None:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    async def catch_up(self) -> None:
        """Copy what the pod has written up to now, as far as the API server answers."""
        if self._following is None:
            return
        try:
            async with asyncio.timeout(_CATCH_UP_SECONDS):
                text = await self._api.text(self._path, **self._query())
        except (ApiError, TimeoutError) as error:
            _log.debug("the log of %s has only what came before: %s", self._pod, error)
        else:
            self._append(text.splitlines())

    async def tail(self, lines: int) -> Sequence[str]:
        await self.catch_up()
        return await asyncio.to_thread(last_lines, self._file, lines)

    async def mark(self) -> LogMark:
        await self.catch_up()
        return LogMark({self.location: self._file.stat().st_size if self._file.exists() else 0})

    async def since(self, mark: LogMark) -> Sequence[str]:
        await self.catch_up()
        return await asyncio.to_thread(lines_from, self._file, mark.positions.get(self.location, 0))

    async def _follow(self) -> None:
        while True:
            try:
                async for line in self._api.lines(self._path, follow="true", **self._query()):
                    self._append([line.decode(errors="replace")])
            except NotFound:
                return  # the pod is gone, and its log with it
            except ApiError as error:
                _log.debug("the log of %s cannot be followed at the moment: %s", self._pod, error)
            await asyncio.sleep(_RETRY_SECONDS)

    def _query(self) -> dict[str, str]:
        query = {"timestamps": "true"}
        # The API takes whole seconds; lines of the same second that are known already are left out by their time.
        return query | ({"sinceTime": f"{self._last[:_SECONDS_DIGITS]}Z"} if self._last else {})

    def _append(self, lines: Sequence[str]) -> None:
        fresh = []
        for line in lines:
            time, _, text = line.rstrip("\n").partition(" ")
            if _in_order(time) > _in_order(self._last):
                self._last = time
                if self._keep is None or self._keep(text):
                    fresh.append(f"{text}\n")
        if fresh:
            with self._file.open("a", encoding="utf-8") as file:
                file.writelines(fresh)
        for line in fresh:
            self._listener(line.removesuffix("\n"))


def _in_order(time: str) -> tuple[str, str]:
    """Return a time in a form that sorts: ``2026-01-01T00:00:00.5Z`` has fewer digits than its neighbours."""
    seconds, _, fraction = time.rstrip("Z").partition(".")
    return seconds[:_SECONDS_DIGITS], fraction.ljust(9, "0")
