"""``nomos-testing trace``: sends the trace of a run to a collector, or writes it to a file."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from nomos_testing.report.traces.run_trace import RunTrace


@click.command(epilog="Exit codes: 0 sent or written; 1 no run, or the collector did not take it; 2 wrong usage.")
@click.argument("run_directory", type=click.Path(path_type=Path, file_okay=False), metavar="RUN_DIR")
@click.option(
    "--endpoint",
    envvar="NOMOS_OTLP_ENDPOINT",
    metavar="URL",
    help="Send it to this collector: http://HOST:4317 (gRPC) or http://HOST:4318 (HTTP). [env: NOMOS_OTLP_ENDPOINT]",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["json", "svg"]),
    help="Write it instead: json is OTLP/JSON, which Jaeger and others import; svg is a picture.",
)
@click.option(
    "--output", "-o", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="The file; else stdout."
)
def trace(run_directory: Path, endpoint: str | None, form: str | None, output: Path | None) -> None:
    """Send the trace of a run to a collector, or write it to a file.

    The trace is made from the run's journal: phases, waits, faults, nodes, transactions, blobs and blocks.
    """
    from nomos_core.telemetry.endpoint import BadTraceEndpoint
    from nomos_testing.evidence.run_record import NotARun, read_run
    from nomos_testing.report.traces.export import ExportFailed, export
    from nomos_testing.report.traces.run_trace import run_trace

    if form is None and output is not None:
        raise click.UsageError("--output needs --format json or --format svg")
    if form is None and endpoint is None:
        raise click.UsageError("give --endpoint URL to send the trace, or --format json to write it")
    try:
        made = run_trace(read_run(run_directory))
        if form is None:
            assert endpoint is not None
            export(made, endpoint)
            click.echo(f"{len(made.spans)} spans of trace {made.spans[0].trace_id.hex()} sent to {endpoint}")
            return
    except (NotARun, BadTraceEndpoint, ExportFailed) as error:
        click.echo(str(error), err=True)
        sys.exit(1)
    _write(_text_of(made, form), output)


def _text_of(made: RunTrace, form: str) -> str:
    if form == "svg":
        from nomos_testing.report.traces.waterfall import waterfall

        return waterfall(made)
    from nomos_core.telemetry.otlp_traces import to_json

    return json.dumps(to_json(made.spans, made.resource), separators=(",", ":"))


def _write(text: str, output: Path | None) -> None:
    if output is None:
        click.echo(text)
        return
    try:
        output.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        click.echo(f"{output} cannot be written: {error.strerror}", err=True)
        sys.exit(1)
    click.echo(f"wrote {output}")
