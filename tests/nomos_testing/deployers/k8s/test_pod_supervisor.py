"""The first process of a pod: its requests, its node's lives, and what it leaves behind."""

from __future__ import annotations

import ast
import asyncio
import base64
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nomos_testing.deployers.k8s import pod_supervisor
from nomos_testing.deployers.k8s.pod_supervisor import LONGEST_LINE, Request, RequestError, parse_request
from nomos_testing.deployers.shared.line_channel import ProcessChannel
from support.inputs.fault_deadlines import GONE_WITHIN
from support.processes.fake_node_processes import is_gone
from support.processes.supervised_place import DEAF, PROGRAM, SLEEPER, Place, place, until

HEIR = (
    *(sys.executable, "-S", "-c"),
    "import ctypes, os, sys\n"
    "ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)\n"  # PR_SET_CHILD_SUBREAPER
    "os.execv(sys.argv[1], sys.argv[1:])",
)
"""A command that inherits the orphans among the children of its children, as the first process of a pod does."""
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)
NUMBERS = st.integers(min_value=1, max_value=2**60)
PATHS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1)


async def ask(channel: ProcessChannel, do: str, **fields: Any) -> dict[str, Any]:
    """Send a request and return its answer. The events before it are left out."""
    await channel.write(json.dumps({"id": 1, "do": do, **fields}).encode())
    return await answer(channel)


async def answer(channel: ProcessChannel) -> dict[str, Any]:
    while "event" in (message := await line(channel)):
        pass
    return message


async def line(channel: ProcessChannel) -> dict[str, Any]:
    async with asyncio.timeout(2 * GONE_WITHIN):
        message: dict[str, Any] = json.loads(await channel.read())
        return message


def contents(file: Path) -> str:
    return file.read_text() if file.exists() else ""


async def pid_in(file: Path) -> int:
    """Return the process id that a node writes into a file."""
    await until(f"{file.name} has the process id", lambda: contents(file).endswith("\n"))
    return int(contents(file))


@pytest.fixture
async def pod() -> AsyncIterator[Place]:
    async with place() as made:
        yield made


# Requests


@given(number=st.integers(), life=NUMBERS, grace=st.floats(0, 3600), path=PATHS, content=st.binary())
def test_valid_requests_are_read(number: int, life: int, grace: float, path: str, content: bytes) -> None:
    def parsed(do: str, **fields: Any) -> Request:
        return parse_request(json.dumps({"id": number, "do": do, **fields}).encode())

    for do in ("status", "freeze", "thaw", "wipe"):
        assert parsed(do) == Request(number, do)
    assert parsed("start", life=life) == Request(number, "start", life=life)
    assert parsed("end", life=life, grace=grace) == Request(number, "end", life=life, grace=grace)
    put = parsed("put", path=path, content=base64.b64encode(content).decode())
    assert put == Request(number, "put", path=path, content=content)


@given(st.binary() | VALUES.map(lambda value: json.dumps(value).encode()))
def test_what_is_no_request_is_refused(line: bytes) -> None:
    with pytest.raises(RequestError):
        parse_request(line)


@given(
    do=st.sampled_from(["status", "start", "end", "put", "wipe"]) | VALUES,
    fields=st.fixed_dictionaries({}, optional=dict.fromkeys(("life", "grace", "path", "content"), VALUES)),
)
def test_a_request_is_read_or_refused_with_its_id_and_the_field(do: Any, fields: dict[str, Any]) -> None:
    result = parsed_or_refused(json.dumps({"id": 7, "do": do, **fields}).encode())
    if isinstance(result, Request):
        assert (result.id, result.do) == (7, do)
    else:
        assert result.request_id == 7
        assert str(result).partition(":")[0] in {"do", "life", "grace", "path", "content"}


