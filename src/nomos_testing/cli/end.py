"""``nomos-testing end``."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import click


@click.command(epilog="Exit codes: 0 the network has ended; 1 it does not run, or refuses; 2 wrong usage.")
@click.argument("run_directory", type=click.Path(path_type=Path, file_okay=False), metavar="RUN_DIR")
def end(run_directory: Path) -> None:
    """End a network that a run with --keep has left up, and return when nothing of it is left."""
    from nomos_testing.runtime.control_client import ControlClient, ControlRefused

    async def ask() -> None:
        async with await ControlClient.connect(run_directory) as client:
            await client.ask("end")
            await client.wait_ended()

    try:
        asyncio.run(ask())
    except ControlRefused as refused:
        click.echo(str(refused), err=True)
        sys.exit(1)
