"""Watches the pods of a run: waits until they run, and notices at once when one ends or is deleted."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from nomos_testing.deployers.k8s.api_errors import ApiError
from nomos_testing.deployers.k8s.kubernetes_api import KubernetesApi
from nomos_testing.deployers.k8s.plan import node_name
from nomos_testing.deployers.k8s.pod_problems import PodProblem, deletion, pod_problem
from nomos_testing.deployers.shared.errors import DeployError
from nomos_testing.deployers.shared.reaper_client import RUN_LABEL
from nomos_testing.journal.events import Notice
from nomos_testing.journal.journal import Journal
from nomos_testing.runtime.background import WatchTask
from nomos_testing.surroundings import monotonic
from nomos_testing.waiting.waiting import Seen, WaitTimeout, wait_until

_POLL_SECONDS: Final = 0.2
_EVENTS_SECONDS: Final = 2.0
"""Time between two looks at the events of the namespace. They say why a pod does not start."""

Pod = Mapping[str, Any]
_log = logging.getLogger(__name__)


class PodEnded(DeployError):
    """A pod does not run, and waiting is of no use."""


class PodWatch:
    """Follows the pods of one run."""

    def __init__(self, api: KubernetesApi, namespace: str, release: str, *, journal: Journal, watch: WatchTask) -> None:
        self._api = api
        self._namespace = namespace
        self._release = release
        self._journal = journal
        self._watch_task = watch
        self._pods: dict[str, Pod] = {}
        self._gone: dict[str, str] = {}
        """Why a pod that was there does not run any more, by its name."""
        self._callbacks: dict[str, Callable[[str], None]] = {}
        self._on_start: dict[str, Callable[[], None]] = {}
        self._following: asyncio.Task[None] | None = None
        self._events: list[Mapping[str, Any]] = []
        self._events_at = 0.0

    def start(self) -> None:
        """Follow the pods from now on."""
        self._following = asyncio.create_task(self._follow(), name="watch of the pods")
        self._watch_task(self._following)

    async def close(self) -> None:
        """Stop following. Idempotent."""
        following, self._following = self._following, None
        if following is not None:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    def call_at_end(self, pod: str, ended: Callable[[str], None]) -> None:
        """Call ``ended`` with the reason when a pod ends or is deleted; at once if that has happened already."""
        self._callbacks[pod] = ended
        if pod in self._gone:
            ended(self._gone[pod])

    def call_at_start(self, pod: str, started: Callable[[], None]) -> None:
        """Call ``started`` once a pod's container has started, even if it has ended since."""
        self._on_start[pod] = started

    def pod(self, name: str) -> Pod:
        """Return the last known state of a pod that was seen running.

        Raises:
            PodEnded: it is gone.
        """
        if name not in self._pods:
            raise PodEnded(self._gone.get(name, f"there is no pod {name}"))
        return self._pods[name]

    def address(self, name: str) -> str:
        """Return the address of a pod that was seen running.

        Raises:
            PodEnded: it is gone.
        """
        return str(self.pod(name)["status"]["podIP"])

    def gone(self, name: str) -> str | None:
        """Return why a pod does not run any more; None if nothing is known against it."""
        return self._gone.get(name)

    def has_ended(self, name: str) -> bool:
        """Tell whether a pod ran and does not any more."""
        statuses = self._pods.get(name, {}).get("status", {}).get("containerStatuses", ())
        return name in self._gone or any("terminated" in status["state"] for status in statuses)

    async def running(self, names: Sequence[str], *, timeout: float) -> None:
        """Wait until all of these pods run.

        Raises:
            PodEnded: one of them can't start, or has ended; known at once, not after the timeout.
            WaitTimeout: they did not run in time; the text says which waits for what.
        """

        since = monotonic()

        async def look() -> Seen:
            waiting = [name for name in names if not _runs(self._pods.get(name))]
            if not waiting:
                return Seen(True, f"{len(names)} pods run")
            if gone := [f"{node_name(name)}: {self._gone[name]}" for name in waiting if name in self._gone]:
                raise PodEnded("\n".join(gone))
            problems = await self.problems(waiting, waited=monotonic() - since)
            if final := [problem for problem in problems if problem.final]:
                raise PodEnded("\n".join(str(problem.of(node_name(problem.pod))) for problem in final))
            told = {problem.pod: problem.what for problem in problems}
            shown = "; ".join(f"{name}: {told.get(name, _phase(self._pods.get(name)))}" for name in waiting)
            return Seen(False, f"{len(names) - len(waiting)} of {len(names)} run; {shown}")

        what = f"{len(names)} pods in namespace {self._namespace}"
        try:
            await wait_until(what, look, timeout=timeout, poll=_POLL_SECONDS)
        except WaitTimeout as error:
            late = [name for name in names if not _runs(self._pods.get(name))]
            text = f"pods {', '.join(late)} in namespace {self._namespace} did not become ready within {timeout:g} s"
            told_of = [_told(problem) for problem in await self.problems(late, waited=timeout)]
            raise PodEnded("\n".join([text, *(told_of or [error.last_seen])])) from None

    async def optional(self, name: str, *, timeout: float) -> str | None:
        """Wait until a pod runs that the run can do without. Return the reason if it does not."""

        since = monotonic()

        async def look() -> Seen:
            pod = self._pods.get(name)
            problems = await self.problems([name], waited=monotonic() - since)
            if problems and problems[0].final:
                raise PodEnded(_told(problems[0]))
            return Seen(_runs(pod), problems[0].what if problems else _phase(pod))

        try:
            await wait_until(f"the pod {name}", look, timeout=timeout, poll=_POLL_SECONDS)
        except (PodEnded, WaitTimeout) as error:
            return str(error)
        return None

    async def problems(self, names: Iterable[str], *, waited: float = 0.0) -> list[PodProblem]:
        """Return what keeps pods from running, as far as the API tells.

        Args:
            waited: seconds since the caller began to wait for them.
        """
        events = await self._recent_events()
        found = (pod_problem(self._pods[name], events, waited=waited) for name in names if name in self._pods)
        return [problem for problem in found if problem is not None]

    async def _recent_events(self) -> Sequence[Mapping[str, Any]]:
        if monotonic() - self._events_at >= _EVENTS_SECONDS:
            self._events_at = monotonic()
            try:
                answer = await self._api.get(f"/api/v1/namespaces/{self._namespace}/events")
            except ApiError as error:
                _log.debug("no events of namespace %s: %s", self._namespace, error)
            else:
                self._events = list(answer["items"])
        return self._events

    async def _follow(self) -> None:
        path = f"/api/v1/namespaces/{self._namespace}/pods"
        selector = f"{RUN_LABEL}={self._release}"
        async for event in self._api.watch(path, label_selector=selector, outage=self._note_outage):
            name = event.object["metadata"]["name"]
            _log.debug("pod %s: %s, %s", name, event.kind, _phase(event.object))
            if event.kind == "DELETED":
                self._pods.pop(name, None)
                self._note_gone(name, _told(deletion(event.object)))
            else:
                self._pods[name] = event.object
                if name in self._on_start and _has_started(event.object):
                    self._on_start.pop(name)()
                await self._look_for_end(name, event.object)

    async def _look_for_end(self, name: str, pod: Pod) -> None:
        if name in self._gone:
            return
        if "deletionTimestamp" in pod["metadata"]:
            self._note_gone(name, _told(deletion(pod)))
        elif _phase(pod) in {"Failed", "Succeeded"}:
            self._events_at = -_EVENTS_SECONDS
            problems = await self.problems([name])
            self._note_gone(name, _told(problems[0]) if problems else f"its pod {name} ended ({_phase(pod)})")

    def _note_gone(self, name: str, reason: str) -> None:
        if name in self._gone:
            return
        self._gone[name] = reason
        if (ended := self._callbacks.get(name)) is not None:
            ended(reason)

    def _note_outage(self, reason: str | None) -> None:
        if reason is None:
            self._journal.write(Notice("the API server answers again"))
        else:
            text = f"the API server does not answer ({reason}); the run goes on, its nodes do not need it"
            self._journal.write(Notice(text, "warning"))


def _runs(pod: Pod | None) -> bool:
    if pod is None or "deletionTimestamp" in pod["metadata"] or not pod["status"].get("podIP"):
        return False
    statuses = pod["status"].get("containerStatuses", ())
    return bool(statuses) and all("running" in status["state"] for status in statuses)


def _has_started(pod: Pod) -> bool:
    statuses = pod["status"].get("containerStatuses", ())
    return any({"running", "terminated"} & set(status["state"]) for status in statuses)


def _phase(pod: Pod | None) -> str:
    return "not seen yet" if pod is None else str(pod["status"].get("phase", "no phase"))


def _told(problem: PodProblem) -> str:
    return f"{problem.what}\n  -> {problem.remedy}" if problem.remedy else problem.what