def parsed_or_refused(line: bytes) -> Request | RequestError:
    try:
        return parse_request(line)
    except RequestError as error:
        return error


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("[" * 100_000, "expected a line of JSON: "),
        ("[1]", "expected a JSON object, got [1]"),
        ('{"do": "status"}', "id: expected a whole number, got null"),
        ('{"id": true, "do": "status"}', "id: expected a whole number, got true"),
        ('{"id": 1, "do": "jump"}', 'do: expected one of status, start, end, freeze, thaw, put, wipe, got "jump"'),
        ('{"id": 1, "do": "start", "life": 0}', "life: expected a whole number from 1, got 0"),
        ('{"id": 1, "do": "end", "life": 1}', "grace: expected seconds from 0 to 3600, got null"),
        ('{"id": 1, "do": "end", "life": 1, "grace": NaN}', "grace: expected seconds from 0 to 3600, got NaN"),
        ('{"id": 1, "do": "put", "path": "a\\u0000", "content": ""}', "path: expected the path of a file, got "),
        ('{"id": 1, "do": "put", "path": "\\ud800", "content": ""}', "path: expected the path of a file, got "),
        ('{"id": 1, "do": "put", "path": "a", "content": "?"}', "content: expected base64: "),
    ],
)
def test_the_error_begins_with_the_field(line: str, text: str) -> None:
    with pytest.raises(RequestError) as refused:
        parse_request(line.encode())
    assert str(refused.value).startswith(text)
    assert len(str(refused.value)) < 200


async def test_a_bad_request_gets_an_error_and_the_next_one_its_answer(pod: Place) -> None:
    channel = await pod.open_bridge()
    await channel.write(b"nonsense")
    refused = await answer(channel)
    assert refused["id"] is None
    assert refused["error"].startswith("expected a line of JSON: ")
    assert "grace" in (await ask(channel, "end", life=1))["error"]
    assert await ask(channel, "status") == {"id": 1, "life": 0, "pid": None, "status": None}


async def test_a_line_that_does_not_end_is_refused_and_others_are_served(pod: Place) -> None:
    endless = await pod.open_bridge()
    await endless.write(b"x" * LONGEST_LINE)
    assert (await line(endless))["error"] == f"expected a line of at most {LONGEST_LINE} bytes"
    assert await endless.read() == b""
    other = await pod.open_bridge()
    assert (await ask(other, "status"))["life"] == 0


# Lives


async def test_start_and_end_are_told_to_all_and_written_to_the_log(pod: Place) -> None:
    one, two = await pod.open_bridge(), await pod.open_bridge()
    await ask(two, "status")
    started = await ask(one, "start", life=1)
    pid = started["pid"]
    assert started == {"id": 1, "life": 1, "pid": pid, "status": None}
    assert await line(two) == {"event": "started", "life": 1, "pid": pid, "status": None}
    await until("the node writes to the log", lambda: f"node {pid}\n" in pod.log)
    assert await ask(one, "end", life=1, grace=60) == {"id": 1, "life": 1, "pid": pid, "status": -15}
    assert await line(two) == {"event": "ended", "life": 1, "pid": pid, "status": -15}
    prefix = f"pod_supervisor: {os.uname().nodename}: the node"
    assert pod.log.splitlines() == [
        f"{prefix} starts: life 1",
        f"node {pid}",
        f"{prefix} ended: killed by SIGTERM",
    ]


async def test_a_repeated_request_does_nothing_twice(pod: Place) -> None:
    channel = await pod.open_bridge()
    first = await ask(channel, "start", life=1)
    assert await ask(channel, "start", life=1) == first
    assert (await ask(channel, "start", life=2))["error"] == f"the node runs already, with the pid {first['pid']}"
    assert (await ask(channel, "end", life=2, grace=0))["error"] == "life: expected 1 at most, the last one, got 2"
    ended = await ask(channel, "end", life=1, grace=0)
    assert ended["status"] == -9
    assert await ask(channel, "end", life=1, grace=0) == ended
    assert (await ask(channel, "start", life=3))["error"] == "life: expected 2, the next one, got 3"
    second = await ask(channel, "start", life=2)
    assert (await ask(channel, "end", life=1, grace=0)) == second


