"""Traces of a live network in a real OpenTelemetry Collector, which reads every field of what it takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from nomos_core.telemetry.otlp_traces import to_json
from nomos_testing import ScenarioBuilder
from nomos_testing.evidence.run_record import read_run
from nomos_testing.report.traces.run_trace import run_trace
from support.processes.live_network import live
from support.processes.otel_collector import OtelCollector, built_collector, otel_collector

pytestmark = [pytest.mark.network, pytest.mark.nightly, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def program() -> str:
    return built_collector()


@pytest.mark.parametrize("protocol", ["grpc", "http"])
async def test_a_collector_takes_the_spans_of_nodes_and_run_as_they_are(
    tmp_path: Path, program: str, protocol: str
) -> None:
    scenario = (
        ScenarioBuilder.topology(validators=1, executors=1, layout="full")
        .slot(seconds=0.3)
        .wallets(10)
        .transactions(rate=2)
        .run_for(seconds=5)
        .build()
    )
    with otel_collector(program, tmp_path) as collector:
        async with live(tmp_path / "runs", scenario, NOMOS_OTLP_ENDPOINT=getattr(collector, protocol)) as runner:
            verdict = await runner.run()
            assert verdict.passed, verdict.failure
    assert collector.services() == {"nomos-node-0", "nomos-executor-0", "nomos-testing"}
    _check_the_run(collector, next((tmp_path / "runs").iterdir()))
    names = {span["name"] for service in ("nomos-node-0", "nomos-executor-0") for span in collector.spans(service)}
    assert {"block.proposal", "block.validation", "gossip.receive", "mempool.admission"} <= names


def _check_the_run(collector: OtelCollector, directory: Path) -> None:
    trace = run_trace(read_run(directory))
    ((sent,),) = (resource["scopeSpans"] for resource in to_json(trace.spans, trace.resource)["resourceSpans"])
    taken = {span["spanId"]: span for span in collector.spans("nomos-testing")}
    assert len(taken) == len(sent["spans"])
    for span in sent["spans"]:
        told = taken[span["spanId"]]
        assert {key: told[key] for key in span} == span
