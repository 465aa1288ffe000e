"""The log of ``docker`` commands: each with what became of it and how long it took."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest

from nomos_testing.deployers.compose.docker import Docker
from nomos_testing.deployers.compose.errors import CommandFailed
from support.fakes.fake_docker import fake_docker


async def test_each_command_is_in_the_log_with_its_status_and_time(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    answers = [(["pause"], {}), (["start"], {"err": "no such container: x\n", "status": 3}), (["exec"], {})]
    docker = Docker({**fake_docker(tmp_path, answers), "SECRET": "hunter2"}, str(tmp_path / "docker"))
    caplog.set_level(logging.DEBUG, "nomos_testing")
    await docker.ask("pause", "node-1")
    with pytest.raises(CommandFailed):
        await docker.ask("start", "x")
    await docker.ask("exec", "node-1", "python3", "-c", "import os\n" + "os.getpid()\n" * 100)
    paused, failed, executed = caplog.messages
    assert re.fullmatch(r"\S+/docker pause node-1: exited with status 0 \(\d+ ms\)", paused)
    assert re.fullmatch(r"\S+/docker start x: exited with status 3 \(\d+ ms\): no such container: x", failed)
    assert re.fullmatch(r"\S+/docker exec node-1 python3 -c 'import os os.getpid\(\).{1,250}", executed)
    assert "hunter2" not in caplog.text
