"""Starting from a fork server looks the same as starting a program."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from nomos_testing.deployers.local.child_process import Command, LaunchError, described_status
from nomos_testing.deployers.local.fork_server import ForkServer
from nomos_testing.deployers.local.log_files import STDERR_NAME, STDOUT_NAME
from support.processes.fake_node_processes import (
    eventually,
    fake_blueprint,
    fake_environment,
    fake_program,
    is_gone,
)

pytestmark = pytest.mark.network


@asynccontextmanager
async def fake_fork_server(directory: Path) -> AsyncIterator[ForkServer]:
    server = ForkServer(
        (sys.executable, "-m", "support.fakes.fake_fork_server"),
        stderr=directory / "fork-server.log",
        env=fake_environment(),
    )
    await server.start()
    try:
        yield server
    finally:
        await server.close()


def command_for(directory: Path, **fake: object) -> Command:
    blueprint = fake_blueprint(**fake)
    own = directory / blueprint.name
    own.mkdir()
    (own / "validator.yaml").write_text(blueprint.config)
    argv = (str(fake_program(directory)), "validator.yaml")
    return Command(argv, cwd=own, stdout=own / STDOUT_NAME, stderr=own / STDERR_NAME, env=fake_environment())


async def test_a_node_is_a_process_of_its_own_in_its_own_directory(tmp_path: Path) -> None:
    async with fake_fork_server(tmp_path) as server:
        command = command_for(tmp_path)
        node = await server.launch(command)
        process = psutil.Process(node.pid)
        with eventually("the node's first line") as attempts:
            for _ in attempts:
                if command.stdout.exists() and "fake node" in command.stdout.read_text():
                    break
        assert os.getsid(node.pid) == node.pid
        assert process.ppid() == server.pid
        await node.end(grace=5)
        assert is_gone(node.pid)


async def test_exit_codes_and_signals_are_known(tmp_path: Path) -> None:
    async with fake_fork_server(tmp_path) as server:
        node = await server.launch(command_for(tmp_path, exit_code=3))
        assert await node.wait() == 3
        (tmp_path / "validator-0" / "validator.yaml").unlink()
        (tmp_path / "validator-0").rename(tmp_path / "gone")
        other = await server.launch(command_for(tmp_path, mute=True))
        other.send(signal.SIGKILL)
        assert described_status(await other.wait()) == "killed by SIGKILL"


async def test_what_the_server_refuses_is_a_launch_error(tmp_path: Path) -> None:
    async with fake_fork_server(tmp_path) as server:
        command = Command(("nomos-node",), tmp_path / "none", tmp_path / "out", tmp_path / "err", {})
        with pytest.raises(LaunchError, match="none is no directory"):
            await server.launch(command)


async def test_a_server_that_died_is_a_launch_error_with_its_log(tmp_path: Path) -> None:
    server = ForkServer((sys.executable, "-c", "raise SystemExit('no module')"), stderr=tmp_path / "log", env={})
    await server.start()
    with pytest.raises(LaunchError, match=f"the fork server has ended; its errors are in {tmp_path / 'log'}"):
        await server.launch(command_for(tmp_path))
    await server.close()
    assert "no module" in (tmp_path / "log").read_text()


async def test_closing_kills_what_still_runs(tmp_path: Path) -> None:
    async with fake_fork_server(tmp_path) as server:
        node = await server.launch(command_for(tmp_path, mute=True))
    await node.wait()
    assert is_gone(node.pid)


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (0, "exit code 0"),
        (1, "exit code 1"),
        (-9, "killed by SIGKILL"),
        (-200, "killed by signal 200"),
        (None, "exit code unknown"),
    ],
)
def test_statuses_are_told_in_words(code: int | None, text: str) -> None:
    assert described_status(code) == text
