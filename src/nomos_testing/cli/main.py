"""``nomos-testing``: the program that runs scenario files."""

from __future__ import annotations

import json
import os
import sys
from functools import partial
from pathlib import Path

import click

from nomos_testing.cli.k8s_runner import in_cluster_option
from nomos_testing.cli.local_runner import runs_directory_option


def _without_alias(context: click.Context, parameter: click.Parameter, name: str | None) -> str | None:
    """Replace ``host``, another name of the scripts, by ``local``."""
    return "local" if name == "host" else name


_on = partial(
    click.option, "--on", "deployer", type=click.Choice(["local", "compose", "k8s", "host"]), callback=_without_alias
)
deployer_option = _on(
    default="local",
    show_default=True,
    help="Processes of this machine (local; host is another name of it), containers of a compose stack, or pods of a "
    "Kubernetes cluster (k8s).",
)


@click.group()
@click.version_option(package_name="logos-blockchain-testing")
def main() -> None:
    """Test a network of Logos/Nomos blockchain nodes."""


@main.command(
    epilog="Exit codes: 0 passed; 1 failed, errored or could not run; 2 wrong usage; 129, 130 or 143 interrupted."
)
@click.argument("scenario", type=click.Path(path_type=Path, dir_okay=False), metavar="SCENARIO.yaml")
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
@runs_directory_option
def run(
    *, scenario: Path, seed: int | None, deployer: str, export: Path | None, in_cluster: bool, runs_dir: Path
) -> None:
    """Run a scenario."""
    from nomos_testing.cli.run_and_report import FAILED, export_manifests, run_on
    from nomos_testing.scenario.errors import ScenarioError
    from nomos_testing.scenario.file.loader import load_scenario
    from nomos_testing.settings import Settings

    if export is not None and deployer != "k8s":
        raise click.UsageError("--export writes manifests of Kubernetes: it needs --on k8s")
    if in_cluster and (deployer != "k8s" or export is not None):
        raise click.UsageError("--in-cluster runs a Job of Kubernetes: it needs --on k8s, and no --export")
    settings = Settings.from_environ()
    try:
        loaded = load_scenario(scenario, settings, seed=seed)
    except ScenarioError as error:
        click.echo(str(error), err=True)
        sys.exit(FAILED)
    if export is not None:
        sys.exit(export_manifests(loaded, settings, export))
    what = f"scenario {loaded.name}"
    sys.exit(run_on(deployer, loaded, settings, runs_directory=runs_dir, what=what, in_cluster=in_cluster))


@main.command(
    epilog="Exit codes: 0 passed; 1 failed, errored or could not run; 2 wrong usage; 129, 130 or 143 interrupted."
)
@click.argument("run_directory", type=click.Path(path_type=Path, file_okay=False), metavar="RUN_DIR")
@click.option("--seed", type=click.IntRange(min=0), help="Another seed: other keys, and a plan of its own.")
@_on(help="Default: where the run was made.")
@runs_directory_option
def replay(run_directory: Path, seed: int | None, deployer: str | None, runs_dir: Path) -> None:
    """Repeat a run: the same plan, faults, keys and order of transactions."""
    from nomos_testing.cli.run_and_report import FAILED, run_on
    from nomos_testing.scenario.errors import ScenarioError
    from nomos_testing.scenario.replay import deployer_of, load_replay
    from nomos_testing.settings import Settings

    settings = Settings.from_environ()
    try:
        scenario = load_replay(run_directory, settings, seed=seed)
        if deployer is None:
            deployer = deployer_of(run_directory)
            click.echo(f"replaying on {deployer}, where the run was made; --on chooses another", err=True)
    except ScenarioError as error:
        click.echo(str(error), err=True)
        sys.exit(FAILED)
    sys.exit(run_on(deployer, scenario, settings, runs_directory=runs_dir, what=f"scenario {scenario.name}"))


@main.command(epilog="Exit codes: 0 the scenario can be run; 1 it cannot; 2 wrong usage.")
@click.argument("scenario", type=click.Path(path_type=Path, dir_okay=False), metavar="SCENARIO.yaml")
@click.option("--seed", type=click.IntRange(min=0), help="Wins over the file's.")
@click.option("--json", "as_json", is_flag=True, help="Print the plan as a run's plan.json has it.")
def plan(scenario: Path, seed: int | None, as_json: bool) -> None:
    """Print what a scenario would do: every fault with its time and its target. Runs nothing."""
    from nomos_testing.deployers.shared.environment import makes_real_proofs
    from nomos_testing.scenario.description import described_plan
    from nomos_testing.scenario.errors import ScenarioError
    from nomos_testing.scenario.file.loader import load_scenario
    from nomos_testing.settings import Settings

    settings = Settings.from_environ()
    try:
        loaded = load_scenario(scenario, settings, seed=seed)
    except ScenarioError as error:
        click.echo(str(error), err=True)
        sys.exit(1)
    if as_json:
        click.echo(json.dumps({"seed": loaded.seed, "faults": loaded.faults.to_json()}, indent=2))
    else:
        click.echo("\n".join(described_plan(loaded, real_proofs=makes_real_proofs(os.environ, settings))))


@main.command(epilog="Exit codes: 0 printed; 1 a plugin cannot be used; 2 wrong usage.")
@click.option(
    "--plugin",
    "plugins",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.py",
    help="A plugin file whose words belong into the schema. Can be given again. Words of installed packages always do.",
)
def schema(plugins: tuple[Path, ...]) -> None:
    """Print the JSON Schema of scenario files."""
    from nomos_testing.scenario.file.schema import json_schema
    from nomos_testing.scenario.plugins import PluginError
    from nomos_testing.scenario.vocabulary import installed_vocabulary, with_plugin

    vocabulary = installed_vocabulary()
    try:
        for path in plugins:
            vocabulary = with_plugin(vocabulary, path)
    except PluginError as error:
        click.echo(str(error), err=True)
        sys.exit(1)
    for problem in vocabulary.unusable.values():
        click.echo(problem, err=True)
    if vocabulary.unusable:
        sys.exit(1)
    click.echo(json.dumps(json_schema(vocabulary), indent=2))


@main.command("kzg-params", epilog="Exit codes: 0 the parameters are there; 1 they can't be made; 2 wrong usage.")
@click.argument("path", type=click.Path(path_type=Path), required=False)
def kzg_params(path: Path | None) -> None:
    """Make KZG parameters for tests, if there are none.

    PATH is the file. The default is the place where runs look for it. This takes some seconds. The secret of these
    parameters is public: use them only for your own test networks.
    """
    from nomos_core.da.kzg_generator import main as make
    from nomos_testing.deployers.shared.kzg_parameters import kzg_params_places, place_to_make

    sys.exit(make([str(path or place_to_make(kzg_params_places(os.environ)))]))
