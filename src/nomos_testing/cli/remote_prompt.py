"""The prompt of ``nomos-testing shell``: it reads inputs here, and the runner of the network runs them."""

from __future__ import annotations

import ast
import asyncio
import code
import sys
from codeop import CommandCompiler
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from nomos_testing.evidence.node_logs import plain_text
from nomos_testing.runtime.control_client import ControlClient, ControlRefused

_INTERRUPTED: Final = 130
_HISTORY: Final = Path("~/.nomos_testing_history")
_BANNER: Final = """\
{nodes} of {directory}
ctx, nodes, client(name) and help() are there, and await works outside of functions. Ctrl-D leaves."""


def run_command(run_directory: Path, source: str) -> int:
    """Run one input, print what comes of it, and return the exit code.

    Raises:
        ControlRefused: no network of this run is there.
    """
    with asyncio.Runner() as loop:
        client = loop.run(ControlClient.connect(run_directory))
        try:
            return 0 if _show(loop.run(client.ask("run", source=source))) else 1
        except KeyboardInterrupt:
            return _INTERRUPTED
        finally:
            loop.run(client.close())


def run_prompt(run_directory: Path) -> int:
    """Read inputs until the user leaves or the network ends, and return the exit code.

    Raises:
        ControlRefused: no network of this run is there.
    """
    with asyncio.Runner() as loop:
        client = loop.run(ControlClient.connect(run_directory))
        prompt = _RemotePrompt(loop, client)
        try:
            status = loop.run(client.ask("status"))
            with suppress(ImportError):
                _begin_history()
            prompt.interact(_BANNER.format(nodes=", ".join(status["nodes"]), directory=run_directory), exitmsg="")
        except SystemExit:
            return 1 if prompt.lost else 0
        finally:
            loop.run(client.close())
    return 0


class _RemotePrompt(code.InteractiveConsole):
    """Reads inputs as Python does, and sends each that is complete."""

    def __init__(self, loop: asyncio.Runner, client: ControlClient) -> None:
        super().__init__()
        self.lost = False
        """True once the network has ended."""
        self._loop = loop
        self._client = client
        self._complete = CommandCompiler()
        self._complete.compiler.flags |= ast.PyCF_ALLOW_TOP_LEVEL_AWAIT

    def runsource(self, source: str, filename: str = "<shell>", symbol: str = "single") -> bool:
        """Send an input to the runner. Return True if it is not complete yet."""
        try:
            if self._complete(source, filename, symbol) is None:
                return True
        except (OverflowError, SyntaxError, ValueError):
            self.showsyntaxerror(filename)
            return False
        if source.strip() in {"exit", "quit", "exit()", "quit()"}:
            raise SystemExit
        try:
            _show(self._loop.run(self._client.ask("run", source=source)))
        except ControlRefused as refused:
            self.write(f"{refused}\n")
            if self._client.ended:
                self.lost = True
                raise SystemExit from None
        except KeyboardInterrupt:
            self.write("\nthe input is cancelled, the network runs on\n")
        return False

    def raw_input(self, prompt: str = "") -> str:
        """Read a line. The shell ends if the network has ended meanwhile."""
        line = super().raw_input(prompt)
        self._loop.run(asyncio.sleep(0))  # hear what the runner has said meanwhile
        return line


def _begin_history() -> None:
    """Remember inputs from one shell to the next, and let the arrow keys bring them back."""
    import atexit
    import readline

    file = _HISTORY.expanduser()
    with suppress(OSError):
        readline.read_history_file(file)
    atexit.register(_keep_history, file)


def _keep_history(file: Path) -> None:
    import readline

    with suppress(OSError):
        readline.write_history_file(file)


def _show(answer: dict[str, Any]) -> bool:
    """Print the answer to an input. Return False if an error ended it."""
    for text in (answer["output"].rstrip("\n"), answer["value"]):
        if text:
            print(_printable(text), flush=True)
    if answer["error"] is not None:
        print(_printable(answer["error"]), file=sys.stderr, flush=True)
    return answer["error"] is None


def _printable(text: str) -> str:
    """Take control characters out of each line: they may come from a node."""
    return "\n".join(map(plain_text, text.split("\n")))
