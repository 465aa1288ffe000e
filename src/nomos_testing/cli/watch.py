"""``nomos-testing watch``."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(epilog="Exit codes: 0 left, or the run has ended; 2 wrong usage.")
@click.argument("run_directory", type=click.Path(path_type=Path, file_okay=False), metavar="RUN_DIR")
@click.option(
    "--speed",
    type=click.FloatRange(min=0.01, max=1000),
    help="Play back at this speed: seconds of the run per second. Default: follow a run in progress, and play a "
    "finished one at 1.",
)
@click.option("--from", "start", type=click.FloatRange(min=0), metavar="SECONDS", help="Play back from this second on.")
def watch(*, run_directory: Path, speed: float | None, start: float | None) -> None:
    """Watch a run: nodes, blocks, faults, load and logs, in progress or played back."""
    from nomos_testing.live.program import watch as watch_run

    watch_run(run_directory, speed=speed, start=start)
