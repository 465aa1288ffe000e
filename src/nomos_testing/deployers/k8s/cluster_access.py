"""The way to a cluster: its address, its certificates and credentials that stay fresh.

kubernetes-asyncio reads kubeconfigs and service accounts, and signs in with tokens, plugins and OIDC.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import yaml
from aiohttp import ClientHandlerType, ClientRequest, ClientResponse
from yarl import URL

from nomos_testing.deployers.k8s.api_errors import ApiError, ClusterUnavailable
from nomos_testing.deployers.k8s.certificates import expiry_of
from nomos_testing.surroundings import THIS_MACHINE, Surroundings, monotonic

if TYPE_CHECKING:
    from kubernetes_asyncio.client import Configuration
    from kubernetes_asyncio.config.kube_config import KubeConfigLoader

IN_CLUSTER: Final = "in-cluster"
SERVICE_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_FRESH_SECONDS: Final = 60.0
"""Credentials that can expire are looked at again after this time."""
_KEEPALIVE_SECONDS: Final = 15
_KEEPALIVE_PROBES: Final = 4
"""A peer that vanished without a word is noticed after about a minute, also on a stream that is silent by nature."""
_READ_BUFFER: Final = 2 * 1024 * 1024
_CHOOSE: Final = "name one of them in K8S_CONTEXT, or run `kubectl config use-context NAME`"


class ClusterAccess:
    """A session with a cluster. It signs each request, and signs in again where the server refuses it.

    Attributes:
        server: URL of the API server.
        context: name of the context, or ``in-cluster``.
        namespace: the default namespace of the context.
        session: carries credentials and TLS in each request to the server.
    """

    def __init__(
        self,
        configuration: Configuration,
        sign_in: Callable[[bool], Awaitable[None]],
        expires: Callable[[], bool],
        *,
        context: str,
        namespace: str | None,
    ) -> None:
        """Open the session.

        Args:
            sign_in: puts credentials into ``configuration``: others than before if the argument is true.
            expires: tells whether the credentials have an end that is known.
        """
        self.server = str(configuration.host).rstrip("/")
        self.context = context
        self.namespace = namespace
        self._configuration, self._sign_in, self._expires = configuration, sign_in, expires
        self._signed_in_at = monotonic()
        self._signing_in = asyncio.Lock()
        self._origin = URL(self.server).origin()
        self._tls = _tls_context(configuration) if self.server.startswith("https") else None
        self.session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=self._tls or True, socket_factory=_kept_alive),
            read_bufsize=_READ_BUFFER,
            trust_env=True,
            proxy=configuration.proxy,
            middlewares=(self._signed,),
        )

    async def close(self) -> None:
        await self.session.close()

    async def headers(self) -> dict[str, str]:
        """Return the header with the credentials; nothing for client certificates."""
        if self._expires() and monotonic() - self._signed_in_at > _FRESH_SECONDS:
            await self._sign_in_again(others=False)
        token = self._configuration.api_key.get("BearerToken")
        return {"Authorization": token} if token else {}

    def unauthorized_remedy(self, surroundings: Surroundings = THIS_MACHINE) -> str | None:
        """Return the remedy if the client certificate has expired: the server only says "Unauthorized"."""
        file = self._configuration.cert_file
        end = expiry_of(Path(file)) if file else None
        if end is None or end > surroundings.utc():
            return None
        return (
            f"the client certificate of the context {self.context} expired at {end:%Y-%m-%d %H:%M:%S} UTC: "
            "get a new kubeconfig from the cluster's administrator (with kubeadm: `kubeadm certs renew admin.conf`)"
        )

    async def _signed(self, request: ClientRequest, send: ClientHandlerType) -> ClientResponse:
        if request.url.origin() != self._origin:
            return await send(request)  # a pod may redirect to any place, which must not see the credentials
        if (name := self._configuration.tls_server_name) is not None:
            request.server_hostname = name
        request.headers.update(await self.headers())
        answer = await send(request)
        if answer.status != HTTPStatus.UNAUTHORIZED or not await self._renewed(request.headers.get("Authorization")):
            return answer
        answer.release()
        request.headers.update(await self.headers())
        return await send(request)

    async def _renewed(self, refused: str | None) -> bool:
        """Sign in again, and tell whether that gave other credentials than those that were refused."""
        async with self._signing_in:
            if (await self.headers()).get("Authorization") == refused:
                await self._sign_in_again(others=True)
        return (await self.headers()).get("Authorization") != refused

    async def _sign_in_again(self, *, others: bool) -> None:
        self._signed_in_at = monotonic()
        await self._sign_in(others)
        if self._tls is not None and self._configuration.cert_file:
            self._tls.load_cert_chain(self._configuration.cert_file, self._configuration.key_file)


async def open_access(
    environ: Mapping[str, str], *, context: str | None = None, service_account: Path = SERVICE_ACCOUNT
) -> ClusterAccess:
    """Find the cluster: by ``KUBECONFIG``, else ``~/.kube/config``, else the service account of this pod.

    Raises:
        ClusterUnavailable: none of the three is there.
        ApiError: the kubeconfig can't be used, or signing in fails.
    """
    if files := _kubeconfigs(environ):
        return await _from_kubeconfig(files, context)
    if environ.get("KUBERNETES_SERVICE_HOST") and (service_account / "token").exists():
        return await _from_service_account(environ, service_account)
    configured = environ.get("KUBECONFIG")
    what = f"KUBECONFIG={configured}" if configured else f"KUBECONFIG is not set, and {_default_kubeconfig(environ)}"
    raise ClusterUnavailable(f"{what} does not exist, and this process does not run in a pod")


def _kubeconfigs(environ: Mapping[str, str]) -> list[Path]:
    """Return the files that exist. Those that ``KUBECONFIG`` names are read as one."""
    configured = environ.get("KUBECONFIG") or str(_default_kubeconfig(environ))
    named = [Path(name).expanduser() for name in configured.split(os.pathsep) if name]
    return [file for file in named if file.exists()]


def _default_kubeconfig(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("HOME") or Path.home()) / ".kube/config"


async def _from_service_account(environ: Mapping[str, str], directory: Path) -> ClusterAccess:
    from kubernetes_asyncio.client import Configuration
    from kubernetes_asyncio.config import ConfigException
    from kubernetes_asyncio.config.incluster_config import InClusterConfigLoader

    configuration = Configuration()

    async def sign_in(others: bool) -> None:
        try:
            loader = InClusterConfigLoader(
                token_filename=str(directory / "token"),
                cert_filename=str(directory / "ca.crt"),
                try_refresh_token=False,
                environ=dict(environ),
            )
            loader.load_and_set(configuration)
        except (ConfigException, OSError) as error:
            raise ApiError(
                f"the service account in {directory} can't be used: {error}",
                remedy="set `automountServiceAccountToken: true` in the pod, or give KUBECONFIG",
            ) from error

    await sign_in(False)
    file = directory / "namespace"
    namespace = file.read_text(encoding="utf-8").strip() if file.exists() else None
    return ClusterAccess(configuration, sign_in, lambda: True, context=IN_CLUSTER, namespace=namespace)


async def _from_kubeconfig(files: list[Path], context: str | None) -> ClusterAccess:
    from kubernetes_asyncio.client import Configuration

    shown = os.pathsep.join(map(str, files))
    loader = _loader(files, shown, context)
    configuration = Configuration()

    async def sign_in(others: bool) -> None:
        if others and hasattr(loader, "exec_plugin_expiry"):
            del loader.exec_plugin_expiry  # the library keeps a token until its end, also one that is refused
        try:
            await _load(loader, configuration, shown)
        finally:
            _remove_key_files()

    await _load(loader, configuration, shown)
    if not str(configuration.host).startswith(("http://", "https://")):
        raise _unusable(shown, f"the server {configuration.host!r} is no URL")
    chosen: dict[str, Any] = loader.current_context or {}
    try:
        return ClusterAccess(
            configuration,
            sign_in,
            lambda: _expires(loader),
            context=chosen["name"],
            namespace=chosen["context"].get("namespace"),
        )
    except (ssl.SSLError, OSError) as error:
        raise _unusable(shown, f"its certificates or keys can't be read: {error}") from error
    finally:
        _remove_key_files()


def _remove_key_files() -> None:
    """Remove the files that the library writes keys to. It does so when the process exits, which a killed one does not.

    They have been read by then.
    """
    from kubernetes_asyncio.config import kube_config

    kube_config._cleanup_temp_files()


def _loader(files: list[Path], shown: str, context: str | None) -> KubeConfigLoader:
    from kubernetes_asyncio.config import ConfigException
    from kubernetes_asyncio.config.kube_config import KubeConfigLoader, KubeConfigMerger

    try:
        merger = KubeConfigMerger(os.pathsep.join(map(str, files)))
        merged = merger.config.value if merger.config is not None else {}
        names = [entry["name"] for entry in merged["contexts"]]
    except OSError as error:
        raise _unusable(shown, f"it can't be read: {error.strerror}", "make it readable for this user") from error
    except (ConfigException, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise _unusable(shown, f"it is no kubeconfig: {' '.join(str(error).split())}") from error
    if not names:
        raise ClusterUnavailable(f"the kubeconfig {shown} has no contexts")
    wanted = context or merged.get("current-context")
    if wanted not in names:
        what = f"has no context {wanted!r}" if wanted else "selects no context"
        raise ApiError(f"the kubeconfig {shown} {what}; it has {', '.join(sorted(names))}", remedy=_CHOOSE)
    try:
        return KubeConfigLoader(
            config_dict=merger.config,
            config_base_path=None,
            active_context=wanted,
            config_persister=lambda _: merger.save_changes(),
        )
    except ConfigException as error:
        raise _unusable(shown, str(error)) from error


async def _load(loader: KubeConfigLoader, configuration: Configuration, shown: str) -> None:
    """Sign in, and put the credentials into ``configuration``."""
    from kubernetes_asyncio.config import ConfigException

    plugin = _plugin(loader)
    try:
        await loader.load_and_set(configuration)
    except FileNotFoundError as error:
        if plugin is None or plugin["command"] != error.filename:
            raise _unusable(shown, str(error)) from error
        hint = plugin.get("installHint")
        raise ApiError(
            f"the kubeconfig {shown} signs in with the program {error.filename}, which is not installed",
            remedy=" ".join((hint or f"install {error.filename}, and put it on PATH").split()),
        ) from error
    except Exception as error:  # the library raises whatever its parts do: sign-in over HTTP, base 64, JSON, programs
        if loader._user is None:
            remedy = "give the context a user: `kubectl config set-context NAME --user=USER`"
            raise _unusable(shown, "the user of its context is not in it", remedy) from error
        if plugin is None:
            kind = "" if isinstance(error, ConfigException) else f"{type(error).__name__}: "
            raise _unusable(shown, f"{kind}{error}") from error
        raise ApiError(
            f"signing in with the program {plugin['command']} failed: {error}",
            remedy="run the program by hand, and sign in as it asks",
        ) from error


def _plugin(loader: KubeConfigLoader) -> dict[str, Any] | None:
    user = loader._user
    plugin: dict[str, Any] | None = user.value.get("exec") if user is not None else None
    return plugin


def _expires(loader: KubeConfigLoader) -> bool:
    """Tell whether looking again may give other credentials. A plugin that names no end is asked after a refusal."""
    if _plugin(loader) is not None:
        return hasattr(loader, "exec_plugin_expiry")
    return loader.provider is not None or (loader._user is not None and "tokenFile" in loader._user)


def _unusable(shown: str, why: str, remedy: str = "correct it; `kubectl config view` shows how it is read") -> ApiError:
    return ApiError(f"the kubeconfig {shown} can't be used: {why}", remedy=remedy)


def _tls_context(configuration: Configuration) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
    # Authorities of clusters often lack extensions that only Python 3.13 asks for.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if configuration.cert_file:
        context.load_cert_chain(configuration.cert_file, configuration.key_file)
    if not configuration.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _kept_alive(address: tuple[Any, ...]) -> socket.socket:
    family, kind, protocol, _, _ = address
    made = socket.socket(family, kind, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (
        ("TCP_KEEPIDLE", _KEEPALIVE_SECONDS),
        ("TCP_KEEPINTVL", _KEEPALIVE_SECONDS),
        ("TCP_KEEPCNT", _KEEPALIVE_PROBES),
    ):
        if hasattr(socket, option):  # names of Linux
            made.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
    return made
