"""Runs the inputs of a Python prompt inside the runner, with the context of the run at hand.

An input may use ``await`` outside of functions. Names persist from one input to the next.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import io
import pydoc
import traceback
from collections.abc import Coroutine, Generator
from contextlib import redirect_stdout
from dataclasses import dataclass
from types import coroutine
from typing import Any, Final

from nomos_testing.client.node_client import NodeClient
from nomos_testing.runtime.context import RunContext

INPUT_NAME: Final = "<shell>"
"""The name of an input's file in tracebacks."""
_LONGEST_OUTPUT: Final = 1_000_000
"""Characters."""
_HELP: Final = """\
ctx           the context of the run, as workloads get it: ctx.block_feed(), ctx.node_clients(), ctx.wallet_accounts()
nodes         the nodes by name: nodes["validator-0"].url
client(name)  the HTTP client of a node: await client("validator-0").consensus_info()
help(x)       explains an object or a function, such as help(client("validator-0"))
await works outside of functions. An input that does not await stops the runner while it runs: keep it short.
Ctrl-C cancels the input that runs. Ctrl-D leaves the shell, and the network stays up."""


@dataclass(frozen=True, slots=True)
class PromptAnswer:
    """The result of an input."""

    output: str
    """The text that it printed."""
    value: str | None = None
    """The representation of its last expression; None if there is none, or its value is None."""
    error: str | None = None
    """The traceback of the error that ended it."""


class Prompt:
    """One prompt. Its names are its own."""

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self._names: dict[str, Any] = {
            "__name__": "__console__",
            "__builtins__": builtins,
            "ctx": context,
            "client": self._client,
            "help": _help,
        }

    async def run(self, source: str) -> PromptAnswer:
        """Run one input."""
        output = io.StringIO()
        self._names["nodes"] = {node.name: node for node in self._context.cluster().nodes}
        value, error = None, None
        try:
            result = await _printing_to(output, self._evaluate(source))
            if result is not None:
                self._names["_"] = result
                value = _cut(repr(result))
        except (Exception, SystemExit, KeyboardInterrupt) as raised:  # exit() ends the input, never the run
            error = _explained(raised)
        return PromptAnswer(_cut(output.getvalue()), value, error)

    async def _evaluate(self, source: str) -> Any:
        tree = compile(source, INPUT_NAME, "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        await self._execute(tree, "exec")
        return None if last is None else await self._execute(ast.Expression(last.value), "eval")

    async def _execute(self, tree: ast.Module | ast.Expression, mode: str) -> Any:
        code = compile(tree, INPUT_NAME, mode, ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        # The shell exists to run the code of whoever started the run; the socket is open to nobody else.
        result = eval(code, self._names)
        return await result if code.co_flags & inspect.CO_COROUTINE else result

    def _client(self, name: str) -> NodeClient:
        """Return the HTTP client of a node."""
        for node in self._context.cluster().nodes:
            if node.name == name:
                return node.client
        raise KeyError(f"there is no node {name!r}; the network has {', '.join(self._names['nodes'])}")


def _help(*subjects: Any) -> None:
    """Explain an object, or without one what the shell offers."""
    print("\n".join(pydoc.plain(pydoc.render_doc(subject)) for subject in subjects) if subjects else _HELP)


@coroutine
def _printing_to(output: io.StringIO, work: Coroutine[Any, Any, Any]) -> Generator[Any, Any, Any]:
    """Do ``work`` and redirect what it prints. What others print while it waits is not redirected."""
    sent: Any = None
    raised: BaseException | None = None
    while True:
        try:
            with redirect_stdout(output):
                waited_for = work.send(sent) if raised is None else work.throw(raised)
        except StopIteration as ended:
            return ended.value
        sent, raised = None, None
        try:
            sent = yield waited_for
        except BaseException as error:
            raised = error


def _explained(error: BaseException) -> str:
    """Return the traceback from the input on, without the frames of the prompt itself."""
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename != INPUT_NAME:
        frames = frames.tb_next
    return "".join(traceback.format_exception(type(error), error, frames)).rstrip()


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_OUTPUT else text[:_LONGEST_OUTPUT] + "... (cut)"
