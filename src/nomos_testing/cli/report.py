"""``nomos-testing report``: the report of a run, in the form that is asked for."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from nomos_testing.evidence.run_record import RunRecord

FORMATS = ("html", "md", "json", "junit")


@click.command(epilog="Exit codes: 0 written; 1 no run is there, or it cannot be read; 2 wrong usage.")
@click.argument("run_directory", type=click.Path(path_type=Path, file_okay=False), metavar="RUN_DIR")
@click.option(
    "--format", "form", type=click.Choice(FORMATS), default="md", show_default=True, help="Form of the report."
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write to this file instead of standard output.",
)
def report(run_directory: Path, form: str, output: Path | None) -> None:
    """Write the report of a run: verdict and reasons first, then the figures."""
    from nomos_testing.evidence.run_record import NotARun, read_run

    try:
        text = _writer(form)(read_run(run_directory))
    except NotARun as error:
        click.echo(str(error), err=True)
        sys.exit(1)
    write_text(text, output)


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
    if form == "junit":
        from nomos_testing.report.junit import write_junit

        return write_junit
    from nomos_testing.report.as_json import write_json

    return write_json
