"""Errors of the Kubernetes API. Each says the request, the server's words and the remedy.

- ``ClusterUnavailable``: nothing here says where a cluster is
- ``ApiError``: the base of the others, and each answer that is no success
  - ``NotFound``, ``Forbidden``, ``Conflict``: answers that callers tell apart
  - ``ApiUnreachable``: the server does not answer
"""

from __future__ import annotations

import errno
import json
import ssl
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

import aiohttp

from nomos_testing.deployers.shared.errors import DeployError, DeployerUnavailable, Problem

_KUBECONFIG: Final = "the kubeconfig (variable KUBECONFIG, else ~/.kube/config)"
_SIGN_IN: Final = f"sign in again, and check the user of the context in {_KUBECONFIG}; `kubectl auth whoami` tests it"
_CERTIFICATE_EXPIRED: Final = 10
_HOST_NAME_MISMATCH: Final = 62
_IP_ADDRESS_MISMATCH: Final = 64
"""Codes of OpenSSL's verification."""


class ClusterUnavailable(DeployerUnavailable):
    """There is no Kubernetes cluster to deploy on. Nothing was tried."""

    def __init__(self, why: str) -> None:
        super().__init__(f"Kubernetes cluster unavailable ({why})")


class ApiError(DeployError):
    """The API server refused a request, or there is no way to it.

    Attributes:
        status: the HTTP status; None without an answer.
        reason: the reason of the server's Status object: ``AlreadyExists``.
        message: the server's words.
        remedy: advice; empty if the error is the caller's to explain.
    """

    def __init__(
        self, text: str, *, status: int | None = None, reason: str = "", message: str = "", remedy: str = ""
    ) -> None:
        super().__init__(str(Problem(text, remedy)) if remedy else text)
        self.status = status
        self.reason = reason
        self.message = message or text
        self.remedy = remedy


class NotFound(ApiError):
    """The object does not exist."""


class Forbidden(ApiError):
    """This account may not do it, or a policy of the cluster refuses it."""


class Conflict(ApiError):
    """The object exists already, or somebody changed it at the same time."""


class ApiUnreachable(ApiError):
    """The API server does not answer."""


def refused(method: str, path: str, status: int, body: str, *, unauthorized: str = _SIGN_IN) -> ApiError:
    """Return the error for an answer that is no success.

    Args:
        body: the answer, usually a Status object as JSON.
        unauthorized: the remedy for 401.
    """
    reason, message = _words(status, body)
    kind = _KINDS.get(status, ApiError)
    remedy = unauthorized if status == HTTPStatus.UNAUTHORIZED else _REMEDIES.get(status, "")
    return kind(
        f"{method} {path}: {status} {reason}: {message}", status=status, reason=reason, message=message, remedy=remedy
    )


def _words(status: int, body: str) -> tuple[str, str]:
    """Return reason and message of a Status object, or of any other answer, such as a proxy's page."""
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    phrase = HTTPStatus(status).phrase if status in set(HTTPStatus) else "unknown status"
    if not isinstance(answer, dict):
        return phrase, body.strip()[:500] or phrase
    return answer.get("reason") or phrase, answer.get("message") or phrase


_KINDS: Final[dict[int, type[ApiError]]] = {
    HTTPStatus.NOT_FOUND: NotFound,
    HTTPStatus.FORBIDDEN: Forbidden,
    HTTPStatus.CONFLICT: Conflict,
}
_REMEDIES: Final[dict[int, str]] = {
    HTTPStatus.FORBIDDEN: (
        "give this account the permission that the message names: an administrator runs "
        "`kubectl apply -f deploy/k8s/rbac.yaml`"
    ),
    HTTPStatus.TOO_MANY_REQUESTS: "the API server is overloaded: try again later, or run fewer nodes",
    HTTPStatus.INTERNAL_SERVER_ERROR: "the fault is in the cluster: look at the log of its API server",
    HTTPStatus.SERVICE_UNAVAILABLE: "the cluster starts or is overloaded: try again when `kubectl get nodes` answers",
}


def no_answer(method: str, path: str, server: str, error: BaseException, *, waited: float | None = None) -> ApiError:
    """Return the error for a connection that failed.

    Args:
        waited: seconds for which the request was repeated; None if it was not.
    """
    why, remedy = _explained(server, error)
    during = "" if waited is None else f" for {waited:.0f} s"
    return ApiUnreachable(f"{method} {path}: the API server {server} does not answer{during}: {why}", remedy=remedy)


def is_final(error: BaseException) -> bool:
    """Tell whether a connection fails each time: a certificate does not get better by trying again."""
    return isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError)


def _explained(server: str, error: BaseException) -> tuple[str, str]:
    for kind, explain in _EXPLANATIONS:
        if isinstance(error, kind):
            return explain(error, server)
    return (
        str(error) or type(error).__name__,
        f"check that the cluster runs, and the server's address in {_KUBECONFIG}",
    )


def _certificate(error: BaseException, server: str) -> tuple[str, str]:
    assert isinstance(error, aiohttp.ClientConnectorCertificateError)
    cause = error.certificate_error
    code = cause.verify_code if isinstance(cause, ssl.SSLCertVerificationError) else None
    words = cause.verify_message if isinstance(cause, ssl.SSLCertVerificationError) else str(cause)
    if code == _CERTIFICATE_EXPIRED:
        return (
            f"the server's certificate has expired ({words})",
            "renew the cluster's certificates (with kubeadm: `kubeadm certs renew all`), or correct the clock here",
        )
    if code in {_HOST_NAME_MISMATCH, _IP_ADDRESS_MISMATCH}:
        return (
            f"the server's certificate is for another name ({words})",
            f"use a name of the certificate as the server's address in {_KUBECONFIG}, or set `tls-server-name` there",
        )
    return (
        f"the server's certificate is from an unknown authority ({words})",
        f"put the cluster's authority into {_KUBECONFIG} (`certificate-authority-data`); "
        "after a cluster was made anew, fetch its kubeconfig again",
    )


def _tls(error: BaseException, server: str) -> tuple[str, str]:
    return (
        f"no TLS connection ({error})",
        f"check that {server} is an API server, and the client certificate and the server's address in {_KUBECONFIG}",
    )


def _unknown_name(error: BaseException, server: str) -> tuple[str, str]:
    return (
        f"its name is unknown here ({error})",
        f"check the server's address in {_KUBECONFIG}, this machine's DNS, and whether a VPN is needed",
    )


def _no_connection(error: BaseException, server: str) -> tuple[str, str]:
    assert isinstance(error, OSError)
    if error.errno == errno.ECONNREFUSED:
        return (
            "it refuses connections: nothing listens there",
            "start the cluster (`kind create cluster`, `minikube start`, `scripts/test-cluster.sh up`), "
            f"or select another context of {_KUBECONFIG}",
        )
    return str(error), f"check the server's address in {_KUBECONFIG}, the network, and whether a VPN is needed"


def _too_late(error: BaseException, server: str) -> tuple[str, str]:
    return (
        "no answer in time",
        f"check that the cluster runs, the server's address in {_KUBECONFIG}, firewalls, and whether a VPN is needed",
    )


_EXPLANATIONS: Final[tuple[tuple[type[BaseException], Callable[[BaseException, str], tuple[str, str]]], ...]] = (
    (aiohttp.ClientConnectorCertificateError, _certificate),
    (aiohttp.ClientConnectorSSLError, _tls),
    (aiohttp.ClientConnectorDNSError, _unknown_name),
    (TimeoutError, _too_late),
    (OSError, _no_connection),
)
"""The first that fits explains."""