async def test_the_supervisor_stays_when_the_node_ends_by_itself() -> None:
    async with place("echo the last words; exit 3") as pod:
        channel = await pod.open_bridge()
        await ask(channel, "start", life=1)
        await until("the end is in the log", lambda: "the node ended: exit code 3\n" in pod.log)
        assert "the last words\n" in pod.log
        assert (await ask(channel, "status"))["status"] == 3
        assert pod.process.poll() is None


async def test_a_shorter_grace_ends_a_node_that_is_already_asked_to_end() -> None:
    async with place(DEAF) as pod:
        one, two = await pod.open_bridge(), await pod.open_bridge()
        await ask(one, "start", life=1)
        await until("the node is deaf", (pod.directory / "ready").exists)
        await one.write(b'{"id": 2, "do": "end", "life": 1, "grace": 3000}')
        assert (await ask(two, "end", life=1, grace=0.05))["status"] == -9
        assert (await answer(one))["id"] == 2


async def test_a_client_that_left_does_not_keep_the_end_from_others(pod: Place) -> None:
    gone, other = await pod.open_bridge(), await pod.open_bridge()
    await ask(other, "start", life=1)
    await gone.write(b'{"id": 2, "do": "end", "life": 1, "grace": 60}')
    await gone.close(grace=GONE_WITHIN)  # it hands over the request before it ends
    assert (await line(other))["event"] == "ended"
    assert (await ask(other, "status"))["status"] == -15


async def test_processes_that_the_node_leaves_behind_are_gone_when_its_end_is_told() -> None:
    workers = "sleep 600 & echo $! > same_group; set -m; sleep 600 & echo $! > other_group; exit 4"
    async with place(workers) as pod:
        channel = await pod.open_bridge()
        await ask(channel, "start", life=1)
        await until("the end is in the log", lambda: "the node ended: exit code 4\n" in pod.log)
        for name in ("same_group", "other_group"):
            assert is_gone(await pid_in(pod.directory / name)), name


async def test_orphans_are_collected() -> None:
    orphan = "(sleep 0.2 & echo $! > orphan); exec sleep 600"
    async with place(orphan, launcher=HEIR) as pod:
        channel = await pod.open_bridge()
        await ask(channel, "start", life=1)
        pid = await pid_in(pod.directory / "orphan")
        await until("the orphan has left no zombie", lambda: not psutil.pid_exists(pid))
        assert (await ask(channel, "status"))["status"] is None


async def test_freezing_stops_every_process_of_the_node() -> None:
    family = "sleep 600 & echo $! > child; set -m; sleep 600 & echo $! > other_group; exec sleep 600"
    async with place(family) as pod:
        channel = await pod.open_bridge()
        pid = (await ask(channel, "start", life=1))["pid"]
        pids = [pid, await pid_in(pod.directory / "child"), await pid_in(pod.directory / "other_group")]

        def all_are(*states: str) -> bool:
            return all(psutil.Process(pid).status() in states for pid in pids)

        await ask(channel, "freeze")
        await until("all are frozen", lambda: all_are(psutil.STATUS_STOPPED))
        await ask(channel, "thaw")
        await until("all run", lambda: all_are(psutil.STATUS_SLEEPING, psutil.STATUS_RUNNING))
        await ask(channel, "freeze")
        assert (await ask(channel, "end", life=1, grace=60))["status"] == -15
        assert "the node does not run" in (await ask(channel, "thaw"))["error"]
        assert all(map(is_gone, pids))


# Files


async def test_wiping_empties_the_working_directory_and_nothing_else(pod: Place) -> None:
    channel = await pod.open_bridge()
    outside = pod.socket.parent / "outside"
    outside.mkdir()
    (outside / "kept").touch()
    (pod.directory / "deep" / "er").mkdir(parents=True)
    (pod.directory / "deep" / "er" / "file").touch()
    (pod.directory / "file").touch()
    (pod.directory / "link").symlink_to(outside)
    await ask(channel, "start", life=1)
    assert "the node runs" in (await ask(channel, "wipe"))["error"]
    assert (pod.directory / "file").exists()
    await ask(channel, "end", life=1, grace=0)
    assert "error" not in await ask(channel, "wipe")
    assert list(pod.directory.iterdir()) == []
    assert (outside / "kept").exists()


