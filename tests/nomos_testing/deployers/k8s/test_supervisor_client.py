"""The client of a pod's supervisor, with a real supervisor and streams that break."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator

import pytest

from nomos_testing.cluster.interfaces import NodeControlError
from nomos_testing.deployers.k8s.pod_supervisor import LONGEST_LINE
from nomos_testing.deployers.k8s.supervisor_client import PodSupervisor
from nomos_testing.deployers.shared.errors import LaunchError
from nomos_testing.deployers.shared.line_channel import ProcessChannel
from nomos_testing.runtime.background import log_failure
from support.inputs.fault_deadlines import MACHINE_FACTOR
from support.processes.supervised_place import Place, place, until


@pytest.fixture
async def pod() -> AsyncIterator[Place]:
    async with place() as made:
        yield made


async def test_a_node_starts_ends_and_starts_again(pod: Place) -> None:
    async with pod.client() as client:
        assert not client.running
        first = await client.start()
        assert client.running
        assert client.pid == first
        await client.end(grace=60)
        assert pod.ends == [-15]
        assert not client.running
        assert client.pid is None
        await client.end(grace=60)
        second = await client.start()
        assert second != first
        await client.freeze()
        await client.thaw()
        await client.end(grace=0)
        assert pod.ends == [-15, -9]


async def test_a_node_that_ends_at_once_is_told(pod: Place) -> None:
    (pod.socket.parent / "entry_point.sh").write_text("#!/bin/sh\nexit 3\n")
    async with pod.client() as client:
        assert await client.start() > 0
        await until("the end is told", lambda: pod.ends == [3])
        assert not client.running


async def test_files_are_put_and_wiped(pod: Place) -> None:
    async with pod.client() as client:
        await client.put(str(pod.directory / "config.yaml"), b"one: 1\n")
        assert (pod.directory / "config.yaml").read_bytes() == b"one: 1\n"
        await client.start()
        with pytest.raises(NodeControlError, match="supervisor of nomos-validator-0 refuses 'wipe': the node runs"):
            await client.wipe()
        await client.end(grace=0)
        await client.wipe()
        assert not list(pod.directory.iterdir())
        with pytest.raises(NodeControlError, match=r"'put' for nomos-validator-0 has \d+ bytes; expected fewer"):
            await client.put("large", bytes(LONGEST_LINE))


async def test_an_entry_point_that_cannot_run_is_named(pod: Place) -> None:
    (pod.socket.parent / "entry_point.sh").chmod(0o644)
    async with pod.client() as client:
        with pytest.raises(LaunchError, match=r"entry point cannot be run: .*entry_point.sh: Permission denied"):
            await client.start()
        assert not client.running
        assert pod.ends == []


async def test_an_end_while_the_stream_is_broken_is_told_once(pod: Place) -> None:
    async with pod.client() as client:
        pid = await client.start()
        pod.outage = OSError("the API server is away")
        pod.break_stream()
        os.kill(pid, signal.SIGKILL)
        await until("the supervisor has noticed", lambda: "the node ended: killed by SIGKILL\n" in pod.log)
        assert pod.ends == []
        pod.outage = None
        await until("the end is told", lambda: pod.ends == [-9])
        assert not client.running
        await client.start()
        pod.break_stream()
        await client.end(grace=60)
        assert pod.ends == [-9, -15]


async def test_a_request_waits_for_the_next_stream(pod: Place) -> None:
    async with pod.client() as client:
        pod.outage = OSError("the API server is away")
        pod.break_stream()
        starting = asyncio.create_task(client.start())
        await until("the client has noticed", lambda: client._outage == "the API server is away")
        assert not starting.done()
        pod.outage = None
        assert await starting == client.pid


class AnswersLost:
    """A stream that ends when the first answer after that to ``status`` comes, and before the event with it."""

    def __init__(self, channel: ProcessChannel) -> None:
        self._channel = channel
        self.name, self.write = channel.name, channel.write
        self.ended, self.close = channel.ended, channel.close

    async def read(self) -> bytes:
        line = await self._channel.read()
        if json.loads(line).get("id") != 0:
            await self._channel.close()
            return b""
        return line


async def test_a_request_whose_answer_is_lost_is_not_done_twice(pod: Place) -> None:
    pod.wrap = AnswersLost
    async with pod.client() as client:
        pod.wrap = None
        assert await client.start() == client.pid
        assert len(pod.bridges) == 2
        assert pod.log.count("the node starts") == 1


class Noise(AnswersLost):
    """A stream whose first line is no message."""

    async def read(self) -> bytes:
        return b"/bin/sh: something is wrong\n"


async def test_a_stream_with_other_lines_is_replaced(pod: Place) -> None:
    pod.wrap = Noise
    connecting = asyncio.create_task(connect_and_start(pod))
    await until("a stream was opened", lambda: len(pod.bridges) == 1)
    pod.wrap = None
    assert await connecting > 0
    assert len(pod.bridges) > 1


async def connect_and_start(pod: Place) -> int:
    async with pod.client() as client:
        return await client.start()


async def test_requests_at_the_same_time_get_their_own_answers(pod: Place) -> None:
    async with pod.client() as client:
        contents = {f"file-{number}": bytes([number]) * 2**20 for number in range(4)}
        puts = [client.put(name, content) for name, content in contents.items()]
        pid, *_ = await asyncio.gather(client.start(), *puts)
        assert pid == client.pid
        assert {file.name: file.read_bytes() for file in pod.directory.iterdir()} == contents


async def test_a_stream_that_stays_away_is_told_with_the_reason(pod: Place) -> None:
    async with pod.client(answer_seconds=2 * MACHINE_FACTOR) as client:
        await client.start()
        pod.outage = OSError("the API server is away")
        pod.break_stream()
        with pytest.raises(NodeControlError, match=r"did not answer 'freeze' within .* s: the API server is away"):
            await client.freeze()
        assert client.running


async def test_a_stream_that_is_dead_without_a_word_is_replaced(pod: Place) -> None:
    async with pod.client(answer_seconds=3 * MACHINE_FACTOR) as client:
        await client.start()
        os.kill(pod.bridges[-1].pid, signal.SIGSTOP)
        with pytest.raises(NodeControlError, match="did not answer 'freeze' within"):
            await client.freeze()
        await client.freeze()
        assert len(pod.bridges) > 1


async def test_a_lost_pod_fails_what_waits_for_it(pod: Place) -> None:
    async with pod.client() as client:
        await client.start()
        pod.outage = OSError("the API server is away")
        pod.break_stream()
        freezing = asyncio.create_task(client.freeze())
        await until("the client has noticed", lambda: client._outage == "the API server is away")
        client.lose("its pod was deleted")
        with pytest.raises(NodeControlError, match="nomos-validator-0: its pod was deleted"):
            await freezing
        with pytest.raises(LaunchError, match="nomos-validator-0: its pod was deleted"):
            await client.start()
        assert not client.running
        assert pod.ends == []
        tried = len(pod.bridges)
    assert len(pod.bridges) == tried


async def test_a_supervisor_that_never_answers_fails_the_connection(pod: Place) -> None:
    pod.outage = OSError("no such pod")
    client = PodSupervisor(
        pod.open_bridge, name="nomos-validator-0", ended=pod.ends.append, answer_seconds=1.0, watch=log_failure
    )
    with pytest.raises(LaunchError, match=r"supervisor of nomos-validator-0 did not answer within 0.2 s: no such pod"):
        await client.connect(timeout=0.2)
    await client.close()


async def test_closing_leaves_the_node_alone(pod: Place) -> None:
    async with pod.client() as first:
        pid = await first.start()
    async with pod.client() as second:
        assert second.pid == pid
        assert pod.ends == []
        await second.end(grace=60)
    assert pod.ends == [-15]
