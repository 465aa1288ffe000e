"""``nomos-testing shell``."""

from __future__ import annotations

import sys
from pathlib import Path

import click


@click.command(
    epilog="Exit codes: 0 the shell was left, or the command succeeded; 1 the network does not run, or the command "
    "raised an error; 2 wrong usage; 130 the command was interrupted."
)
@click.argument("run_directory", type=click.Path(path_type=Path, file_okay=False), metavar="RUN_DIR")
@click.option("-c", "--command", metavar="SOURCE", help="Run this source, print its output and value, and leave.")
def shell(run_directory: Path, command: str | None) -> None:
    """Open a Python prompt with the context of a network that still runs, as ctx."""
    from nomos_testing.cli.remote_prompt import run_command, run_prompt
    from nomos_testing.runtime.control_client import ControlRefused

    try:
        code = run_prompt(run_directory) if command is None else run_command(run_directory, command)
    except ControlRefused as refused:
        click.echo(str(refused), err=True)
        code = 1
    sys.exit(code)
