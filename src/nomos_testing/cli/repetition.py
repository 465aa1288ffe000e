"""The options of ``nomos-testing run`` by which something runs more than once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from nomos_testing.cli.repeat import RunOn
    from nomos_testing.scenario.scenario import Scenario
    from nomos_testing.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Repetition:
    """The wish to run more than once."""

    repeat: int | None
    """The number of runs; None for one run."""
    until_failure: bool
    """Stop at the first run that does not pass."""
    same_seed: bool
    """Give all runs one seed."""
    rerun_failed: Path | None
    """The directory whose failed runs are repeated."""

    @property
    def asked_for(self) -> bool:
        """Whether there are several runs."""
        return self.repeat is not None or self.rerun_failed is not None

    def check_usage(self, scenario: Path | None, *, of_one_run: Mapping[str, bool]) -> None:
        """Refuse options that contradict each other.

        Args:
            scenario: the scenario that is given.
            of_one_run: options that make no sense for several runs, with whether they are given.

        Raises:
            click.UsageError: they do.
        """
        if self.rerun_failed is None and scenario is None:
            raise click.MissingParameter(param_hint="'SCENARIO.yaml'", param_type="argument")
        if self.rerun_failed is not None and (scenario is not None or self.repeat is not None):
            raise click.UsageError("--rerun-failed takes scenarios from runs: give neither a scenario nor --repeat")
        if self.repeat is None and (self.until_failure or self.same_seed):
            raise click.UsageError("--until-failure and --same-seed need --repeat")
        for option, given in of_one_run.items():
            if given and self.asked_for:
                raise click.UsageError(f"{option} is for one run: leave out --repeat and --rerun-failed")

    def run(
        self,
        load: Callable[[int | None], Scenario],
        run: RunOn,
        settings: Settings,
        *,
        deployer: str,
        runs_directory: Path,
    ) -> int:
        """Run what is asked for, and return the exit code. ``nomos_testing.cli.repeat`` describes the rest.

        Raises:
            ScenarioError: the scenario cannot be built.
            DeployError: the runs directory cannot be used.
        """
        from nomos_testing.cli.repeat import failed_runs, repeat, rerun_failed

        if self.rerun_failed is not None:
            failed = failed_runs(self.rerun_failed)
            if not failed:
                click.echo(f"no failed run in {self.rerun_failed}", err=True)
                return 0
            return rerun_failed(failed, settings, run, runs_directory=runs_directory)
        return repeat(
            load,
            lambda directory, scenario: run(directory, scenario, deployer),
            times=self.repeat or 1,
            until_failure=self.until_failure,
            same_seed=self.same_seed,
            runs_directory=runs_directory,
        )


def repetition_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options, and their values as ``repetition``."""

    @click.option(
        "--repeat", type=click.IntRange(min=1), metavar="N", help="Run N times, and count the ways of failing."
    )
    @click.option("--until-failure", is_flag=True, help="With --repeat: stop at the first run that does not pass.")
    @click.option(
        "--same-seed",
        is_flag=True,
        help="With --repeat: all runs have the first one's seed. Else the later seeds are drawn from it.",
    )
    @click.option(
        "--rerun-failed",
        type=click.Path(path_type=Path, file_okay=False, exists=True),
        metavar="RUNS_DIR",
        help="Repeat the last run of each way in which a scenario has failed in this directory, each on its deployer.",
    )
    @wraps(command)
    def with_repetition(
        *, repeat: int | None, until_failure: bool, same_seed: bool, rerun_failed: Path | None, **given: Any
    ) -> None:
        repetition = Repetition(
            repeat=repeat, until_failure=until_failure, same_seed=same_seed, rerun_failed=rerun_failed
        )
        command(repetition=repetition, **given)

    return with_repetition