async def test_a_file_is_replaced_and_its_directory_made(pod: Place) -> None:
    channel = await pod.open_bridge()
    large = os.urandom(5 * 1024 * 1024)
    for path, target in (("etc/config", pod.directory / "etc/config"), (str(pod.socket.parent / "f"), None)):
        for content in (large, b"small"):
            answered = await ask(channel, "put", path=path, content=base64.b64encode(content).decode())
            assert "error" not in answered
            assert (target or Path(path)).read_bytes() == content
    assert [file.name for file in (pod.directory / "etc").iterdir()] == ["config"]


async def test_a_file_that_cannot_be_written_is_named_and_leaves_nothing(pod: Place) -> None:
    channel = await pod.open_bridge()
    (pod.directory / "taken").mkdir()
    refused = (await ask(channel, "put", path="taken", content=""))["error"]
    assert refused.startswith("taken cannot be written: ")
    assert "Is a directory" in refused
    assert [file.name for file in pod.directory.iterdir()] == ["taken"]


# The program


async def test_without_hold_the_node_starts_at_once() -> None:
    async with place(hold=False) as pod:
        channel = await pod.open_bridge()
        assert (await ask(channel, "status"))["life"] == 1


def test_without_hold_an_entry_point_that_cannot_run_ends_the_pod(tmp_path: Path) -> None:
    done = subprocess.run([*PROGRAM, "no-such-program"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "the node's entry point cannot be run: no-such-program: No such file or directory" in done.stderr


@pytest.mark.parametrize(("node", "status"), [(SLEEPER, "SIGTERM"), (DEAF, "SIGKILL")])
async def test_sigterm_ends_the_node_and_then_the_pod(node: str, status: str) -> None:
    async with place(f"echo > ready; {node}", options=("--grace", "0.2"), hold=False) as pod:
        await until("the node runs", (pod.directory / "ready").exists)
        channel = await pod.open_bridge()
        pid = (await ask(channel, "status"))["pid"]
        await ask(channel, "freeze")
        pod.process.terminate()
        assert (await line(channel))["event"] == "ended"
        assert await channel.read() == b""
        await until("the supervisor has ended", lambda: pod.process.poll() == 0)
        assert is_gone(pid)
        assert pod.log.endswith(f"the node ended: killed by {status}\n")
        assert not pod.socket.exists()


async def test_sigterm_ends_a_pod_whose_node_does_not_run(pod: Place) -> None:
    await until("the supervisor listens", pod.socket.exists)
    pod.process.terminate()
    await until("the supervisor has ended", lambda: pod.process.poll() == 0)


async def test_a_client_that_does_not_read_is_dropped_and_others_are_served(pod: Place) -> None:
    other = await pod.open_bridge()
    await ask(other, "status")
    _, deaf = await asyncio.open_unix_connection(str(pod.socket))
    with pytest.raises(ConnectionError):
        await flood(deaf, b"nonsense\n" * 1000)
    deaf.close()
    assert (await ask(other, "start", life=1))["life"] == 1


async def flood(writer: asyncio.StreamWriter, lines: bytes) -> None:
    async with asyncio.timeout(4 * GONE_WITHIN):
        while True:
            writer.write(lines)
            await writer.drain()


def test_a_bridge_without_a_supervisor_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any) -> None:
    monkeypatch.setattr(pod_supervisor, "_CONNECT_SECONDS", 0.1)
    assert pod_supervisor.bridge(str(tmp_path / "none")) == 1
    assert "no supervisor answers at" in capfd.readouterr().err


def test_the_program_needs_python_3_9_and_its_standard_library_alone() -> None:
    tree = ast.parse(Path(pod_supervisor.__file__).read_text(), feature_version=(3, 9))
    imported = {
        name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([alias.name for alias in node.names] if isinstance(node, ast.Import) else [str(node.module)])
    }
    assert {name.partition(".")[0] for name in imported} <= set(sys.stdlib_module_names)
