"""Lines to a program and back, and the ways in which the program ends."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from nomos_testing.deployers.shared.line_channel import ProcessChannel
from support.inputs.fault_deadlines import GONE_WITHIN
from support.processes.fake_node_processes import is_gone

ECHO = "import sys\nfor line in sys.stdin: print('echo', line, end='', flush=True)"
DEAF = "import signal, time\nprint('deaf', flush=True)\nwhile True: time.sleep(60)"


@asynccontextmanager
async def channel_to(program: str, stderr: Path | None = None) -> AsyncIterator[ProcessChannel]:
    channel = await ProcessChannel.open((sys.executable, "-S", "-c", program), environ={"WORD": "told"}, stderr=stderr)
    try:
        async with asyncio.timeout(GONE_WITHIN):
            yield channel
    finally:
        await channel.close()


async def test_lines_go_out_and_come_back_in_order() -> None:
    async with channel_to(ECHO) as channel:
        for word in (b"one", b"two"):
            await channel.write(word)
        assert [await channel.read(), await channel.read()] == [b"echo one\n", b"echo two\n"]
        assert channel.name == f"pid {channel.pid}"


async def test_a_program_that_ends_is_told_by_read_and_by_its_status() -> None:
    async with channel_to("raise SystemExit(3)") as channel:
        assert await channel.ended() == "exit code 3"
        await channel.write(b"nobody reads this")
        assert await channel.read() == b""


async def test_a_program_that_was_killed_is_told_by_its_signal() -> None:
    async with channel_to(DEAF) as channel:
        os.kill(channel.pid, signal.SIGKILL)
        assert await channel.ended() == "killed by SIGKILL"


async def test_a_program_ends_with_its_input() -> None:
    async with channel_to(ECHO) as channel:
        await channel.close(grace=GONE_WITHIN)
        assert await channel.ended() == "exit code 0"
        await channel.close()


async def test_a_program_that_does_not_end_with_its_input_is_killed() -> None:
    async with channel_to(DEAF) as channel:
        assert await channel.read() == b"deaf\n"
        await channel.close(grace=0.05)
        assert is_gone(channel.pid)
        assert await channel.ended() == "killed by SIGKILL"


async def test_environment_and_errors_go_where_they_are_asked_to_go(tmp_path: Path) -> None:
    program = "import os, sys\nprint(os.environ['WORD'], file=sys.stderr)"
    async with channel_to(program, tmp_path / "errors") as channel:
        assert await channel.ended() == "exit code 0"
    assert (tmp_path / "errors").read_text() == "told\n"


async def test_a_program_that_is_not_there_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await ProcessChannel.open((str(tmp_path / "none"),))
