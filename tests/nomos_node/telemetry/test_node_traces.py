"""Traces of real node processes: they arrive, and a collector that is not there hinders nobody."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from nomos_core.config.tracing import OtlpTraces
from nomos_testing.surroundings import measured_machine_factor
from support.fakes.trace_collector import TraceCollector, attributes, grpc_collector, http_collector
from support.processes.embedded_node import NodeProcess, free_ports, leader_genesis, make_config, wait_until

pytestmark = [pytest.mark.network, pytest.mark.slow]


def _traces(endpoint: str) -> OtlpTraces:
    return OtlpTraces(endpoint=endpoint, sample_ratio=1.0, service_name="validator-0")


def _heights(collector: TraceCollector) -> set[int]:
    return {attributes(span)["height"] for span in collector.named("block.proposal")}


@pytest.mark.parametrize("collecting", [grpc_collector, http_collector])
def test_every_block_has_a_trace(
    tmp_path: Path, collecting: Callable[[], AbstractContextManager[TraceCollector]]
) -> None:
    with collecting() as collector:
        config = make_config(leader_genesis(), tracing__tracing=_traces(collector.url))
        with NodeProcess(config, tmp_path).start() as node:
            wanted = set(range(1, node.wait_height(4)["height"] + 1))
            wait_until("the spans of all blocks", lambda: wanted <= _heights(collector))
            assert node.terminate()[0] == 0
        assert collector.services() == {"validator-0"}
        assert f"traces go to {collector.url}" in node.log


@pytest.mark.parametrize("url", ["http://127.0.0.1:{}", "http://127.0.0.1:{}/v1/traces"])
def test_without_a_collector_the_node_warns_once_and_ends_in_time(tmp_path: Path, url: str) -> None:
    endpoint = url.format(free_ports(1)[0])
    config = make_config(leader_genesis(), tracing__tracing=_traces(endpoint))
    with NodeProcess(config, tmp_path).start() as node:
        wait_until("the warning", lambda: "traces can't go to" in node.log if node.info() else None)
        node.wait_height(5)
        code, seconds = node.terminate()
    assert code == 0
    # An export that waited for its collector would take ten seconds.
    assert seconds < 3 * measured_machine_factor()
    assert node.log.count("traces can't go to") == 1


def test_an_endpoint_that_is_no_url_ends_the_node_at_once(tmp_path: Path) -> None:
    config = make_config(leader_genesis(), tracing__tracing=_traces("ftp://collector"))
    with NodeProcess(config, tmp_path).start() as node:
        assert node.wait_end() == 1
        assert "Error: tracing.tracing.endpoint: expected the URL of a collector, such as" in node.output
