"""The client of the Kubernetes API, against a server on loopback that fails as it is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from nomos_testing.deployers.k8s import kubernetes_api
from nomos_testing.deployers.k8s.api_errors import ApiError, ApiUnreachable, Conflict, Forbidden, NotFound
from nomos_testing.deployers.k8s.kubernetes_api import KubernetesApi, WatchEvent
from support.fakes.fake_kubernetes import FakeKubernetes, Fault, fake_kubernetes

PODS = "/api/v1/namespaces/n/pods"
SERVICES = "/api/v1/namespaces/n/services"
_ARRIVES = 20.0
"""Seconds within which what was caused must come."""


@asynccontextmanager
async def connected(directory: Path, *, patience: float = 30.0) -> AsyncIterator[tuple[KubernetesApi, FakeKubernetes]]:
    async with fake_kubernetes() as server:
        api = await KubernetesApi.connect(server.kubeconfig(directory), patience=patience)
        try:
            yield api, server
        finally:
            await api.close()


def pod(name: str, **labels: str) -> dict[str, object]:
    return {"kind": "Pod", "metadata": {"name": name, "labels": labels}}


async def test_an_object_is_made_found_changed_and_deleted(tmp_path: Path) -> None:
    async with connected(tmp_path) as (api, server):
        assert (api.server, api.context, api.namespace, api.in_cluster) == (server.url, "fake", "its-own", False)
        assert await api.find(f"{PODS}/a") is None
        assert (await api.create(PODS, pod("a", keep="1", drop="1")))["metadata"]["resourceVersion"]
        await api.patch(f"{PODS}/a", {"metadata": {"labels": {"drop": None}}})
        assert (await api.get(f"{PODS}/a"))["metadata"]["labels"] == {"keep": "1"}
        await api.delete(f"{PODS}/a", grace=0)
        await api.delete(f"{PODS}/a")
        with pytest.raises(NotFound, match=r"GET /api/v1/namespaces/n/pods/a: 404 NotFound"):
            await api.get(f"{PODS}/a")


@pytest.mark.parametrize("collection", [PODS, SERVICES])
async def test_only_the_selected_objects_of_a_collection_are_deleted(tmp_path: Path, collection: str) -> None:
    async with connected(tmp_path) as (api, server):
        for name, run in (("a", "1"), ("b", "1"), ("c", "2")):
            await api.create(collection, pod(name, run=run))
        await api.delete_all(collection, label_selector="run=1")
        assert set(server.objects) == {f"{collection}/c"}


async def test_a_second_object_of_a_name_is_a_conflict(tmp_path: Path) -> None:
    async with connected(tmp_path) as (api, _):
        await api.create(PODS, pod("a", run="1"))
        with pytest.raises(Conflict, match="AlreadyExists"):
            await api.create(PODS, pod("a", run="1"))


async def test_an_object_whose_answer_was_lost_counts_as_made(tmp_path: Path) -> None:
    async with connected(tmp_path) as (api, server):
        server.faults.append(Fault("POST", after_effect=True))
        made = await api.create(PODS, pod("a", run="1"))
        assert made == server.objects[f"{PODS}/a"]


async def test_an_object_of_somebody_else_does_not_count_as_made(tmp_path: Path) -> None:
    async with connected(tmp_path) as (api, server):
        server.put(f"{PODS}/a", pod("a", run="theirs"))
        server.faults.append(Fault("POST"))
        with pytest.raises(Conflict):
            await api.create(PODS, pod("a", run="1"))


@pytest.mark.parametrize("fault", [Fault("GET", 429), Fault("GET", 503), Fault("GET", 500), Fault("GET")])
async def test_a_request_is_repeated(tmp_path: Path, fault: Fault) -> None:
    async with connected(tmp_path) as (api, server):
        server.put(f"{PODS}/a", pod("a"))
        server.faults += [fault, fault]
        assert (await api.get(f"{PODS}/a"))["metadata"]["name"] == "a"
        assert not server.faults


async def test_a_request_waits_for_a_server_that_comes_back(tmp_path: Path) -> None:
    async with connected(tmp_path) as (api, server):
        server.put(f"{PODS}/a", pod("a"))
        await server.stop()
        asking = asyncio.create_task(api.get(f"{PODS}/a"))
        done, _ = await asyncio.wait({asking}, timeout=0.3)
        assert not done
        await server.start()
        async with asyncio.timeout(_ARRIVES):
            assert (await asking)["metadata"]["name"] == "a"


async def test_an_overloaded_server_has_the_last_word(tmp_path: Path) -> None:
    async with connected(tmp_path, patience=1.0) as (api, server):
        server.faults += [Fault("GET", 503, "etcd has no leader") for _ in range(100)]
        with pytest.raises(ApiError, match=r"503 .*etcd has no leader\n  -> the cluster starts or is overloaded"):
            await api.get(PODS)


async def test_a_server_that_stays_away_is_named_with_the_remedy(tmp_path: Path) -> None:
    async with connected(tmp_path, patience=1.0) as (api, server):
        await server.stop()
        with pytest.raises(ApiUnreachable, match=r"refuses connections: nothing listens there\n  -> start the cluster"):
            await api.get(PODS)


async def test_a_silent_server_is_not_waited_for_longer_than_the_deadline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kubernetes_api, "REQUEST_SECONDS", 0.2)
    async with connected(tmp_path, patience=0.5) as (api, server):
        server.silent = True
        async with asyncio.timeout(_ARRIVES):
            with pytest.raises(ApiUnreachable, match=r"no answer in time\n  -> check that the cluster runs"):
                await api.get(PODS)


async def test_a_refusal_is_not_repeated_and_names_the_manifest_that_helps(tmp_path: Path) -> None:
    async with connected(tmp_path) as (api, server):
        words = 'pods is forbidden: User "u" cannot list resource "pods" in API group "" in the namespace "n"'
        server.faults += [Fault("GET", 403, words)]
        with pytest.raises(Forbidden, match=r"deploy/k8s/rbac\.yaml") as caught:
            await api.get(PODS)
        assert caught.value.message == words
        assert (await api.get(PODS))["items"] == []


async def test_an_answer_that_is_no_json_is_named(tmp_path: Path) -> None:
    async with connected(tmp_path) as (api, server):
        server.texts[PODS] = [b"<html>"]
        with pytest.raises(ApiError, match="no API server: '<html>'"):
            await api.get(PODS)


async def test_lines_come_whole_whatever_their_length(tmp_path: Path) -> None:
    async with connected(tmp_path) as (api, server):
        long = b"x" * 5_000_000
        server.texts[f"{PODS}/a/log"] = [b"on", b"e\ntwo\n\n", long, b"\nlast"]
        assert [line async for line in api.lines(f"{PODS}/a/log")] == [b"one", b"two", b"", long, b"last"]
        assert await api.text(f"{PODS}/a/log") == f"one\ntwo\n\n{long.decode()}\nlast"


async def test_a_stream_that_breaks_says_so(tmp_path: Path) -> None:
    async with connected(tmp_path) as (api, server):
        server.texts[f"{PODS}/a/log"] = [b"one\n"]
        server.breaks_streams = True
        with pytest.raises(ApiUnreachable):
            assert [line async for line in api.lines(f"{PODS}/a/log")]
        with pytest.raises(NotFound):
            assert [line async for line in api.lines(f"{PODS}/b/log")]


class Watching:
    """Collects what a watch tells."""

    def __init__(self, api: KubernetesApi, selector: str = "") -> None:
        self.seen: list[tuple[str, str]] = []
        self.outages: list[str | None] = []
        self._told = asyncio.Event()
        self._task = asyncio.create_task(self._collect(api, selector))

    async def until(self, what: str, reached: Callable[[], bool]) -> None:
        try:
            async with asyncio.timeout(_ARRIVES):
                while not reached():
                    self._told.clear()
                    await self._told.wait()
        except TimeoutError:
            pytest.fail(f"no {what}: {self.seen}, {self.outages}")

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _collect(self, api: KubernetesApi, selector: str) -> None:
        async for event in api.watch(PODS, label_selector=selector, outage=self._outage):
            self._note(event)

    def _note(self, event: WatchEvent) -> None:
        self.seen.append((event.kind, event.object["metadata"]["name"]))
        self._told.set()

    def _outage(self, reason: str | None) -> None:
        self.outages.append(reason)
        self._told.set()


async def test_a_watch_tells_of_what_is_there_and_of_each_change(tmp_path: Path) -> None:
    async with connected(tmp_path) as (api, server):
        server.put(f"{PODS}/a", pod("a", run="1"))
        watching = Watching(api, "run=1")
        await watching.until("first list", lambda: watching.seen == [("ADDED", "a")])
        server.put(f"{PODS}/other", pod("other", run="2"))
        server.put(f"{PODS}/a", pod("a", run="1"))
        server.put(f"{PODS}/b", pod("b", run="1"))
        server.remove(f"{PODS}/a")
        changes = [("ADDED", "a"), ("MODIFIED", "a"), ("ADDED", "b"), ("DELETED", "a")]
        await watching.until("changes", lambda: watching.seen == changes)
        assert watching.outages == []
        await watching.stop()


async def test_a_watch_that_the_server_has_forgotten_starts_from_the_list(tmp_path: Path) -> None:
    async with connected(tmp_path) as (api, server):
        server.put(f"{PODS}/a", pod("a"))
        server.put(f"{PODS}/b", pod("b"))
        watching = Watching(api)
        await watching.until("first list", lambda: len(watching.seen) == 2)
        server.remove(f"{PODS}/a")
        server.put(f"{PODS}/c", pod("c"))
        server.forget()
        await watching.until("the rest", lambda: {("DELETED", "a"), ("ADDED", "c")} <= set(watching.seen))
        assert watching.seen.count(("ADDED", "b")) == 1
        assert watching.outages == []
        await watching.stop()


async def test_a_watch_tells_once_that_the_server_is_away_and_misses_nothing(tmp_path: Path) -> None:
    async with connected(tmp_path) as (api, server):
        server.put(f"{PODS}/a", pod("a"))
        watching = Watching(api)
        await watching.until("first list", lambda: bool(watching.seen))
        await server.stop()
        await watching.until("outage", lambda: bool(watching.outages))
        server.remove(f"{PODS}/a")
        await server.start()
        await watching.until("change from during the outage", lambda: ("DELETED", "a") in watching.seen)
        assert len(watching.outages) == 2
        assert watching.outages[0]
        assert watching.outages[1] is None
        await watching.stop()


async def test_a_watch_that_is_not_allowed_ends(tmp_path: Path) -> None:
    async with connected(tmp_path) as (api, server):
        server.faults.append(Fault("GET", 403, "not you"))
        with pytest.raises(Forbidden, match="not you"):
            async with asyncio.timeout(_ARRIVES):
                await anext(api.watch(PODS))


async def test_a_watch_outlives_the_refusals_of_a_server_that_starts(tmp_path: Path) -> None:
    async with connected(tmp_path) as (api, server):
        server.put(f"{PODS}/a", pod("a"))
        watching = Watching(api)
        await watching.until("first list", lambda: bool(watching.seen))
        server.faults.append(Fault("GET", 403, "the rules are not read yet"))
        await server.stop()
        await server.start()
        server.put(f"{PODS}/b", pod("b"))
        await watching.until("change", lambda: ("ADDED", "b") in watching.seen)
        assert not server.faults
        await watching.stop()
