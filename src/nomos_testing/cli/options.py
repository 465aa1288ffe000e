"""The options that several commands share."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import Final

import click

RUNS_DIRECTORY: Final = Path(".tmp/runs")
_UNITS: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}

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


def read_duration(text: str) -> float:
    """Read a length of time such as ``90s``, ``30m`` or ``1h30m``, in seconds.

    Raises:
        click.BadParameter: it is none.
    """
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|h|m|s)", text)
    seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
    if "".join(map("".join, parts)) != text or seconds <= 0:
        raise click.BadParameter(f"{text!r} is no length of time: expected 90s, 30m, 1h or 1h30m")
    return seconds


def _length(context: click.Context, parameter: click.Parameter, text: str) -> float:
    return read_duration(text)


duration_option = partial(click.option, metavar="TIME", callback=_length)


def _keep(context: click.Context, parameter: click.Parameter, text: str | None) -> float | None:
    if text is not None and text.endswith((".yaml", ".yml")):
        raise click.BadParameter(f"put --keep after {text}, or say --keep=1h")
    return None if text is None else read_duration(text)


keep_option = click.option(
    "--keep",
    is_flag=False,
    flag_value="1h",
    callback=_keep,
    metavar="[TIME]",
    help="Leave the network up after the verdict, for one hour or for TIME (90s, 30m, 1h30m). "
    "The command returns at the verdict. nomos-testing end RUN_DIR ends the network.",
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


def check_view(*, live: bool, keep: float | None) -> None:
    """Refuse a view inside the run together with ``--keep``, which gives the terminal back at the verdict.

    Raises:
        click.UsageError: both are wanted.
    """
    if live and keep is not None:
        raise click.UsageError("--live and --keep exclude each other: nomos-testing watch RUN_DIR shows a kept network")
