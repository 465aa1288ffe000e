"""``nomos-testing ps`` and ``clean``."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nomos_testing.cli.options import runs_directory_option

if TYPE_CHECKING:
    from nomos_testing.doctor.overview import Overview


@click.command(epilog="Exit codes: 0 shown; 2 wrong usage.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def ps(*, as_json: bool) -> None:
    """Show what runs: on this machine, in Docker and on the cluster.

    Each run is shown with its scenario, its age, its directory, and whether its runner still lives.
    """
    import asyncio

    asyncio.run(_ps(as_json=as_json))


@click.command(epilog="Exit codes: 0 nothing is left; 1 something is left; 2 wrong usage.")
@click.option("--yes", is_flag=True, help="Remove without a question. Needed where there is no terminal.")
@runs_directory_option
def clean(*, yes: bool, runs_dir: Path) -> None:
    """Remove what dead runs have left: processes, containers, networks, namespaces, files.

    It is shown first. Runs whose runner lives, or is on another machine, are not touched. Journals and evidence stay.
    """
    import asyncio

    sys.exit(asyncio.run(_clean(yes=yes, runs_directory=runs_dir)))


async def _ps(*, as_json: bool) -> None:
    from nomos_testing.doctor.overview import overview
    from nomos_testing.surroundings import THIS_MACHINE

    now = THIS_MACHINE.unix_time()
    async with overview(os.environ) as found:
        if as_json:
            answer = {"runs": [run.as_json(now) for run in found.runs], "not_looked_at": found.silent}
            click.echo(json.dumps(answer, indent=2))
            return
        for run in found.runs:
            click.echo("\n".join(run.lines(now)))
        if not found.runs:
            click.echo("nothing runs")
        _tell_silent(found)


async def _clean(*, yes: bool, runs_directory: Path) -> int:
    from nomos_testing.doctor.overview import overview

    async with overview(os.environ, runs_directory=runs_directory) as found:
        _tell_silent(found)
        if not found.leftovers:
            click.echo("dead runs have left nothing")
            return 0
        click.echo("dead runs have left:")
        for leftover in found.leftovers:
            click.echo(f"  {leftover.text}")
        if not yes and not _confirmed():
            return 1
        return await _remove(found)


def _confirmed() -> bool:
    if not sys.stdin.isatty():
        click.echo("nothing was removed: there is no terminal to ask on\n  -> nomos-testing clean --yes", err=True)
        return False
    return click.confirm("Remove it?")


async def _remove(found: Overview) -> int:
    """Remove the leftovers one after the other, whatever happens to the others, and return the exit code."""
    from nomos_testing.failure import Failure

    status = 0
    for leftover in found.leftovers:
        try:
            await leftover.remove()
        except (Failure, OSError) as error:
            click.echo(f"not removed: {leftover.text}: {error}", err=True)
            status = 1
        else:
            click.echo(f"removed {leftover.text}")
    return status


def _tell_silent(found: Overview) -> None:
    for place in found.silent:
        click.echo(f"not looked at: {place}", err=True)
