"""``nomos-testing doctor``."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import click

from nomos_testing.cli.options import on_option, runs_directory_option


@click.command(epilog="Exit codes: 0 the runner can run; 1 something is missing; 2 wrong usage.")
@on_option(help="Look at the prerequisites of one runner. Default: at all, and the exit code is that of local.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON instead of a table.")
@runs_directory_option
def doctor(*, deployer: str | None, as_json: bool, runs_dir: Path) -> None:
    """Check everything that a run needs, with what to do about what is missing.

    Nothing is started or changed.
    """
    import asyncio

    from nomos_testing.doctor import examination
    from nomos_testing.doctor.checks import LOCAL, can_run

    checks = asyncio.run(examination.examine(os.environ, runner=deployer, runs_directory=runs_dir))
    if as_json:
        click.echo(json.dumps(examination.as_json(checks, deployer), indent=2))
    else:
        for line in (*examination.table(checks), "", *examination.conclusion(checks, deployer)):
            click.echo(line)
    sys.exit(0 if can_run(checks, deployer or LOCAL) else 1)
