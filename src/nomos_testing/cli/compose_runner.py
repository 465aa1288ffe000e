"""``compose_runner``: the demo scenario in containers, with restarts. Environment variables set its size."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from nomos_testing.cli.options import keep_option, runs_directory_option


@click.command(
    epilog="NOMOS_DEMO_VALIDATORS, NOMOS_DEMO_EXECUTORS (or COMPOSE_NODE_PAIRS=3x2) and NOMOS_DEMO_RUN_SECS size the "
    "demo, NOMOS_TESTNET_IMAGE is the nodes' image. Exit codes: 0 passed, or there is no Docker daemon; 1 failed, "
    "errored or could not run; 2 wrong usage; 129, 130 or 143 interrupted."
)
@keep_option
@runs_directory_option
def main(keep: float | None, runs_dir: Path) -> None:
    """Run the demo in containers: a star of nodes, 1000 wallets, transactions, a chain that must grow, and restarts."""
    from nomos_testing.cli.run_and_report import FAILED, PASSED, run_on
    from nomos_testing.scenario.demo import compose_demo_scenario
    from nomos_testing.scenario.errors import ScenarioError
    from nomos_testing.settings import Settings

    settings = Settings.from_environ()
    try:
        scenario = compose_demo_scenario(settings)
    except ScenarioError as error:
        click.echo(f"compose runner demo failed: {error}", err=True)
        sys.exit(FAILED)
    what = "compose runner demo"
    sys.exit(run_on("compose", scenario, settings, runs_directory=runs_dir, what=what, unavailable=PASSED, keep=keep))
