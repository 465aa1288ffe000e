"""The Kubernetes API over HTTP: plain JSON in and out, every request with a deadline.

Paths are those of the API: ``/api/v1/namespaces/NAME/pods``.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, Literal, Self

import aiohttp

from nomos_testing.deployers.k8s.api_errors import ApiError, NotFound, is_final, no_answer, refused
from nomos_testing.deployers.k8s.cluster_access import IN_CLUSTER, SERVICE_ACCOUNT, ClusterAccess, open_access
from nomos_testing.surroundings import monotonic
from nomos_testing.waiting.waiting import narrated

Json = dict[str, Any]
Kind = Literal["ADDED", "MODIFIED", "DELETED"]

REQUEST_SECONDS: Final = 10.0
"""An answer to one request takes at most this long."""
PATIENCE: Final = 30.0
"""Seconds for which a request is repeated while the server is away."""
_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 5.0
_WATCH_SECONDS: Final = 240
"""A watch is opened anew after this time, so that no proxy on the way closes it first."""
_OVERLOADED: Final = frozenset(
    {
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)
"""Answers of a server, or of a balancer before it, that starts, ends or is overloaded."""
_NOT_SUCCESS: Final = 300
_CLOSE_SECONDS: Final = 2.0
_MERGE_PATCH: Final = "application/merge-patch+json"
_JSON: Final = "application/json"


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """A change of an object that is watched."""

    kind: Kind
    object: Json


@dataclass(frozen=True, slots=True)
class _Reply:
    status: int
    text: str
    pause: float
    """Seconds until the server wants to be asked again."""


class KubernetesApi:
    """A connection to the API server of a cluster."""

    def __init__(self, access: ClusterAccess, *, patience: float = PATIENCE) -> None:
        """Use a way to a cluster, which is closed with this object.

        Args:
            patience: seconds for which a request is repeated while the server is away or overloaded.
        """
        self._access, self._patience = access, patience

    @classmethod
    async def connect(
        cls,
        environ: Mapping[str, str],
        *,
        context: str | None = None,
        timeout: float = 15.0,
        patience: float = PATIENCE,
        service_account: Path = SERVICE_ACCOUNT,
    ) -> Self:
        """Find the cluster, sign in and ask the API server for its version.

        Args:
            environ: has ``KUBECONFIG``, or ``HOME`` with ``.kube/config``, or what a pod has.
            context: the context of the kubeconfig; its current one by default.
            timeout: seconds for all of it.

        Raises:
            ClusterUnavailable: nothing says where a cluster is.
            ApiError: the kubeconfig can't be used, signing in fails, or the server refuses or does not answer.
        """
        access: ClusterAccess | None = None
        try:
            async with narrated("the API server of the cluster", limit=timeout), asyncio.timeout(timeout):
                access = await open_access(environ, context=context, service_account=service_account)
                api = cls(access, patience=0.0)
                await api.get("/version")
        except BaseException as error:
            if access is not None:
                await access.close()
            if not isinstance(error, TimeoutError):
                raise
            if access is None:
                raise ApiError(
                    f"signing in to the cluster takes longer than {timeout:.0f} s",
                    remedy="sign in by hand first; `kubectl auth whoami` tests it",
                ) from None
            raise no_answer("GET", "/version", access.server, error, waited=timeout) from None
        api._patience = patience
        return api

    async def close(self) -> None:
        await self._access.close()

    @property
    def server(self) -> str:
        """URL of the API server."""
        return self._access.server

    @property
    def context(self) -> str:
        """Name of the context, or ``in-cluster``."""
        return self._access.context

    @property
    def in_cluster(self) -> bool:
        """Whether this process runs in a pod of the cluster."""
        return self.context == IN_CLUSTER

    @property
    def namespace(self) -> str | None:
        """The default namespace of the context."""
        return self._access.namespace

    @property
    def session(self) -> aiohttp.ClientSession:
        """The session that signs requests to the server, for ``proxy_url``."""
        return self._access.session

    async def get(self, path: str, **query: str) -> Json:
        return _parsed(await self._request("GET", path, query=query))

    async def find(self, path: str) -> Json | None:
        """Return an object; None if it does not exist."""
        try:
            return await self.get(path)
        except NotFound:
            return None

    async def create(self, path: str, manifest: Mapping[str, Any]) -> Json:
        """Create an object below a path and return it as the server completed it.

        Raises:
            Conflict: it existed before.
        """

        async def made_before() -> str | None:
            """Return the object of an attempt whose answer was lost."""
            wanted = manifest.get("metadata", {})
            if not wanted.get("labels") or not wanted.get("name"):
                return None
            found = await self._request("GET", f"{path}/{wanted['name']}")
            labels = _parsed(found)["metadata"].get("labels", {})
            return found if wanted["labels"].items() <= labels.items() else None

        return _parsed(await self._request("POST", path, body=manifest, made_before=made_before))

    async def patch(self, path: str, patch: Mapping[str, Any]) -> Json:
        """Change an object by a merge patch (RFC 7386) and return it."""
        return _parsed(await self._request("PATCH", path, body=patch, content=_MERGE_PATCH))

    async def delete(self, path: str, *, grace: int | None = None) -> None:
        """Delete an object, and in the background what belongs to it. Does nothing if it is gone.

        Args:
            grace: seconds that a pod gets to end; its own number by default.
        """
        try:
            await self._request("DELETE", path, body=_deletion(grace))
        except NotFound:
            return

    async def delete_all(self, path: str, *, label_selector: str, grace: int | None = None) -> None:
        """Delete the objects of a collection that have labels."""
        if path.endswith("/services"):  # old servers can't delete a collection of these
            found = await self.get(path, labelSelector=label_selector)
            names = [item["metadata"]["name"] for item in found["items"]]
            await asyncio.gather(*(self.delete(f"{path}/{name}", grace=grace) for name in names))
        else:
            await self._request("DELETE", path, query={"labelSelector": label_selector}, body=_deletion(grace))

    async def text(self, path: str, **query: str) -> str:
        """Return an answer that is no JSON, such as a log."""
        return await self._request("GET", path, query=query)

    async def lines(self, path: str, **query: str) -> AsyncGenerator[bytes, None]:
        """Return the lines of a streamed answer as they come, without their ends. There may be minutes between two.

        Raises:
            ApiError: the server refuses, or the stream breaks (``ApiUnreachable``).
        """
        async with self._streamed(path, query, answer_seconds=None) as answer:
            async for line in _lines(answer):
                yield line

    def watch(
        self, path: str, *, label_selector: str = "", outage: Callable[[str | None], None] = lambda _: None
    ) -> AsyncIterator[WatchEvent]:
        """Return the objects of a collection as ``ADDED``, and then their changes, without an end.

        Args:
            outage: called with the reason once the server is away, and with None once it answers again.

        Raises:
            ApiError: the server refuses.
        """
        return _Watch(self, path, label_selector, outage).events()

    async def upgrade(
        self, path: str, query: Sequence[tuple[str, str]], protocols: Sequence[str]
    ) -> aiohttp.ClientWebSocketResponse:
        """Open a websocket. Its ``protocol`` is the one of ``protocols`` that the server chose.

        Raises:
            ApiError: the server refuses or does not answer.
        """
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                return await self.session.ws_connect(
                    self.server + path,
                    params=list(query),
                    protocols=protocols,
                    max_msg_size=0,
                    timeout=aiohttp.ClientWSTimeout(ws_close=_CLOSE_SECONDS),
                )
        except aiohttp.WSServerHandshakeError as error:
            status = error.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise no_answer("GET", path, self.server, error) from error
        raise await self._refused_upgrade(path, query, status)

    def proxy_url(self, namespace: str, pod: str, port: int) -> str:
        """Return the URL of the API server's proxy to a port of a pod."""
        return f"{self.server}/api/v1/namespaces/{namespace}/pods/{pod}:{port}/proxy"

    async def _refused_upgrade(self, path: str, query: Sequence[tuple[str, str]], status: int) -> ApiError:
        """Return the error for a refused websocket, with the words that the server has for a plain request.

        A handshake that fails leaves no body to read. The plain request runs nothing: it is refused in any case.
        """
        reply = await self._exchange("GET", path, list(query), None, _JSON)
        if reply.status == status:
            return self._refused("GET", path, status, reply.text)
        return ApiError(
            f"GET {path}: the websocket is refused with {status}",
            status=status,
            remedy="use a newer API server, or a way to it without a proxy that knows no websockets",
        )

    def _refused(self, method: str, path: str, status: int, text: str) -> ApiError:
        remedy = self._access.unauthorized_remedy() if status == HTTPStatus.UNAUTHORIZED else None
        return (
            refused(method, path, status, text)
            if remedy is None
            else refused(method, path, status, text, unauthorized=remedy)
        )

    async def _request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        content: str = _JSON,
        made_before: Callable[[], Any] | None = None,
    ) -> str:
        """Return the text of a success. Repeat the request while the server is away or overloaded.

        Args:
            made_before: returns the object if an earlier attempt of this request has made it.
        """
        started, attempts = monotonic(), 0
        seen = "nothing yet"
        async with narrated(f"the API server: {method} {path}", lambda: seen, limit=self._patience or None):
            while True:
                attempts += 1
                waited = monotonic() - started
                try:
                    reply = await self._exchange(method, path, list((query or {}).items()), body, content)
                except (aiohttp.ClientError, TimeoutError, OSError) as error:
                    seen, pause = str(error) or type(error).__name__, _PAUSE
                    if is_final(error) or waited + pause >= self._patience:
                        raise no_answer(
                            method, path, self.server, error, waited=waited if attempts > 1 else None
                        ) from error
                else:
                    if reply.status < _NOT_SUCCESS:
                        return reply.text
                    failure, pause = self._refused(method, path, reply.status, reply.text), reply.pause
                    seen = failure.message
                    if reply.status == HTTPStatus.CONFLICT and attempts > 1 and made_before is not None:
                        if (made := await made_before()) is not None:
                            return str(made)
                        raise failure
                    if reply.status not in _OVERLOADED or waited + pause >= self._patience:
                        raise failure
                await asyncio.sleep(pause)

    async def _exchange(
        self, method: str, path: str, query: list[tuple[str, str]], body: Mapping[str, Any] | None, content: str
    ) -> _Reply:
        data, headers = (None, {}) if body is None else (json.dumps(body), {"Content-Type": content})
        headers["Accept"] = f"{_JSON}, */*"
        timeout = aiohttp.ClientTimeout(total=REQUEST_SECONDS)
        request = self.session.request(
            method, self.server + path, params=query, data=data, headers=headers, timeout=timeout, allow_redirects=False
        )
        async with request as answer:
            text = (await answer.read()).decode(errors="replace")
            return _Reply(answer.status, text, _pause(answer.headers.get("Retry-After")))

    @asynccontextmanager
    async def _streamed(
        self, path: str, query: Mapping[str, str], *, answer_seconds: float | None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Open an answer that has no end. ``answer_seconds``: the deadline of its head."""
        timeout = aiohttp.ClientTimeout(total=None, connect=REQUEST_SECONDS, sock_connect=REQUEST_SECONDS)
        try:
            async with asyncio.timeout(answer_seconds):
                answer = await self.session.get(
                    self.server + path, params=query, timeout=timeout, allow_redirects=False
                )
            async with answer:
                if answer.status >= _NOT_SUCCESS:
                    text = (await answer.read()).decode(errors="replace")
                    raise self._refused("GET", path, answer.status, text)
                yield answer
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise no_answer("GET", path, self.server, error) from error


class _Watch:
    """A list, and then the stream of its changes from there; again from the list if the server has forgotten them."""

    def __init__(
        self, api: KubernetesApi, path: str, label_selector: str, outage: Callable[[str | None], None]
    ) -> None:
        self._api, self._path, self._outage = api, path, outage
        self._selection = {"labelSelector": label_selector} if label_selector else {}
        self._known: dict[str, Json] = {}
        self._version: str | None = None
        self._listed_once = False
        self._away = False

    async def events(self) -> AsyncGenerator[WatchEvent, None]:
        while True:
            try:
                if self._version is None:
                    for event in await self._listed():
                        yield event
                async for event in self._changes():
                    yield event
            except ApiError as error:
                if error.status == HTTPStatus.GONE:
                    self._version = None
                    continue
                # A server that starts refuses what it allows once it has read its rules: only the first answer counts.
                if not self._listed_once and error.status is not None and error.status not in _OVERLOADED:
                    raise
                self._note_outage(error.message)
                await asyncio.sleep(_PAUSE)

    async def _listed(self) -> list[WatchEvent]:
        try:
            reply = await self._api._exchange("GET", self._path, list(self._selection.items()), None, _JSON)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise no_answer("GET", self._path, self._api.server, error) from error
        if reply.status >= _NOT_SUCCESS:
            raise self._api._refused("GET", self._path, reply.status, reply.text)
        self._note_outage(None)
        self._listed_once = True
        answer = _parsed(reply.text)
        now = {item["metadata"]["uid"]: item for item in answer["items"]}
        before, self._known, self._version = self._known, now, answer["metadata"]["resourceVersion"]
        gone = [WatchEvent("DELETED", item) for uid, item in before.items() if uid not in now]
        return gone + [
            WatchEvent("MODIFIED" if uid in before else "ADDED", item)
            for uid, item in now.items()
            if uid not in before or _version(before[uid]) != _version(item)
        ]

    async def _changes(self) -> AsyncGenerator[WatchEvent, None]:
        assert self._version is not None
        query = {
            **self._selection,
            "watch": "true",
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(_WATCH_SECONDS),
            "resourceVersion": self._version,
        }
        started, came = monotonic(), False
        async with self._api._streamed(self._path, query, answer_seconds=REQUEST_SECONDS) as answer:
            self._note_outage(None)
            async for line in _lines(answer):
                came = True
                change = _parsed(line.decode(errors="replace"))
                kind, found = change["type"], change["object"]
                if kind == "ERROR":
                    status = int(found.get("code") or HTTPStatus.INTERNAL_SERVER_ERROR)
                    raise self._api._refused("GET", self._path, status, json.dumps(found))
                self._version = _version(found)
                if kind == "BOOKMARK":
                    continue
                if kind == "DELETED":
                    self._known.pop(found["metadata"]["uid"], None)
                else:
                    self._known[found["metadata"]["uid"]] = found
                yield WatchEvent(kind, found)
        if not came and monotonic() - started < _PAUSE:
            await asyncio.sleep(_PAUSE)  # a server that ends each stream at once is not asked without a pause

    def _note_outage(self, reason: str | None) -> None:
        """Tell of the first failure, and of the first answer after it."""
        if self._away != (reason is not None):
            self._away = reason is not None
            self._outage(reason)


async def _lines(answer: aiohttp.ClientResponse) -> AsyncGenerator[bytes, None]:
    """Split a body into lines of any length. The last one may lack its end."""
    parts: list[bytes] = []
    async for chunk in answer.content.iter_any():
        first, *others = chunk.split(b"\n")
        parts.append(first)
        for line in others:
            yield b"".join(parts)
            parts = [line]
    if any(parts):
        yield b"".join(parts)


def _version(item: Mapping[str, Any]) -> str:
    return str(item["metadata"]["resourceVersion"])


def _deletion(grace: int | None) -> Json:
    options: Json = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}
    return options if grace is None else options | {"gracePeriodSeconds": grace}


def _pause(retry_after: str | None) -> float:
    return min(float(retry_after), _LONGEST_PAUSE) if retry_after and retry_after.isdecimal() else _PAUSE


def _parsed(text: str) -> Json:
    try:
        parsed = json.loads(text)
    except ValueError:
        parsed = None
    if not isinstance(parsed, dict):
        raise ApiError(
            f"the answer is no JSON object, so this is no API server: {text[:200]!r}",
            remedy="check the server's address in the kubeconfig",
        )
    return parsed
