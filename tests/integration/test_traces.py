"""Traces of a live network: embedded nodes and the framework send their spans to one collector."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from nomos_testing import Scenario, ScenarioBuilder
from support.fakes.trace_collector import TraceCollector, attributes, grpc_collector
from support.processes.embedded_node import free_ports
from support.processes.live_network import all_reach, live, reached

pytestmark = [pytest.mark.network, pytest.mark.slow]

SERVICES = {"nomos-node-0", "nomos-executor-0"}


def _pair() -> Scenario:
    return (
        ScenarioBuilder.topology(validators=1, executors=1, layout="full")
        .slot(seconds=0.3)
        .wallets(10)
        .transactions(rate=2)
        .data_availability()
        .run_for(slots=20)
        .build()
    )


def _block_that_crossed(collector: TraceCollector) -> tuple[Span, Span, Span] | None:
    """Return the spans of one block: its proposal, its arrival at the other node, and its validation there."""
    for author in SERVICES:
        (other,) = SERVICES - {author}
        arrivals = {span.trace_id: span for span in collector.named("gossip.receive", other)}
        for proposal in collector.named("block.proposal", author):
            arrival = arrivals.get(proposal.trace_id)
            for validation in collector.named("block.validation", other):
                if arrival is not None and validation.parent_span_id == arrival.span_id:
                    return proposal, arrival, validation
    return None


def _blob_that_was_sampled(collector: TraceCollector) -> tuple[Span, Span] | None:
    """Return the spans of one blob: its dispersal by the executor, and its sampling by the validator."""
    samplings = {span.trace_id: span for span in collector.named("blob.sampling", "nomos-node-0")}
    for dispersal in collector.named("blob.dispersal", "nomos-executor-0"):
        if dispersal.trace_id in samplings:
            return dispersal, samplings[dispersal.trace_id]
    return None


async def test_the_spans_of_a_block_and_of_a_blob_on_all_nodes_are_one_trace(tmp_path: Path, kzg_file: Path) -> None:
    parameters = {"NOMOS_KZGRS_PARAMS_PATH": str(kzg_file)}
    with grpc_collector() as collector:

        async def crossed() -> tuple[Span, Span, Span] | None:
            return _block_that_crossed(collector)

        async def sampled() -> tuple[Span, Span] | None:
            return _blob_that_was_sampled(collector)

        async def submitted() -> list[Span]:
            return collector.named("POST /mempool/add/tx")

        async with live(tmp_path, _pair(), NOMOS_OTLP_ENDPOINT=collector.url, **parameters) as runner:
            verdict = await runner.run()
            assert verdict.passed, verdict.failure
            proposal, arrival, validation = await reached("a block's spans on both nodes", crossed)
            dispersal, sampling = await reached("a blob's spans on both nodes", sampled)
            request, *_ = await reached("the request of a transaction", submitted)
        assert arrival.parent_span_id == proposal.span_id
        block = attributes(proposal)["block"]
        assert (proposal.trace_id.hex(), attributes(validation)["block"]) == (block[:32], block)
        assert sampling.parent_span_id == dispersal.span_id
        assert attributes(sampling)["blob"][:32] == dispersal.trace_id.hex()
        assert attributes(request)["http.response.status_code"] == 200
        linked = [span for span in collector.named("mempool.admission") if span.links]
        assert linked, "an admission is linked to the request that brought the transaction"
        assert collector.services() == {*SERVICES, "nomos-testing"}
        (run,) = collector.named("run scenario")
        links = {
            (link.trace_id, link.span_id) for span in collector.named("block", "nomos-testing") for link in span.links
        }
        assert (proposal.trace_id, proposal.span_id) in links, "the trace of the run leads to those of the nodes"
        assert attributes(run)["verdict"] == "passed"
        assert len(collector.named("transaction", "nomos-testing")) > 1
        assert collector.named("blob", "nomos-testing")


async def test_a_collector_that_is_not_there_is_one_warning_of_each_node(tmp_path: Path, kzg_file: Path) -> None:
    (port,) = free_ports(1)
    endpoint = f"http://127.0.0.1:{port}"
    async with live(tmp_path, _pair(), NOMOS_OTLP_ENDPOINT=endpoint, NOMOS_KZGRS_PARAMS_PATH=str(kzg_file)) as runner:
        await all_reach(runner.context.cluster().nodes, 3)
    logs = _logs(tmp_path)
    assert len(logs) == 2
    for log in logs:
        assert len(re.findall(rf"WARN nomos_tracing: traces can't go to {endpoint}, going on without: ", log)) == 1


def _logs(runs: Path) -> list[str]:
    return [log.read_text() for log in runs.glob("*/*/__logs*")]
