"""``nomos-testing plan`` and ``schema``: tell about scenario files, and run nothing."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import click


@click.command(epilog="Exit codes: 0 the scenario can be run; 1 it cannot; 2 wrong usage.")
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


@click.command(epilog="Exit codes: 0 printed; 1 a plugin cannot be used; 2 wrong usage.")
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
