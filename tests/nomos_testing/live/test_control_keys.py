"""The keys of the live view ask the runner for actions, and show what it refuses."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

from textual.pilot import Pilot
from textual.widgets import OptionList

from nomos_testing.journal.events import NodeControlled
from nomos_testing.live.control_keys import ControlApp
from nomos_testing.runtime.control_protocol import SOCKET_NAME, short_path
from support.inputs.live_journals import append, entry, run_of
from support.screens import press, screen_text, until

SIZE = (120, 40)


class FakeRunner:
    """The control socket of a runner that notes what it is asked, and refuses what it is told to refuse."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.refusals: dict[str, str] = {}
        self._serving: list[asyncio.Task[None]] = []

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._serving.append(asyncio.create_task(self._serve(reader, writer)))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer):
            while line := await reader.readline():
                request = json.loads(line)
                number = request.pop("id")
                self.asked.append(request)
                refusal = self.refusals.get(request["do"])
                answer = {"ok": True, "result": None} if refusal is None else {"ok": False, "error": refusal}
                writer.write(json.dumps({"id": number, **answer}).encode() + b"\n")

    @asynccontextmanager
    async def listening(self, directory: Path) -> AsyncIterator[None]:
        with short_path(directory) as path:
            server = await asyncio.start_unix_server(self._accept, path)
        try:
            yield
        finally:
            server.close()
            for serving in self._serving:
                serving.cancel()
            await asyncio.gather(*self._serving, return_exceptions=True)
            (directory / SOCKET_NAME).unlink(missing_ok=True)


@asynccontextmanager
async def controlling(directory: Path) -> AsyncIterator[tuple[FakeRunner, ControlApp, Pilot[str]]]:
    append(directory, *(item for item in run_of(directory) if item.at < 4))
    runner, app = FakeRunner(), ControlApp(directory)
    async with runner.listening(directory), app.run_test(size=SIZE, notifications=True) as pilot:
        await until(pilot, "the nodes", lambda: app.table.row_count == 3)
        yield runner, app, pilot


async def ask(pilot: Pilot[str], runner: FakeRunner, *keys: str, expected: dict[str, str]) -> None:
    press(pilot, *keys)
    await until(pilot, f"the request {expected}", lambda: bool(runner.asked) and runner.asked[-1] == expected)


async def test_keys_act_on_the_chosen_node(tmp_path: Path) -> None:
    async with controlling(tmp_path) as (runner, app, pilot):
        press(pilot, "down")
        await until(pilot, "the second node", lambda: app.table.chosen == "validator-1")
        node = {"node": "validator-1"}
        await ask(pilot, runner, "p", expected={"do": "pause", **node})
        await ask(pilot, runner, "r", expected={"do": "restart", **node})
        await ask(pilot, runner, "t", expected={"do": "stop", **node})
        await ask(pilot, runner, "s", expected={"do": "start", **node})
        await ask(pilot, runner, "h", expected={"do": "heal"})
        await until(pilot, "the answer", lambda: "heal: done" in screen_text(pilot))
        append(tmp_path, entry(4.0, NodeControlled("validator-1", "pause", 0.1)))
        await until(pilot, "the pause", lambda: app.playback.state.nodes["validator-1"].state == "paused")
        await ask(pilot, runner, "p", expected={"do": "resume", **node})


async def test_a_kill_and_an_end_are_asked_for_twice(tmp_path: Path) -> None:
    async with controlling(tmp_path) as (runner, _, pilot):
        for key, question, request in (
            ("k", "Kill validator-0?", {"do": "kill", "node": "validator-0"}),
            ("e", "End this network?", {"do": "end"}),
        ):
            for no in ("n", "escape", "enter"):
                press(pilot, key)
                await until(pilot, "the question", lambda question=question: question in screen_text(pilot))
                press(pilot, no)
                await until(pilot, "its end", lambda question=question: question not in screen_text(pilot))
            assert request not in runner.asked
            press(pilot, key)
            await until(pilot, "the question", lambda question=question: question in screen_text(pilot))
            await ask(pilot, runner, "y", expected=request)


async def test_a_cut_asks_for_the_other_node(tmp_path: Path) -> None:
    async with controlling(tmp_path) as (runner, _, pilot):
        question = "Cut the links between validator-0 and"
        for downs, other in ((0, {}), (1, {"other": "validator-1"}), (2, {"other": "validator-2"})):
            press(pilot, "c")
            await until(pilot, "the choice", lambda: isinstance(pilot.app.focused, OptionList))
            await until(pilot, "the question", lambda: question in screen_text(pilot))
            await ask(pilot, runner, *["down"] * downs, "enter", expected={"do": "cut", "node": "validator-0", **other})
            await until(pilot, "its end", lambda: question not in screen_text(pilot))
        press(pilot, "c")
        await until(pilot, "the question", lambda: question in screen_text(pilot))
        press(pilot, "escape")
        await until(pilot, "its end", lambda: question not in screen_text(pilot))
        assert len(runner.asked) == 3


async def test_a_refusal_is_shown_as_it_is(tmp_path: Path) -> None:
    async with controlling(tmp_path) as (runner, _, pilot):
        runner.refusals["restart"] = "[b]not[/b] now: fault 3 is in progress"
        press(pilot, "r")
        await until(pilot, "the refusal", lambda: "[b]not[/b] now: fault 3" in screen_text(pilot))


async def test_the_past_cannot_be_changed(tmp_path: Path) -> None:
    async with controlling(tmp_path) as (runner, _, pilot):
        press(pilot, "space", "r")
        await until(pilot, "the refusal", lambda: "the view shows the past" in screen_text(pilot))
        await ask(pilot, runner, "end", "r", expected={"do": "restart", "node": "validator-0"})
        assert len(runner.asked) == 1


async def test_a_run_that_is_over_or_has_no_runner_is_refused(tmp_path: Path) -> None:
    entries = run_of(tmp_path)
    append(tmp_path, *(item for item in entries if item.at < 4))
    app = ControlApp(tmp_path)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await until(pilot, "the nodes", lambda: app.table.row_count == 3)
        press(pilot, "k")
        await until(pilot, "the refusal", lambda: "kill: no network of" in screen_text(pilot))
        append(tmp_path, *(item for item in entries if item.at >= 4))
        await until(pilot, "the end", lambda: app.playback.run_is_over)
        press(pilot, "p")
        await until(pilot, "the refusal", lambda: "pause: the run is over" in screen_text(pilot))


async def test_a_runner_that_listens_again_is_found_again(tmp_path: Path) -> None:
    append(tmp_path, *(item for item in run_of(tmp_path) if item.at < 4))
    app = ControlApp(tmp_path)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await until(pilot, "the nodes", lambda: app.table.row_count == 3)
        for _ in range(2):
            runner = FakeRunner()
            async with runner.listening(tmp_path):
                await ask(pilot, runner, "h", expected={"do": "heal"})
