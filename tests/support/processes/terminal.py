"""A program in a terminal of its own, with keys from a test."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

SIZE = (40, 120)
DEADLINE_SECONDS = 120.0


class Terminal:
    """A program that thinks it is used by a person."""

    def __init__(self, pid: int, terminal: int) -> None:
        self.pid = pid
        self.output = b""
        self._terminal = terminal
        self._status: int | None = None

    def press(self, keys: str) -> None:
        os.write(self._terminal, keys.encode())

    def until(self, waited_for: str, holds: Callable[[], bool]) -> None:
        """Read the program's output until a condition holds."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not holds():
            assert time.monotonic() < deadline, f"timed out waiting for {waited_for}; output: {self.output[-3000:]!r}"
            self._read()

    def exit_code(self) -> int:
        """Wait for the end of the program, and return its exit code."""
        self.until("the end of the program", self._ended)
        assert self._status is not None
        return os.waitstatus_to_exitcode(self._status)

    def close(self) -> None:
        if not self._ended():
            os.kill(self.pid, signal.SIGTERM)
            self.exit_code()
        os.close(self._terminal)

    def _read(self) -> None:
        if select.select([self._terminal], [], [], 0.05)[0]:
            try:
                self.output += os.read(self._terminal, 65536)
            except OSError:  # every process has left the terminal
                time.sleep(0.05)

    def _ended(self) -> bool:
        if self._status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._read()
                self._status = status
        return self._status is not None


@contextmanager
def in_terminal(command: Sequence[str]) -> Iterator[Terminal]:
    """Run a program in a new terminal."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ["TERM"] = "xterm-256color"
        os.execv(command[0], command)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", *SIZE, 0, 0))
    program = Terminal(pid, terminal)
    try:
        yield program
    finally:
        program.close()
