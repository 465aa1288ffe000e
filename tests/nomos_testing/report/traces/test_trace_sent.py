"""Sending the trace of a run: after the run, and with ``nomos-testing trace``."""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import grpc
import pytest
from click.testing import CliRunner, Result

from nomos_testing.cli.main import main
from nomos_testing.journal.events import BlockSeen
from nomos_testing.report.files import write_reports
from support.fakes.trace_collector import TraceCollector, attributes, grpc_collector, http_collector
from support.inputs.written_run import judged_run

COLLECTORS = [grpc_collector, http_collector]
Collecting = Callable[[], AbstractContextManager[TraceCollector]]


@pytest.fixture(scope="module")
def run_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("runs") / "run-1"
    blocks = [
        BlockSeen(block=f"{n:064x}", parent=f"{n - 1:064x}", slot=n, height=n, transactions=0, node="validator-0")
        for n in range(1, 1101)
    ]
    judged_run(directory, [(3 + block.slot / 100, block) for block in blocks])
    return directory


@pytest.fixture
def dead_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    return port


def _called(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["trace", *map(str, arguments)], env={"NOMOS_OTLP_ENDPOINT": ""})


@pytest.mark.parametrize("collecting", COLLECTORS)
def test_the_command_sends_all_spans(run_directory: Path, collecting: Collecting) -> None:
    with collecting() as collector:
        result = _called(run_directory, "--endpoint", collector.url)
        spans = collector.spans("nomos-testing")
    assert result.exit_code == 0, result.output
    assert len({span.span_id for span in spans}) == len(spans) > 1100
    assert result.output == f"{len(spans)} spans of trace {spans[0].trace_id.hex()} sent to {collector.url}\n"
    assert len(collector.requests) > 1, "no message exceeds what collectors take"
    (root,) = collector.named("run written")
    assert attributes(root)["verdict"] == "failed"


@pytest.mark.parametrize("collecting", COLLECTORS)
def test_the_end_of_a_run_sends_its_trace(run_directory: Path, collecting: Collecting) -> None:
    with collecting() as collector:
        write_reports(run_directory, collector.url)
        assert collector.named("run written")


def test_without_an_endpoint_the_end_of_a_run_sends_nothing(run_directory: Path) -> None:
    with http_collector() as collector:
        write_reports(run_directory)
        assert collector.requests == []


@pytest.mark.parametrize("url", ["http://127.0.0.1:{}", "http://127.0.0.1:{}/v1/traces", "ftp://127.0.0.1:{}"])
def test_a_collector_that_is_not_there_is_one_line_of_the_run(
    run_directory: Path, dead_port: int, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    write_reports(run_directory, url.format(dead_port))
    (told,) = (record for record in caplog.records if record.name.startswith("nomos_testing.report.traces"))
    assert told.levelno == logging.ERROR
    assert told.getMessage().startswith("NOMOS_OTLP_ENDPOINT: the trace of the run was not sent: ")
    assert url.format(dead_port) in told.getMessage()


@pytest.mark.parametrize(
    ("collecting", "refusal", "told"),
    [
        (grpc_collector, grpc.StatusCode.PERMISSION_DENIED, "did not take it: PERMISSION_DENIED: no room here"),
        (http_collector, 403, "answered 403 Forbidden"),
    ],
)
def test_the_command_tells_a_refusal(run_directory: Path, collecting: Collecting, refusal: object, told: str) -> None:
    with collecting() as collector:
        collector.refuse_with = refusal
        result = _called(run_directory, "--endpoint", collector.url)
    assert (result.exit_code, result.output) == (1, f"{collector.url} {told}\n")


def test_the_command_writes_json(run_directory: Path, tmp_path: Path) -> None:
    file = tmp_path / "trace.json"
    result = _called(run_directory, "--format", "json", "--output", file)
    assert result.output == f"wrote {file}\n"
    (resource,) = json.loads(file.read_text())["resourceSpans"]
    (scope,) = resource["scopeSpans"]
    assert scope["spans"][0]["name"] == "run written"
    printed = json.loads(_called(run_directory, "--format", "json").output)
    assert printed["resourceSpans"] == [resource]


def test_the_command_draws(run_directory: Path) -> None:
    assert _called(run_directory, "--format", "svg").output.startswith("<svg ")


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["{run}"], 2, "give --endpoint URL to send the trace, or --format json to write it"),
        (["{run}", "--output", "x", "--endpoint", "http://h"], 2, "--output needs --format json or --format svg"),
        (["{run}", "--endpoint", "ftp://h"], 1, "expected the URL of a collector"),
        (["{run}/nothing", "--format", "json"], 1, "is no run directory"),
        (["{run}", "--format", "json", "--output", "{run}/no/file"], 1, "cannot be written: No such file or directory"),
    ],
)
def test_wrong_use_is_told(run_directory: Path, arguments: list[str], code: int, told: str) -> None:
    result = _called(*(argument.format(run=run_directory) for argument in arguments))
    assert result.exit_code == code
    assert told in result.output
