"""Commands, channels and forwards over websockets, against a server on loopback that runs real programs."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from nomos_testing.deployers.k8s.api_errors import ApiError, ApiUnreachable, NotFound
from nomos_testing.deployers.k8s.kubernetes_api import KubernetesApi
from nomos_testing.deployers.k8s.pod_streams import V4, V5, PortForward, attach_to_pod, exec_in_pod, open_in_pod
from support.fakes.fake_kubernetes import FakeKubernetes, fake_kubernetes

ENDS = 30.0
"""Seconds within which a program ends."""
ECHO = "import sys\nfor line in sys.stdin: print('echo', line.strip(), flush=True)"
EVERY_BYTE = bytes(range(256))


@asynccontextmanager
async def pod_on(directory: Path, *protocols: str) -> AsyncIterator[tuple[KubernetesApi, FakeKubernetes]]:
    async with fake_kubernetes(protocols=protocols or (V5, V4)) as server:
        server.put("/api/v1/namespaces/n/pods/p", {"metadata": {"name": "p"}})
        api = await KubernetesApi.connect(server.kubeconfig(directory), patience=1.0)
        try:
            yield api, server
        finally:
            await api.close()


@pytest.mark.parametrize("protocol", [V5, V4])
async def test_a_command_gets_its_input_and_gives_output_and_exit_code(tmp_path: Path, protocol: str) -> None:
    async with pod_on(tmp_path, protocol) as (api, _):
        script = "cat; printf 'to stderr' >&2; exit 3"
        result = await exec_in_pod(api, "n", "p", ["sh", "-c", script], stdin=EVERY_BYTE, timeout=ENDS)
        assert (result.stdout, result.stderr, result.exit_code) == (EVERY_BYTE, b"to stderr", 3)


@pytest.mark.parametrize("protocol", [V5, V4])
async def test_a_command_that_needs_no_input_succeeds(tmp_path: Path, protocol: str) -> None:
    async with pod_on(tmp_path, protocol) as (api, _):
        result = await exec_in_pod(api, "n", "p", ["echo", "a b"], timeout=ENDS)
        assert (result.stdout, result.stderr, result.exit_code) == (b"a b\n", b"", 0)


async def test_input_and_output_of_many_megabytes_pass_at_the_same_time(tmp_path: Path) -> None:
    content = EVERY_BYTE * 20_000
    async with pod_on(tmp_path) as (api, _):
        assert (await exec_in_pod(api, "n", "p", ["cat"], stdin=content, timeout=ENDS)).stdout == content


async def test_input_that_the_command_does_not_want_is_no_failure(tmp_path: Path) -> None:
    async with pod_on(tmp_path) as (api, _):
        result = await exec_in_pod(api, "n", "p", ["true"], stdin=bytes(5_000_000), timeout=ENDS)
        assert result.exit_code == 0


async def test_a_command_that_cannot_run_is_an_error_with_the_words_of_the_server(tmp_path: Path) -> None:
    async with pod_on(tmp_path) as (api, _):
        with pytest.raises(ApiError, match=r"nonesuch in pod p: exec failed: .*\n  -> check that the pod runs"):
            await exec_in_pod(api, "n", "p", ["nonesuch"], timeout=ENDS)
        with pytest.raises(NotFound):
            await exec_in_pod(api, "n", "another", ["true"], timeout=ENDS)


async def test_a_server_without_a_common_protocol_is_named(tmp_path: Path) -> None:
    async with pod_on(tmp_path, "v9.channel.k8s.io") as (api, _):
        with pytest.raises(ApiError, match=r"/exec: the websocket is refused with 403\n  -> use a newer API server"):
            await exec_in_pod(api, "n", "p", ["true"], timeout=ENDS)


async def test_a_command_that_does_not_end_is_an_error(tmp_path: Path) -> None:
    async with pod_on(tmp_path) as (api, _):
        with pytest.raises(ApiError, match="sleep in pod p did not end within"):
            await exec_in_pod(api, "n", "p", ["sleep", "60"], timeout=0.3)


async def test_a_command_whose_connection_breaks_is_an_error(tmp_path: Path) -> None:
    async with pod_on(tmp_path) as (api, server):
        server.breaks_streams = True
        with pytest.raises(ApiUnreachable, match="true in pod p: the connection to the API server was lost"):
            await exec_in_pod(api, "n", "p", ["true"], timeout=ENDS)


@pytest.mark.parametrize("protocol", [V5, V4])
async def test_a_channel_carries_lines_both_ways(tmp_path: Path, protocol: str) -> None:
    async with pod_on(tmp_path, protocol) as (api, _):
        channel = await open_in_pod(api, "n", "p", [sys.executable, "-c", ECHO])
        async with asyncio.timeout(ENDS):
            await channel.write(b"one")
            assert await channel.read() == b"echo one\n"
            long = b"y" * 1_000_000
            await asyncio.gather(channel.write(long), channel.write(b"short"))
            assert {await channel.read(), await channel.read()} == {b"echo " + long + b"\n", b"echo short\n"}
            assert channel.connected
            await channel.close()
            await channel.close()
            assert await channel.read() == b""


async def test_a_channel_that_closes_ends_the_input_of_its_program(tmp_path: Path) -> None:
    async with pod_on(tmp_path) as (api, _):
        channel = await open_in_pod(api, "n", "p", [sys.executable, "-c", ECHO])
        await channel.close(grace=ENDS)
        assert await channel.ended() == "exit code 0"


async def test_a_channel_tells_the_end_of_its_program(tmp_path: Path) -> None:
    async with pod_on(tmp_path) as (api, _):
        channel = await open_in_pod(api, "n", "p", ["sh", "-c", "echo first; echo oops >&2; exit 7"])
        async with asyncio.timeout(ENDS):
            assert await channel.ended() == "exit code 7: oops"
        assert [await channel.read(), await channel.read()] == [b"first\n", b""]
        await channel.write(b"nobody is there")
        await channel.close()


async def test_a_channel_tells_that_its_connection_was_lost(tmp_path: Path) -> None:
    async with pod_on(tmp_path) as (api, server):
        channel = await attach_to_pod(api, "n", "p")
        async with asyncio.timeout(ENDS):
            await channel.write(b"hello")
            assert await channel.read() == b"hello\n"
            await server.stop()
            assert await channel.read() == b""
            assert await channel.ended() == "the connection to the API server was lost"
        assert not channel.connected
        await channel.close()


@asynccontextmanager
async def shouting() -> AsyncIterator[int]:
    """A server that answers with capitals; returns its port."""

    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        try:
            while line := await reader.readline():
                writer.write(line.upper())
        finally:
            writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]
    for task in serving:
        task.cancel()
    await asyncio.gather(*serving, return_exceptions=True)


async def test_connections_to_a_forward_lead_to_the_pod(tmp_path: Path) -> None:
    async with pod_on(tmp_path) as (api, server), shouting() as port:
        forward = await PortForward.open(api, "n", "p", port)
        port_before = forward.local_port
        content = b"a" * 60_000 + b"\n"
        async with asyncio.timeout(ENDS):
            for _ in range(2):
                assert await _asked(forward.local_port, content) == content.upper()
                await server.stop()
                await server.start()
        await forward.close()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port_before)


async def test_a_forward_to_a_pod_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    async with pod_on(tmp_path) as (api, _):
        with pytest.raises(NotFound):
            await PortForward.open(api, "n", "another", 80)


async def test_a_forward_to_a_port_without_a_server_closes_the_connection(tmp_path: Path) -> None:
    async with shouting() as port:
        pass
    async with pod_on(tmp_path) as (api, _):
        forward = await PortForward.open(api, "n", "p", port)
        async with asyncio.timeout(ENDS):
            assert await _asked(forward.local_port, b"hello\n") == b""
        await forward.close()


async def _asked(port: int, line: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1_000_000)
    writer.write(line)
    try:
        return await reader.readline()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()
