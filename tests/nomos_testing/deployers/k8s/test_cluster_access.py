"""The way to a cluster: kubeconfigs, certificates and sign-in; every fault is named with its remedy."""

from __future__ import annotations

import os
import ssl
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from nomos_testing.deployers.k8s.api_errors import ApiError, ApiUnreachable, ClusterUnavailable
from nomos_testing.deployers.k8s.certificates import expiry_of
from nomos_testing.deployers.k8s.kubernetes_api import KubernetesApi
from support.fakes.fake_kubernetes import FakeKubernetes, fake_kubernetes
from support.inputs.certificates import FAR_AHEAD, LONG_AGO, certificate


def serving(file: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


async def connected(environ: Mapping[str, str], **options: Any) -> None:
    """Connect and ask one thing."""
    api = await KubernetesApi.connect(environ, **options)
    try:
        assert (await api.get("/api/v1/namespaces"))["items"] == []
    finally:
        await api.close()


async def refusal(environ: Mapping[str, str], **options: Any) -> str:
    """The text of the error, which must have a remedy."""
    with pytest.raises(ApiError) as caught:
        await connected(environ, **options)
    what, arrow, remedy = str(caught.value).partition("\n  -> ")
    assert what
    assert arrow
    assert remedy
    return str(caught.value)


async def test_without_a_kubeconfig_there_is_no_cluster(tmp_path: Path) -> None:
    with pytest.raises(ClusterUnavailable, match=r"Kubernetes cluster unavailable \(KUBECONFIG is not set, and .*"):
        await connected({"HOME": str(tmp_path)})
    missing = str(tmp_path / "nowhere")
    with pytest.raises(ClusterUnavailable, match=r"\(KUBECONFIG=.*nowhere does not exist"):
        await connected({"KUBECONFIG": missing, "HOME": str(tmp_path)})


async def test_a_kubeconfig_without_contexts_is_no_cluster(tmp_path: Path) -> None:
    file = tmp_path / "kubeconfig"
    file.write_text("apiVersion: v1\nkind: Config\nclusters: []\ncontexts: []\nusers: []\n")
    with pytest.raises(ClusterUnavailable, match="has no contexts"):
        await connected({"KUBECONFIG": str(file)})


@pytest.mark.parametrize("text", ["a: [", "just words", "contexts: [{}]", ""])
async def test_a_file_that_is_no_kubeconfig_is_named(tmp_path: Path, text: str) -> None:
    file = tmp_path / "kubeconfig"
    file.write_text(text)
    assert f"the kubeconfig {file} can't be used: it is no kubeconfig" in await refusal({"KUBECONFIG": str(file)})


async def test_a_kubeconfig_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    told = await refusal({"KUBECONFIG": str(tmp_path)})
    assert "it can't be read: Is a directory" in told


async def test_the_default_kubeconfig_is_that_of_the_home(tmp_path: Path) -> None:
    async with fake_kubernetes() as server:
        server.kubeconfig(tmp_path)
        (tmp_path / ".kube").mkdir()
        (tmp_path / "kubeconfig").rename(tmp_path / ".kube/config")
        await connected({"HOME": str(tmp_path)})


async def test_files_of_a_kubeconfig_are_read_as_one(tmp_path: Path) -> None:
    async with fake_kubernetes() as server:
        environ = server.kubeconfig(tmp_path)
        both = os.pathsep.join([str(tmp_path / "missing"), environ["KUBECONFIG"]])
        await connected({"KUBECONFIG": both}, context="other")


async def test_a_wrong_context_is_named_with_those_that_exist(tmp_path: Path) -> None:
    async with fake_kubernetes() as server:
        told = await refusal(server.kubeconfig(tmp_path), context="nonesuch")
        assert "has no context 'nonesuch'; it has fake, other\n  -> name one of them in K8S_CONTEXT" in told


async def test_a_context_without_its_user_is_named(tmp_path: Path) -> None:
    async with fake_kubernetes() as server:
        environ = server.kubeconfig(tmp_path, cluster={"server": server.url.replace("http:", "https:")})
        rename_users(Path(environ["KUBECONFIG"]))
        assert "the user of its context is not in it" in await refusal(environ)


def rename_users(kubeconfig: Path) -> None:
    kubeconfig.write_text(kubeconfig.read_text().replace("name: somebody", "name: another"))


async def test_a_program_to_sign_in_that_is_missing_is_named_with_its_hint(tmp_path: Path) -> None:
    plugin = {"apiVersion": "client.authentication.k8s.io/v1", "command": "nonesuch-login"}
    async with fake_kubernetes() as server:
        told = await refusal(server.kubeconfig(tmp_path, user={"exec": plugin}))
        assert "signs in with the program nonesuch-login, which is not installed\n  -> install nonesuch-login" in told
        hinted = plugin | {"installHint": "get it\nfrom the cloud"}
        told = await refusal(server.kubeconfig(tmp_path, user={"exec": hinted}))
        assert "\n  -> get it from the cloud" in told


async def test_a_program_that_fails_to_sign_in_is_named_with_its_words(tmp_path: Path) -> None:
    async with fake_kubernetes() as server:
        plugin = login_program(tmp_path, "print('log in first', file=sys.stderr); sys.exit(2)")
        told = await refusal(server.kubeconfig(tmp_path, user={"exec": plugin}))
        assert "failed: exec: process returned 2. log in first" in told


async def test_a_refused_token_is_fetched_anew(tmp_path: Path) -> None:
    count = tmp_path / "count"
    count.write_text("0")
    script = f"""
n = int(open({str(count)!r}).read()) + 1
open({str(count)!r}, "w").write(str(n))
print(json.dumps({{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
    "status": {{"token": f"token-{{n}}", "expirationTimestamp": "2120-01-01T00:00:00Z"}}}}))"""
    async with fake_kubernetes(tokens={"token-1"}) as server:
        environ = server.kubeconfig(tmp_path, user={"exec": login_program(tmp_path, script)})
        api = await KubernetesApi.connect(environ)
        try:
            await api.get("/api/v1/namespaces")
            assert count.read_text() == "1"
            server.tokens = {"token-2"}
            assert (await api.get("/api/v1/namespaces"))["items"] == []
            async with api.session.get(api.proxy_url("n", "p", 80)) as answer:
                assert answer.status == 404
        finally:
            await api.close()
        assert server.asked[-1][2] == "Bearer token-2"


def login_program(directory: Path, script: str) -> dict[str, Any]:
    program = directory / "login"
    program.write_text(f"#!{sys.executable} -IS\nimport json, sys\n{script}\n")
    program.chmod(0o755)
    return {"apiVersion": "client.authentication.k8s.io/v1", "command": str(program)}


async def test_a_token_that_stays_refused_is_named(tmp_path: Path) -> None:
    async with fake_kubernetes(tokens={"another"}) as server:
        told = await refusal(server.kubeconfig(tmp_path))
        assert "401 Unauthorized" in told
        assert "sign in again" in told


async def test_an_expired_client_certificate_is_named_with_its_end(tmp_path: Path) -> None:
    file = certificate(tmp_path, "client", end=LONG_AGO)
    theirs = certificate(tmp_path, "server")
    user = {"client-certificate": str(file), "client-key": str(file)}
    async with fake_kubernetes(tls=serving(theirs), tokens=set()) as server:
        environ = server.kubeconfig(tmp_path, user=user, cluster={"certificate-authority": str(theirs)})
        told = await refusal(environ)
        assert "the client certificate of the context fake expired at 2020-01-02 03:04:05 UTC" in told


async def test_a_server_with_a_good_certificate_is_trusted(tmp_path: Path) -> None:
    file = certificate(tmp_path, "server")
    async with fake_kubernetes(tls=serving(file)) as server:
        await connected(server.kubeconfig(tmp_path, cluster={"certificate-authority": str(file)}))
        await connected(server.kubeconfig(tmp_path, cluster={"insecure-skip-tls-verify": True}))


async def test_the_name_of_a_server_may_be_given(tmp_path: Path) -> None:
    file = certificate(tmp_path, "server", host="192.0.2.1")
    async with fake_kubernetes(tls=serving(file)) as server:
        authority = {"certificate-authority": str(file)}
        assert "for another name" in await refusal(server.kubeconfig(tmp_path, cluster=authority))
        await connected(server.kubeconfig(tmp_path, cluster=authority | {"tls-server-name": "192.0.2.1"}))


async def test_an_expired_server_certificate_is_named(tmp_path: Path) -> None:
    file = certificate(tmp_path, "server", end=LONG_AGO)
    async with fake_kubernetes(tls=serving(file)) as server:
        told = await refusal(server.kubeconfig(tmp_path, cluster={"certificate-authority": str(file)}))
        assert "the server's certificate has expired" in told


async def test_an_unknown_authority_is_named(tmp_path: Path) -> None:
    async with fake_kubernetes(tls=serving(certificate(tmp_path, "server"))) as server:
        other = certificate(tmp_path, "other")
        told = await refusal(server.kubeconfig(tmp_path, cluster={"certificate-authority": str(other)}))
        assert "from an unknown authority" in told


async def test_a_server_without_tls_is_named(tmp_path: Path) -> None:
    async with fake_kubernetes() as server:
        secure = server.url.replace("http:", "https:")
        assert "no TLS connection" in await refusal(server.kubeconfig(tmp_path, cluster={"server": secure}))


async def test_a_server_that_refuses_connections_is_named(tmp_path: Path) -> None:
    server = FakeKubernetes()
    await server.start()
    environ = server.kubeconfig(tmp_path)
    await server.stop()
    with pytest.raises(ApiUnreachable, match=r"refuses connections: nothing listens there\n  -> start the cluster"):
        await connected(environ)


async def test_a_name_that_is_unknown_is_named(tmp_path: Path) -> None:
    async with fake_kubernetes() as server:
        environ = server.kubeconfig(tmp_path, cluster={"server": "http://cluster.invalid:6443"})
        told = await refusal(environ, timeout=30.0)
        assert "http://cluster.invalid:6443 does not answer" in told


async def test_a_silent_server_is_named_in_time(tmp_path: Path) -> None:
    async with fake_kubernetes(silent=True) as server:
        told = await refusal(server.kubeconfig(tmp_path), timeout=0.5)
        assert "no answer in time" in told


@pytest.mark.parametrize("address", ["cluster:6443", ""])
async def test_an_address_that_is_no_url_is_named(tmp_path: Path, address: str) -> None:
    async with fake_kubernetes() as server:
        told = await refusal(server.kubeconfig(tmp_path, cluster={"server": address}))
        assert "can't be used" in told


async def test_in_a_pod_the_service_account_signs_in_with_its_newest_token(tmp_path: Path) -> None:
    file = certificate(tmp_path, "server")
    (tmp_path / "ca.crt").write_bytes(file.read_bytes())
    (tmp_path / "token").write_text("first")
    (tmp_path / "namespace").write_text("its-own")
    async with fake_kubernetes(tls=serving(file), tokens={"first"}) as server:
        inside = {
            "HOME": str(tmp_path),
            "KUBERNETES_SERVICE_HOST": "127.0.0.1",
            "KUBERNETES_SERVICE_PORT": str(server.port),
        }
        api = await KubernetesApi.connect(inside, service_account=tmp_path)
        try:
            assert (api.context, api.namespace, api.in_cluster) == ("in-cluster", "its-own", True)
            server.tokens = {"second"}
            (tmp_path / "token").write_text("second")
            assert (await api.get("/api/v1/namespaces"))["items"] == []
        finally:
            await api.close()


async def test_credentials_do_not_follow_a_redirect_of_a_pod(tmp_path: Path) -> None:
    async with fake_kubernetes() as foreign, fake_kubernetes(redirect=f"{foreign.url}/version") as server:
        api = await KubernetesApi.connect(server.kubeconfig(tmp_path))
        try:
            async with api.session.get(api.proxy_url("n", "p", 80)) as answer:
                assert answer.status == 200
        finally:
            await api.close()
        assert server.asked[-1][2] == "Bearer good"
        assert foreign.asked == [("GET", "/version", None)]


@pytest.mark.parametrize("end", [LONG_AGO, FAR_AHEAD, datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC)])
def test_the_end_of_a_certificate_is_read(tmp_path: Path, end: datetime) -> None:
    assert expiry_of(certificate(tmp_path, "any", end=end)) == end


def test_a_file_that_is_no_certificate_has_no_end(tmp_path: Path) -> None:
    assert expiry_of(tmp_path / "missing") is None
    file = tmp_path / "words"
    file.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    assert expiry_of(file) is None
