"""The options that several commands share."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Final

import click

RUNS_DIRECTORY: Final = Path(".tmp/runs")

runs_directory_option = click.option(
    "--runs-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=RUNS_DIRECTORY,
    show_default=True,
    help="Where runs keep their journals and evidence.",
)


def _without_alias(context: click.Context, parameter: click.Parameter, name: str | None) -> str | None:
    """Replace ``host``, another name of the scripts, by ``local``."""
    return "local" if name == "host" else name


on_option = partial(
    click.option, "--on", "deployer", type=click.Choice(["local", "compose", "k8s", "host"]), callback=_without_alias
)
deployer_option = on_option(
    default="local",
    show_default=True,
    help="Processes of this machine (local; host is another name of it), containers of a compose stack, or pods of a "
    "Kubernetes cluster (k8s).",
)
in_cluster_option = click.option(
    "--in-cluster",
    is_flag=True,
    help="On Kubernetes: a Job of the cluster runs the scenario, so that this machine needs no way to the pods.",
)
live_option = click.option(
    "--live",
    is_flag=True,
    help="Show the run in this terminal, as `watch` does. Without a terminal there are lines as always.",
)
