"""``nomos-testing logs``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from nomos_testing.cli.options import duration_option


@click.command(epilog="Exit codes: 0 printed; 1 the directory has no run; 2 wrong usage.")
@click.argument("run_directory", type=click.Path(path_type=Path, file_okay=False), metavar="RUN_DIR")
@click.option("--node", "nodes", multiple=True, metavar="NAME", help="Only this node. May be repeated.")
@click.option(
    "--since", metavar="MOMENT", help="From here on: seconds of the run (12.5), slot:8, or a time in UTC (08:41:30)."
)
@click.option("--until", metavar="MOMENT", help="Up to here, written in the same way.")
@click.option(
    "--around",
    metavar="FAILURE",
    help="Only the time around a failure (name of the expectation, workload, phase or node), or a fault (fault:3).",
)
@duration_option(
    "--window", default="5s", show_default=True, help="With --around: the time before and after it (500ms, 5s, 1m)."
)
@click.option("--grep", metavar="REGEX", help="Only lines whose text matches this regular expression.")
@click.option(
    "--level", type=click.Choice(["trace", "debug", "info", "warn", "error"]), help="Only this level and worse ones."
)
@click.option("--events-only", is_flag=True, help="Only the events of the run, without the nodes' logs.")
@click.option("--follow", is_flag=True, help="Go on with what comes, until the run has ended.")
def logs(
    *,
    run_directory: Path,
    nodes: tuple[str, ...],
    since: str | None,
    until: str | None,
    around: str | None,
    window: float,
    grep: str | None,
    level: str | None,
    events_only: bool,
    follow: bool,
) -> None:
    """Print the logs of a run's nodes and the events of the run, merged by time. Clock faults are taken out."""
    from nomos_testing.cli.log_printing import BadChoice, LogChoice, print_logs
    from nomos_testing.evidence.run_record import NotARun

    choice = LogChoice(
        nodes=nodes,
        since=since,
        until=until,
        around=around,
        window=window,
        grep=grep,
        level=level,
        events_only=events_only,
    )
    try:
        print_logs(run_directory, choice, sys.stdout, follow=follow)
    except NotARun as error:
        click.echo(str(error), err=True)
        sys.exit(1)
    except BadChoice as error:
        raise click.UsageError(str(error)) from None
    except KeyboardInterrupt:
        sys.exit(0)
