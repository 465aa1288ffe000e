"""``k8s_runner``: the demo scenario on Kubernetes. Environment variables set its size."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from nomos_testing.cli.options import in_cluster_option, keep_option, runs_directory_option


@click.command(
    epilog="K8S_DEMO_VALIDATORS, K8S_DEMO_EXECUTORS and K8S_DEMO_RUN_SECS size the demo, NOMOS_TESTNET_IMAGE is the "
    "nodes' image, K8S_CONTEXT the cluster. Exit codes: 0 passed, or there is no cluster; 1 failed, errored or could "
    "not run; 2 wrong usage; 129, 130 or 143 interrupted."
)
@in_cluster_option
@keep_option
@runs_directory_option
def main(in_cluster: bool, keep: float | None, runs_dir: Path) -> None:
    """Run the demo on Kubernetes: a star of nodes, 1000 wallets, transactions, blobs, and a chain that must grow."""
    from nomos_testing.cli.run_and_report import FAILED, PASSED, run_on
    from nomos_testing.scenario.demo import k8s_demo_scenario
    from nomos_testing.scenario.errors import ScenarioError
    from nomos_testing.settings import Settings

    if keep is not None and in_cluster:
        raise click.UsageError("--keep holds the network from this machine: it goes without --in-cluster")
    settings = Settings.from_environ()
    try:
        scenario = k8s_demo_scenario(settings)
    except ScenarioError as error:
        click.echo(f"k8s scenario failed: {error}", err=True)
        sys.exit(FAILED)
    what = "k8s scenario"
    sys.exit(
        run_on(
            "k8s",
            scenario,
            settings,
            runs_directory=runs_dir,
            what=what,
            unavailable=PASSED,
            skips=True,
            in_cluster=in_cluster,
            keep=keep,
        )
    )
