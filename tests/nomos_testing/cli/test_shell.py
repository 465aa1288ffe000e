"""``nomos-testing shell`` beside a run in memory: inputs, cancelled inputs, and the end of the network."""

from __future__ import annotations

import asyncio
import os
import pty
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from support.fakes.control_lab import PATIENCE, lab


@dataclass
class Terminal:
    """A shell in a terminal of its own."""

    process: asyncio.subprocess.Process
    terminal: int
    shown: str = ""

    def type(self, text: str) -> None:
        os.write(self.terminal, text.encode())

    async def until(self, text: str) -> None:
        """Wait until the terminal shows a text, and forget all up to it."""
        loop = asyncio.get_running_loop()
        readable = asyncio.Event()
        loop.add_reader(self.terminal, readable.set)
        try:
            async with asyncio.timeout(PATIENCE):
                while text not in self.shown:
                    await readable.wait()
                    readable.clear()
                    with suppress(BlockingIOError):  # the loop may say it once too often
                        self.shown += os.read(self.terminal, 10_000).decode()
        except TimeoutError:
            raise AssertionError(f"waited for {text!r}, the terminal shows {self.shown!r}") from None
        finally:
            loop.remove_reader(self.terminal)
        self.shown = self.shown.partition(text)[2]

    async def ended(self) -> int:
        async with asyncio.timeout(PATIENCE):
            return await self.process.wait()


@asynccontextmanager
async def shell(run_directory: Path, home: Path) -> AsyncIterator[Terminal]:
    terminal, inner = pty.openpty()
    os.set_blocking(terminal, False)
    program = f"from nomos_testing.cli.main import main; main(['shell', {str(run_directory)!r}])"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program),
        stdin=inner,
        stdout=inner,
        stderr=inner,
        env=os.environ | {"HOME": str(home), "TERM": "dumb"},
        start_new_session=True,
    )
    os.close(inner)
    try:
        yield Terminal(process, terminal)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        os.close(terminal)


async def test_an_interrupt_cancels_the_input_and_not_the_network(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    async with lab(tmp_path / "runs") as net, shell(net.directory, home) as prompt:
        await prompt.until(">>> ")
        prompt.type("x = 20\n")
        await prompt.until(">>> ")
        prompt.type("ctx.waits = True; await __import__('asyncio').Event().wait()\n")
        await net.until_told("waits")
        prompt.process.send_signal(signal.SIGINT)
        await prompt.until("the input is cancelled, the network runs on")
        await prompt.until(">>> ")
        prompt.type("x + 1\n")
        await prompt.until("21")
        await prompt.until(">>> ")
        prompt.type("def double(n):\n")
        await prompt.until("... ")
        prompt.type("    return 2 * n\n\n")
        await prompt.until(">>> ")
        prompt.type("double(21)\n")
        await prompt.until("42")
        prompt.type("exit()\n")
        assert await prompt.ended() == 0
        assert "nodes" in await net.client.ask("status")
    assert "double(21)" in (home / ".nomos_testing_history").read_text()


async def test_the_shell_leaves_when_the_network_has_ended(tmp_path: Path) -> None:
    async with lab(tmp_path) as net, shell(net.directory, tmp_path) as prompt:
        await prompt.until(">>> ")
        prompt.type("1 + 1\n")
        await prompt.until("2")
        await net.server.close()
        prompt.type("1 + 1\n")
        await prompt.until("the network has ended")
        assert await prompt.ended() == 1
