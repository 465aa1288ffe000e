"""The live view on a terminal: its layouts, its keys, a run in progress, and a run played back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from nomos_testing.journal.events import Notice, RunEnded
from nomos_testing.journal.journal import JOURNAL_NAME
from nomos_testing.live.app import WatchApp
from nomos_testing.live.panes import NodeTable, Pane
from support.inputs.live_journals import append, entry, run_of
from support.screens import press, screen_text, text_of, until

WIDE = (120, 40)
NARROW = (80, 24)


@asynccontextmanager
async def watching(
    directory: Path, *, size: tuple[int, int] = WIDE, playing: bool = True, **options: Any
) -> AsyncIterator[tuple[WatchApp, Pilot[str]]]:
    app = WatchApp(directory, **options)
    app.playback.playing = playing
    async with app.run_test(size=size) as pilot:
        yield app, pilot


def pane(app: WatchApp, name: str) -> str:
    return app.screen_stack[0].query_one(f"#{name}", Pane).shown.plain


def rows(app: WatchApp) -> list[str]:
    table = app.screen_stack[0].query_one(NodeTable)
    return [str(table.get_cell_at((row, 0))) for row in range(table.row_count)]


async def test_a_wide_terminal_shows_everything_at_once(tmp_path: Path) -> None:
    append(tmp_path, *run_of(tmp_path))
    async with watching(tmp_path, start=4.6, playing=False, size=WIDE) as (app, pilot):
        await until(pilot, "the fault in progress", lambda: "! 1 for" in pane(app, "faults"))
        await pilot.pause()
        shown = screen_text(pilot)
        for expected in (
            "forks  local, slots of 0.5 s, seed 7",
            "transactions 8 of 20 sent, 4 included",
            "validator-2",
            "50 MB",
            "partition validator-2",
            "│ ●",
            "<- validator-2",
            "2 branches",
            "1 fault planned",
            "Log of validator-0",
            "? help",
            "q quit",
        ):
            assert expected in shown, shown
        assert len(shown.splitlines()) == WIDE[1]


async def test_a_narrow_terminal_shows_the_nodes_and_one_pane(tmp_path: Path) -> None:
    append(tmp_path, *run_of(tmp_path))
    async with watching(tmp_path, start=4.6, playing=False, size=NARROW) as (app, pilot):
        await until(pilot, "the blocks", lambda: "● │" in pane(app, "blocks"))
        for key, title, others in (
            ("2", "2 Faults", ("1 Blocks", "3 Messages", "4 Log")),
            ("3", "3 Messages", ("1 Blocks", "2 Faults", "4 Log")),
            ("4", "4 Log", ("1 Blocks", "2 Faults", "3 Messages")),
            ("1", "1 Blocks", ("2 Faults", "3 Messages", "4 Log")),
        ):
            await pilot.press(key)
            await until(pilot, title, lambda title=title: title in screen_text(pilot))
            shown = screen_text(pilot)
            assert all(f" {name} ─" not in shown for name in others), shown
            assert "validator-2" in shown
            assert all(len(line) <= NARROW[0] for line in shown.splitlines())


async def test_a_run_in_progress_is_followed_to_its_end(tmp_path: Path) -> None:
    entries = run_of(tmp_path)
    append(tmp_path, *(item for item in entries if item.at <= 4.5))
    async with watching(tmp_path) as (app, pilot):
        await until(
            pilot, "height 4", lambda: "height" in screen_text(pilot) and app.playback.state.progress.height == 4
        )
        assert "in progress" in text_of(pilot, "#head")
        append(tmp_path, *(item for item in entries if item.at > 4.5))
        await until(pilot, "the verdict", lambda: "PASSED" in text_of(pilot, "#head"))
        assert "ended after 11.5 s" in text_of(pilot, "#head")
        assert "the run ended: passed" in pane(app, "messages")


async def test_a_run_that_is_not_there_yet_is_waited_for(tmp_path: Path) -> None:
    directory = tmp_path / "later"
    async with watching(directory) as (app, pilot):
        await until(pilot, "a message", lambda: f"{JOURNAL_NAME} is not there yet" in text_of(pilot, "#head"))
        directory.mkdir()
        append(directory, *(item for item in run_of(directory) if item.at < 3))
        await until(pilot, "the nodes", lambda: rows(app) == ["validator-0", "validator-1", "validator-2"])


async def test_the_death_of_the_runner_is_shown(tmp_path: Path) -> None:
    append(tmp_path, *(item for item in run_of(tmp_path) if item.at < 3))
    async with watching(tmp_path) as (app, pilot):
        await until(pilot, "the run", lambda: "in progress" in text_of(pilot, "#head"))
        append(tmp_path, entry(5.0, RunEnded("killed", "the runner was killed")))
        await until(pilot, "its death", lambda: "KILLED" in text_of(pilot, "#head"))
        assert "the runner died: the runner was killed" in pane(app, "messages")


async def test_a_run_that_says_nothing_is_marked(tmp_path: Path) -> None:
    append(tmp_path, *run_of(tmp_path, over=False))
    async with watching(tmp_path) as (app, pilot):
        await until(pilot, "the run", lambda: "in progress" in text_of(pilot, "#head"))
        app.playback.advance(8.0)
        await until(pilot, "the mark", lambda: "the runner is busy or dead" in text_of(pilot, "#head"))


async def test_keys_move_through_a_finished_run(tmp_path: Path) -> None:
    append(tmp_path, *run_of(tmp_path))
    async with watching(tmp_path, start=0.0) as (app, pilot):
        await until(pilot, "the playback", lambda: "> 1x" in text_of(pilot, "#head"))
        await pilot.press("space")
        assert not app.playback.playing
        assert "|| 1x" in text_of(pilot, "#head")
        await pilot.press("home", "right")
        assert (app.playback.position, app.playback.state.progress.height) == (5.0, 5)
        await pilot.press("right")
        assert app.playback.position == 10.0
        await pilot.press("left", "left")
        assert (app.playback.position, app.playback.state.progress.height) == (0.0, 0)
        await pilot.press("plus", "plus", "minus")
        assert app.playback.speed == 2.0
        assert "|| 2x" in text_of(pilot, "#head")
        await pilot.press("end")
        assert app.playback.following
        assert "PASSED" in text_of(pilot, "#head")
        await pilot.press("shift+left")
        assert app.playback.position == 0.0


async def test_a_playback_reaches_the_end_by_itself(tmp_path: Path) -> None:
    append(tmp_path, *run_of(tmp_path))
    async with watching(tmp_path, speed=64.0) as (app, pilot):
        await until(pilot, "the end", lambda: "PASSED" in text_of(pilot, "#head"))
        assert app.playback.speed == 64.0


async def test_nodes_are_chosen_and_sorted_by_keyboard_and_mouse(tmp_path: Path) -> None:
    append(tmp_path, *run_of(tmp_path, nodes=12))
    async with watching(tmp_path, start=4.6, playing=False) as (app, pilot):
        await until(pilot, "the nodes", lambda: len(rows(app)) == 12)
        assert rows(app) == [f"validator-{index}" for index in range(12)]
        await pilot.press("down", "down")
        assert app.table.chosen == "validator-2"
        await until(pilot, "its log", lambda: "Log of validator-2" in screen_text(pilot))
        await pilot.press("o", "o", "o")  # state, height, peers
        assert app.table.sorted_by == "peers"
        assert rows(app)[-1] == "validator-11"
        assert app.table.chosen == "validator-2"
        await pilot.click("#nodes", offset=(3, 1))  # the title of the first column
        await until(pilot, "the order of names", lambda: app.table.sorted_by == "node")
        await pilot.click("#nodes", offset=(3, 3))
        await until(pilot, "the second row", lambda: app.table.chosen == "validator-1")


async def test_many_nodes_scroll(tmp_path: Path) -> None:
    append(tmp_path, *run_of(tmp_path, nodes=20))
    async with watching(tmp_path, size=NARROW) as (app, pilot):
        await until(pilot, "the nodes", lambda: len(rows(app)) == 20)
        await until(pilot, "the narrow layout", lambda: "validator-19" not in screen_text(pilot))
        await pilot.press(*["down"] * 19)
        await until(pilot, "the last node", lambda: "validator-19" in screen_text(pilot))
        assert app.table.chosen == "validator-19"


async def test_the_log_of_the_chosen_node_is_followed_and_searched(tmp_path: Path) -> None:
    append(tmp_path, *(item for item in run_of(tmp_path) if item.at < 4))
    log = tmp_path / "validator-0" / "node.log"
    log.parent.mkdir()
    log.write_text("2026-01-01T00:00:01Z  INFO nomos_chain: [bold]block[/bold] applied\n")
    async with watching(tmp_path) as (app, pilot):
        await until(pilot, "the first line", lambda: "[bold]block[/bold] applied" in pane(app, "log"))
        with log.open("a") as file:
            file.write("2026-01-01T00:00:02Z  WARN nomos_network: peer lost\n")
        await until(pilot, "the second line", lambda: "peer lost" in pane(app, "log"))
        await pilot.press("slash", *"PEER")
        await until(pilot, "the search", lambda: "applied" not in pane(app, "log") and "peer lost" in pane(app, "log"))
        await pilot.press("enter", "escape")
        await until(pilot, "all lines", lambda: "applied" in pane(app, "log"))


async def test_help_lists_the_keys(tmp_path: Path) -> None:
    append(tmp_path, *run_of(tmp_path))
    async with watching(tmp_path, size=NARROW) as (_, pilot):
        press(pilot, "question_mark")
        await until(pilot, "the help", lambda: "leave the view" in screen_text(pilot))
        press(pilot, "escape")
        await until(pilot, "its end", lambda: "leave the view" not in screen_text(pilot))
        press(pilot, "q")
        await until(pilot, "the end", lambda: not pilot.app.is_running)


async def test_texts_of_a_journal_are_shown_as_they_are(tmp_path: Path) -> None:
    append(tmp_path, *run_of(tmp_path), entry(11.6, Notice("[red]no markup[/red] [/] \x1b[2J<script>")))
    async with watching(tmp_path, start=1.0) as (app, pilot):
        await pilot.press("end")
        await until(pilot, "the message", lambda: "[red]no markup[/red] [/] <script>" in pane(app, "messages"))


async def test_a_journal_whose_first_line_cannot_be_read_is_shown(tmp_path: Path) -> None:
    (tmp_path / JOURNAL_NAME).write_text("no entry\n")
    append(tmp_path, *run_of(tmp_path))
    async with watching(tmp_path, start=4.0, playing=False) as (app, pilot):
        await until(pilot, "the nodes", lambda: len(rows(app)) == 3)


@pytest.mark.parametrize("size", [(40, 10), (20, 5), (200, 60)])
async def test_any_size_of_a_terminal_is_drawn(tmp_path: Path, size: tuple[int, int]) -> None:
    append(tmp_path, *run_of(tmp_path))
    async with watching(tmp_path, start=4.0, playing=False, size=size) as (app, pilot):
        await until(pilot, "the nodes", lambda: len(rows(app)) == 3)
        await pilot.resize_terminal(*WIDE)
        await until(pilot, "the wide layout", lambda: "3 Messages" in screen_text(pilot))
