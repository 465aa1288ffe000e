"""``local_runner``: the demo scenario in processes of this machine. Environment variables set its size."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from nomos_testing.cli.options import keep_option, runs_directory_option


@click.command(
    epilog="NOMOS_DEMO_VALIDATORS, NOMOS_DEMO_EXECUTORS and NOMOS_DEMO_RUN_SECS size the demo. "
    "Exit codes: 0 passed; 1 failed, errored or could not run; 2 wrong usage; 129, 130 or 143 interrupted."
)
@keep_option
@runs_directory_option
def main(keep: float | None, runs_dir: Path) -> None:
    """Run the demo: a star of nodes, 1000 wallets, transactions, blobs, and a chain that must grow."""
    from nomos_testing.cli.run_and_report import FAILED, run_on
    from nomos_testing.scenario.demo import demo_scenario
    from nomos_testing.scenario.errors import ScenarioError
    from nomos_testing.settings import Settings

    settings = Settings.from_environ()
    try:
        scenario = demo_scenario(settings)
    except ScenarioError as error:
        click.echo(f"local runner demo failed: {error}", err=True)
        sys.exit(FAILED)
    sys.exit(run_on("local", scenario, settings, runs_directory=runs_dir, what="local runner demo", keep=keep))
