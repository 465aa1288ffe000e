"""``python -m nomos_node.fork_server``: starts nodes as forks of one process that has their modules imported.

Each node is a process with its own session, working directory, environment and title. A request is a JSON line on
stdin::

    {"argv": ["nomos-node", "validator.yaml"], "cwd": "...", "stdout": "...", "stderr": "...", "env": {...}}

The answer is a line on stdout, ``{"pid": 123}`` or ``{"error": "..."}``. When the node ends, ``{"exited": 123,
"status": 0}`` follows (a negative status is the signal that killed it). When stdin closes, or on SIGTERM, the server
kills the nodes and ends. When the server is killed, the kernel kills the nodes.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import selectors
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final, NoReturn

PRELOADED: Final = (
    "nomos_node.process",
    "nomos_node.program",
    "nomos_node.command_line",
    "uvicorn.protocols.http.h11_impl",
)
_PR_SET_PDEATHSIG: Final = 1


class BadRequest(ValueError):
    """Error: a line of stdin is no valid request. The message says what was expected."""


@dataclass(frozen=True, slots=True)
class LaunchRequest:
    """Request to start a node."""

    argv: tuple[str, ...]
    cwd: Path
    stdout: Path
    stderr: Path
    env: Mapping[str, str]

    @classmethod
    def parse(cls, line: str) -> LaunchRequest:
        """Read a line of stdin.

        Raises:
            BadRequest: the line is not a request.
        """
        from nomos_node.command_line import PROGRAMS

        try:
            fields = json.loads(line)
            argv = tuple(str(argument) for argument in fields["argv"])
            cwd, stdout, stderr = (Path(fields[name]) for name in ("cwd", "stdout", "stderr"))
            env = {str(name): str(value) for name, value in fields["env"].items()}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BadRequest(
                f"expected a JSON object with argv, cwd, stdout, stderr and env: {type(error).__name__}: {error}"
            ) from error
        if not argv or argv[0] not in PROGRAMS:
            raise BadRequest(f"argv must begin with one of {', '.join(PROGRAMS)}, got {list(argv)}")
        return cls(argv, cwd, stdout, stderr, env)


class ForkServer:
    """Server that forks nodes and reports their ends."""

    def __init__(self) -> None:
        self._children: set[int] = set()
        self._unread = b""
        self._wakeup_read, self._wakeup_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._ending = False

    def serve(self) -> None:
        """Serve until stdin closes or SIGTERM arrives."""
        signal.set_wakeup_fd(self._wakeup_write)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.signal(signal.SIGTERM, lambda number, frame: setattr(self, "_ending", True))
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        with selectors.DefaultSelector() as selector:
            selector.register(sys.stdin.fileno(), selectors.EVENT_READ, self._read_requests)
            selector.register(self._wakeup_read, selectors.EVENT_READ, self._reap)
            while not self._ending:
                for key, _ in selector.select():
                    key.data()
        self._kill_children()

    def _read_requests(self) -> None:
        data = os.read(sys.stdin.fileno(), 1 << 20)
        if not data:
            self._ending = True
        *lines, self._unread = (self._unread + data).split(b"\n")
        for line in filter(None, lines):
            _say(self._answer(line.decode(errors="replace")))

    def _answer(self, line: str) -> dict[str, Any]:
        try:
            return {"pid": self._launch(LaunchRequest.parse(line))}
        except (BadRequest, OSError) as error:
            return {"error": str(error)}

    def _launch(self, request: LaunchRequest) -> int:
        """Fork a node and return its pid.

        Raises:
            OSError: the directory or the output files are not there, or there is no process left.
        """
        with contextlib.ExitStack() as files:
            outputs = [files.enter_context(path.open("ab")).fileno() for path in (request.stdout, request.stderr)]
            if not request.cwd.is_dir():
                raise NotADirectoryError(f"cwd {request.cwd} is no directory")
            pid = os.fork()
            if pid == 0:
                self._become(request, outputs)
        self._children.add(pid)
        return pid

    def _become(self, request: LaunchRequest, outputs: Sequence[int]) -> NoReturn:
        """Run the node in the child, from the fork to the end of the process."""
        status = 1
        try:
            _die_with(os.getppid())
            os.setsid()
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_DFL)
            _redirect(outputs)
            os.close(self._wakeup_read)
            os.close(self._wakeup_write)
            status = _run(request)
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else 1
        except BaseException as error:
            sys.excepthook(type(error), error, error.__traceback__)
        finally:
            with contextlib.suppress(OSError, ValueError):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(status)

    def _reap(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._wakeup_read, 4096)
        for pid in tuple(self._children):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                self._children.discard(pid)
                _say({"exited": pid, "status": os.waitstatus_to_exitcode(status)})

    def _kill_children(self) -> None:
        for pid in self._children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for pid in self._children:
            os.waitpid(pid, 0)


def _run(request: LaunchRequest) -> int:
    from nomos_node.command_line import main

    os.chdir(request.cwd)
    os.environ.clear()
    os.environ.update(request.env)
    sys.argv = list(request.argv)
    return main(request.argv[0], request.argv[1:])


def _redirect(outputs: Sequence[int]) -> None:
    """Connect stdin to nothing, stdout and stderr to the files."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in zip((nothing, *outputs), range(3), strict=True):
        os.dup2(source, target)
    os.close(nothing)
    sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115 (open until the process ends)


def _die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent dies, also if the parent is dead already."""
    import ctypes

    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def preload() -> None:
    """Import the modules of a node. Starts no thread: forks would lack it."""
    from setproctitle import getproctitle

    from nomos_node.network import preload as preload_network

    getproctitle()  # setproctitle must find the place of the title while the environment is where the kernel put it
    preload_network()
    for module in PRELOADED:
        import_module(module)


def main() -> None:
    preload()
    # The garbage collector must not touch shared memory: forks would copy the pages.
    gc.collect()
    gc.freeze()
    with contextlib.suppress(BrokenPipeError):
        ForkServer().serve()


if __name__ == "__main__":
    main()
