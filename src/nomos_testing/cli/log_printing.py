"""Prints the timeline of a run: choice of lines, colours, and following a run in progress."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Final, TextIO

import click

from nomos_testing.cli.log_following import LogFollower
from nomos_testing.evidence.moments import NoSuchMoment, read_moment, read_window
from nomos_testing.evidence.run_record import RunRecord, read_run
from nomos_testing.evidence.timeline import LOG, TimelineItem, levels_from, timeline

_NODE_COLOURS: Final = ("cyan", "magenta", "blue", "green", "bright_cyan", "bright_magenta", "bright_blue")
_LEVEL_COLOURS: Final = {"WARN": "yellow", "WARNING": "yellow", "ERROR": "red", "CRITICAL": "red"}
_WIDEST_SOURCE: Final = 24
"""Characters. A longer name moves the rest of its line."""
_POLL_SECONDS: Final = 0.25


class BadChoice(Exception):
    """An option names something that the run does not have. The text says what it has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogChoice:
    """The lines that the user wants to see, as the options of the command say it."""

    nodes: tuple[str, ...] = ()
    since: str | None = None
    until: str | None = None
    around: str | None = None
    window: float = 5.0
    grep: str | None = None
    level: str | None = None
    events_only: bool = False


@dataclass(frozen=True, slots=True)
class _Filter:
    """A choice, understood for one run."""

    nodes: frozenset[str] | None
    since: float
    until: float
    pattern: re.Pattern[str] | None
    levels: frozenset[str] | None
    logs: bool

    @classmethod
    def of(cls, choice: LogChoice, record: RunRecord) -> _Filter:
        """Understand a choice.

        Raises:
            BadChoice: it names something that the run does not have.
        """
        known = record.node_names()
        if unknown := [name for name in choice.nodes if name not in known]:
            raise BadChoice(f"there is no node {', '.join(unknown)}; the run has {', '.join(known) or 'none'}")
        since, until = -inf, inf
        try:
            if choice.around is not None:
                since, until = read_window(record, choice.around, choice.window)
            if choice.since is not None:
                since = max(since, read_moment(record, choice.since))
            if choice.until is not None:
                until = min(until, read_moment(record, choice.until))
            pattern = None if choice.grep is None else re.compile(choice.grep)
        except NoSuchMoment as error:
            raise BadChoice(str(error)) from None
        except re.error as error:
            raise BadChoice(f"--grep {choice.grep!r} is no regular expression: {error}") from None
        return cls(
            nodes=frozenset(choice.nodes) or None,
            since=since,
            until=until,
            pattern=pattern,
            levels=None if choice.level is None else levels_from(choice.level),
            logs=not choice.events_only,
        )

    def items(self, record: RunRecord) -> Iterator[TimelineItem]:
        """Yield the chosen lines of a record."""
        found = timeline(
            record, nodes=self.nodes, since=self.since, until=self.until, levels=self.levels, logs=self.logs
        )
        pattern = self.pattern
        return found if pattern is None else (item for item in found if pattern.search(item.text))

    def takes(self, item: TimelineItem, names: Iterable[str]) -> bool:
        """Tell whether a single line is chosen."""
        of_other = self.nodes is not None and item.source in names and item.source not in self.nodes
        return (
            not of_other
            and self.since <= item.at <= self.until
            and (self.levels is None or item.level in self.levels)
            and (self.logs or item.kind != LOG)
            and (self.pattern is None or self.pattern.search(item.text) is not None)
        )


def print_logs(run_directory: Path, choice: LogChoice, stream: TextIO, *, follow: bool = False) -> None:
    """Print the chosen lines of a run.

    Raises:
        NotARun: there is no journal.
        BadChoice: an option names something that the run does not have.
    """
    if follow:
        asyncio.run(_follow(run_directory, choice, stream))
        return
    record = read_run(run_directory)
    chosen = _Filter.of(choice, record)
    shown = _shown_on(stream, record)
    found = False
    for item in chosen.items(record):
        stream.write(shown(item))
        found = True
    _explain_missing(record, chosen, found=found)


async def _follow(run_directory: Path, choice: LogChoice, stream: TextIO) -> None:
    follower = LogFollower(run_directory)
    chosen = _Filter.of(choice, follower.record)
    shown = _shown_on(stream, follower.record)
    for item in chosen.items(follower.record):
        stream.write(shown(item))
    while True:
        # One more look after the end: the last lines of logs may come after the last event.
        last_look = follower.ended
        for item in follower.read():
            if chosen.takes(item, follower.node_names):
                stream.write(shown(item))
        stream.flush()
        if last_look:
            return
        await asyncio.sleep(_POLL_SECONDS)


def _explain_missing(record: RunRecord, chosen: _Filter, *, found: bool) -> None:
    if chosen.logs and not any(next(record.log_of(name), None) for name in record.node_names()):
        passed = record.summary.outcome == "passed"
        why = ": those of a passed run are deleted, unless NOMOS_TESTS_KEEP_LOGS=1 keeps them" if passed else ""
        click.echo(f"there are no logs in {record.directory}{why}", err=True)
    elif not found:
        click.echo(f"no line is chosen; the run lasted {record.duration:.1f} s", err=True)


def _shown_on(stream: TextIO, record: RunRecord) -> Callable[[TimelineItem], str]:
    names = record.node_names()
    judged = (judgement.expectation for judgement in record.summary.judgements)
    width = min(max(map(len, [*names, *judged, "validator-0"])), _WIDEST_SOURCE)
    if not stream.isatty() or "NO_COLOR" in os.environ:
        return lambda item: f"{item.at:10.3f}  {item.source:<{width}}  {_level(item)} {item.text}\n"
    colours = {name: _NODE_COLOURS[index % len(_NODE_COLOURS)] for index, name in enumerate(names)}

    def shown(item: TimelineItem) -> str:
        event = True if item.kind != LOG else None  # None, not False: False writes a code of its own
        source = click.style(f"{item.source:<{width}}", fg=colours.get(item.source), bold=event)
        colour = _LEVEL_COLOURS.get(item.level)
        text = click.style(f"{_level(item)} {item.text}", fg=colour, bold=event if colour is None else None)
        return f"{item.at:10.3f}  {source}  {text}\n"

    return shown


def _level(item: TimelineItem) -> str:
    """Return the level of a log's line; the mark of an event."""
    return f"{item.level:<5}" if item.kind == LOG else "*    "
