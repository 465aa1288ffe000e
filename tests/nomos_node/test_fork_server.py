"""The fork server as a program: what it starts, what it refuses, and that nothing outlives it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from nomos_core.config import NodeConfig, dump_config
from support.processes.embedded_node import (
    CONFIG_NAME,
    ENVIRONMENT,
    NodeProcess,
    ask,
    leader_genesis,
    make_config,
    wait_until,
)

pytestmark = [pytest.mark.slow, pytest.mark.network]


class _Server:
    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "nomos_node.fork_server"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def request(self, value: Any) -> dict[str, Any]:
        self.send(value if isinstance(value, str) else json.dumps(value))
        return self.answer()

    def send(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer


@pytest.fixture
def server() -> Iterator[_Server]:
    server = _Server()
    with server.process:
        yield server
        server.process.kill()


def _request(directory: Path, *arguments: str, **environment: str) -> dict[str, Any]:
    return {
        "argv": ["nomos-node", *arguments],
        "cwd": str(directory),
        "stdout": str(directory / "stdout"),
        "stderr": str(directory / "stderr"),
        "env": {**ENVIRONMENT, **environment},
    }


@pytest.fixture
def config(tmp_path: Path) -> NodeConfig:
    config = make_config(leader_genesis())
    (tmp_path / CONFIG_NAME).write_text(dump_config(config))
    return config


def _title(process: psutil.Process) -> str:
    return " ".join(filter(None, process.cmdline()))


def _answers(config: NodeConfig) -> bool:
    try:
        return ask(config.http.backend_settings.address, "GET", "/cryptarchia/info").status == 200
    except ConnectionError:
        return False


def test_a_node_is_a_process_of_its_own(server: _Server, config: NodeConfig, tmp_path: Path) -> None:
    pid = server.request(_request(tmp_path, CONFIG_NAME))["pid"]
    wait_until("the node to answer", lambda: _answers(config))
    node = psutil.Process(pid)
    assert _title(node) == f"nomos-node {tmp_path.parent.name}/{tmp_path.name}/{CONFIG_NAME}"
    assert node.cwd() == str(tmp_path)
    assert os.getsid(pid) == pid
    assert (tmp_path / "stdout").read_text() == "prover: development\n"
    node.send_signal(signal.SIGTERM)
    assert server.answer() == {"exited": pid, "status": 0}
    pid = server.request(_request(tmp_path, CONFIG_NAME))["pid"]
    wait_until("the node to answer again", lambda: _answers(config))
    os.kill(pid, signal.SIGKILL)
    assert server.answer() == {"exited": pid, "status": -signal.SIGKILL}


def test_exit_codes_and_errors_are_those_of_the_program(server: _Server, tmp_path: Path) -> None:
    for arguments, status in ((["--version"], 0), (["--nope"], 2), (["missing.yaml"], 1)):
        pid = server.request(_request(tmp_path, *arguments))["pid"]
        assert server.answer() == {"exited": pid, "status": status}
    assert (tmp_path / "stdout").read_text().startswith("nomos-node ")
    assert "missing.yaml: No such file or directory (os error 2)" in (tmp_path / "stderr").read_text()


def test_the_environment_is_the_requests_own(server: _Server, config: NodeConfig, tmp_path: Path) -> None:
    pid = server.request(_request(tmp_path, CONFIG_NAME, NOMOS_PROVER="unheard-of"))["pid"]
    assert server.answer() == {"exited": pid, "status": 1}
    assert "NOMOS_PROVER is 'unheard-of'" in (tmp_path / "stderr").read_text()


@pytest.mark.parametrize(
    ("request_line", "reason"),
    [
        ("no json", "expected a JSON object with argv, cwd, stdout, stderr and env"),
        ("[]", "expected a JSON object"),
        ("{}", "KeyError: 'argv'"),
        ({"argv": ["rm"], "cwd": "/", "stdout": "a", "stderr": "b", "env": {}}, "must begin with one of nomos-node"),
        (
            {"argv": ["nomos-node"], "cwd": "/", "stdout": "/nowhere/a", "stderr": "/nowhere/b", "env": {}},
            "No such file or directory",
        ),
        (
            {"argv": ["nomos-node"], "cwd": "/nowhere", "stdout": "/dev/null", "stderr": "/dev/null", "env": {}},
            "cwd /nowhere is no directory",
        ),
    ],
)
def test_bad_requests_are_answered_with_a_reason(server: _Server, request_line: Any, reason: str) -> None:
    assert reason in server.request(request_line)["error"]


def _is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _close_stdin(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.close()


@pytest.mark.parametrize("end", [_close_stdin, subprocess.Popen.terminate, subprocess.Popen.kill])
def test_no_node_outlives_the_server(
    server: _Server, config: NodeConfig, tmp_path: Path, end: Callable[[subprocess.Popen[str]], None]
) -> None:
    pid = server.request(_request(tmp_path, CONFIG_NAME))["pid"]
    wait_until("the node to answer", lambda: _answers(config))
    end(server.process)
    began = time.monotonic()
    wait_until("the node to be gone", lambda: _is_gone(pid))
    assert time.monotonic() - began < 1
    server.process.wait(timeout=5)


def test_nodes_started_either_way_are_the_same_program(config: NodeConfig, tmp_path: Path) -> None:
    with NodeProcess(config, tmp_path).start() as node:
        node.wait_ready()
        title = _title(psutil.Process(node.process.pid))
        assert title == f"nomos-node {tmp_path.parent.name}/{tmp_path.name}/{CONFIG_NAME}"
