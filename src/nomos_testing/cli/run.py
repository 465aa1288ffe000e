"""``nomos-testing run`` and ``replay``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from nomos_testing.cli.options import (
    check_view,
    deployer_option,
    in_cluster_option,
    keep_option,
    live_option,
    on_option,
    runs_directory_option,
)
from nomos_testing.cli.repetition import Repetition, repetition_options


@click.command(
    epilog="Exit codes: 0 passed; 1 failed, errored or could not run; 2 wrong usage; 129, 130 or 143 interrupted. "
    "Of several runs: 0 if all passed; 1 if one did not."
)
@click.argument("scenario", required=False, type=click.Path(path_type=Path, dir_okay=False), metavar="[SCENARIO.yaml]")
@click.option(
    "--seed", type=click.IntRange(min=0), help="Node keys and random choices follow from it; wins over the file's."
)
@deployer_option
@click.option(
    "--export",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="With --on k8s: write the manifests of the network to DIR, for kubectl apply -f DIR, and run nothing.",
)
@in_cluster_option
@live_option
@keep_option
@repetition_options
@runs_directory_option
def run(
    *,
    scenario: Path | None,
    seed: int | None,
    deployer: str,
    export: Path | None,
    in_cluster: bool,
    live: bool,
    keep: float | None,
    repetition: Repetition,
    runs_dir: Path,
) -> None:
    """Run a scenario, once or several times."""
    from nomos_testing.cli.run_and_report import FAILED, export_manifests, run_on
    from nomos_testing.deployers.shared.errors import DeployError
    from nomos_testing.scenario.errors import ScenarioError
    from nomos_testing.scenario.file.loader import load_scenario
    from nomos_testing.scenario.scenario import Scenario
    from nomos_testing.settings import Settings

    if export is not None and deployer != "k8s":
        raise click.UsageError("--export writes manifests of Kubernetes: it needs --on k8s")
    if in_cluster and (deployer != "k8s" or export is not None):
        raise click.UsageError("--in-cluster runs a Job of Kubernetes: it needs --on k8s, and no --export")
    if live and (in_cluster or export is not None):
        raise click.UsageError("--live shows a run of this machine: leave out --in-cluster and --export")
    if keep is not None and (in_cluster or export is not None):
        raise click.UsageError("--keep holds the network from this machine: it goes without --in-cluster and --export")
    check_view(live=live, keep=keep)
    repetition.check_usage(
        scenario, of_one_run={"--export": export is not None, "--live": live, "--keep": keep is not None}
    )
    settings = Settings.from_environ()

    def load(given: int | None) -> Scenario:
        assert scenario is not None  # else it is a rerun, which takes scenarios from runs
        return load_scenario(scenario, settings, seed=seed if given is None else given)

    def run_in(directory: Path, one: Scenario, on: str) -> int:
        what = f"scenario {one.name}"
        return run_on(
            on, one, settings, runs_directory=directory, what=what, in_cluster=in_cluster, live=live, keep=keep
        )

    try:
        if repetition.asked_for:
            sys.exit(repetition.run(load, run_in, settings, deployer=deployer, runs_directory=runs_dir))
        loaded = load(None)
    except (ScenarioError, DeployError) as error:
        click.echo(str(error), err=True)
        sys.exit(FAILED)
    sys.exit(export_manifests(loaded, settings, export) if export is not None else run_in(runs_dir, loaded, deployer))


@click.command(
    epilog="Exit codes: 0 passed; 1 failed, errored or could not run; 2 wrong usage; 129, 130 or 143 interrupted."
)
@click.argument("run_directory", type=click.Path(path_type=Path, file_okay=False), metavar="RUN_DIR")
@click.option("--seed", type=click.IntRange(min=0), help="Another seed: other keys, and a plan of its own.")
@on_option(help="Default: where the run was made.")
@live_option
@keep_option
@runs_directory_option
def replay(
    *, run_directory: Path, seed: int | None, deployer: str | None, live: bool, keep: float | None, runs_dir: Path
) -> None:
    """Repeat a run: the same plan, faults, keys and order of transactions."""
    from nomos_testing.cli.run_and_report import FAILED, run_on
    from nomos_testing.scenario.errors import ScenarioError
    from nomos_testing.scenario.replay import deployer_of, load_replay
    from nomos_testing.settings import Settings

    check_view(live=live, keep=keep)
    settings = Settings.from_environ()
    try:
        scenario = load_replay(run_directory, settings, seed=seed)
        if deployer is None:
            deployer = deployer_of(run_directory)
            click.echo(f"replaying on {deployer}, where the run was made; --on chooses another", err=True)
    except ScenarioError as error:
        click.echo(str(error), err=True)
        sys.exit(FAILED)
    what = f"scenario {scenario.name}"
    sys.exit(run_on(deployer, scenario, settings, runs_directory=runs_dir, what=what, live=live, keep=keep))
