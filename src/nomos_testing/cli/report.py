"""``nomos-testing report``: the report of a run, in the form that is asked for."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from nomos_testing.evidence.run_record import RunRecord

FORMATS = ("html", "md", "json", "junit")


@click.command(epilog="Exit codes: 0 written; 1 no run is there, or it cannot be read; 2 wrong usage.")
@click.argument(
    "run_directories", nargs=-1, required=True, type=click.Path(path_type=Path, file_okay=False), metavar="RUN_DIR..."
)
@click.option("--compare", is_flag=True, help="Compare the first run with each of the others.")
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    help="Form of the report. Default: md; with --compare, tables for the terminal.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write to this file instead of standard output.",
)
def report(run_directories: tuple[Path, ...], compare: bool, form: str | None, output: Path | None) -> None:
    """Write the report of a run: verdict and reasons first, then the figures. Or compare several runs."""
    if compare and (len(run_directories) < 2 or form == "junit"):
        raise click.UsageError("--compare needs at least two runs, and --format html, md or json")
    if not compare and form != "junit" and len(run_directories) > 1:
        raise click.UsageError(
            f"a report is that of one run, got {len(run_directories)}; --compare compares them, and --format junit "
            "can have several in one file"
        )

    from nomos_testing.evidence.run_record import NotARun, read_run

    try:
        records = [read_run(directory) for directory in run_directories]
    except NotARun as error:
        click.echo(str(error), err=True)
        sys.exit(1)
    write_text(_compared(records, form, output) if compare else _reported(records, form or "md"), output)


def _reported(records: Sequence[RunRecord], form: str) -> str:
    if form == "junit":
        from nomos_testing.report.junit import join_junit

        return join_junit(records)
    return _writer(form)(records[0])


def _compared(records: Sequence[RunRecord], form: str | None, output: Path | None) -> str:
    from nomos_testing.evidence.comparison import compare
    from nomos_testing.report import comparison_text

    comparison = compare(records)
    if form == "html":
        from nomos_testing.report.comparison_html import write_comparison_html

        return write_comparison_html(comparison)
    if form is None:
        width = shutil.get_terminal_size().columns if output is None and sys.stdout.isatty() else None
        return comparison_text.comparison_as_text(comparison, width)
    write = {"md": comparison_text.comparison_as_markdown, "json": comparison_text.comparison_as_json}
    return write[form](comparison)


def write_text(text: str, output: Path | None) -> None:
    """Write a report to a file, or to standard output. Ends the program if the file cannot be written."""
    if output is None:
        sys.stdout.buffer.write(text.encode(errors="backslashreplace"))
        sys.stdout.buffer.flush()
        return
    try:
        output.write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        click.echo(f"{output} cannot be written: {error.strerror}\n  -> give another file to --output", err=True)
        sys.exit(1)
    click.echo(f"written: {output}", err=True)


def _writer(form: str) -> Callable[[RunRecord], str]:
    # Each brings modules of its own, and a report needs one.
    if form == "md":
        from nomos_testing.report.markdown import write_markdown

        return write_markdown
    if form == "html":
        from nomos_testing.report.html import write_html

        return write_html
    from nomos_testing.report.as_json import write_json

    return write_json
