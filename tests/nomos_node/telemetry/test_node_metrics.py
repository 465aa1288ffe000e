"""The metrics of real node processes: what they serve and push agrees with what they did."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from nomos_core.config.tracing import OtlpMetrics
from nomos_testing.surroundings import measured_machine_factor
from support.fakes.otlp_collector import otlp_collector
from support.processes.embedded_node import (
    ENVIRONMENT,
    NodeProcess,
    free_ports,
    leader_genesis,
    make_config,
    network_address,
    wait_until,
)

pytestmark = pytest.mark.network

NAMES = {
    *("consensus_processed_blocks", "consensus_transactions_total", "received_blocks", "received_blocks_data"),
    *("tx_mempool_pending_items", "behaviour_events_received", "connection_event", "ignored_event"),
    *("successful_inbound_messages", "failed_inbound_messages"),
    *("successful_outbound_messages", "failed_outbound_messages"),
}


def _page(node: NodeProcess) -> Mapping[str, float]:
    answer = node.ask("GET", "/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = text_string_to_metric_families(answer.text)
    return {sample.name: sample.value for family in families for sample in family.samples if not sample.labels}


def test_leader_and_follower_count_the_same_blocks(tmp_path: Path) -> None:
    leader_config = make_config(genesis := leader_genesis())
    follower_config = make_config(
        genesis, peers=[network_address(leader_config)], node_key=bytes(range(1, 33)), wallet__known_keys=()
    )
    with (
        NodeProcess(leader_config, tmp_path / "leader").start() as leader,
        NodeProcess(follower_config, tmp_path / "follower").start() as follower,
    ):
        wait_until(
            "the follower to receive proposals", lambda: follower.info() and _page(follower)["received_blocks"] >= 3
        )
        height = follower.wait_height(6)["height"]
        leads, follows = _page(leader), _page(follower)
    assert follows["consensus_processed_blocks"] >= height
    assert (
        0 < follows["received_blocks"] <= follows["consensus_processed_blocks"] <= leads["consensus_processed_blocks"]
    )
    assert follows["received_blocks_data_count"] == follows["received_blocks"]
    assert follows["received_blocks_data_sum"] > 100 * follows["received_blocks"]
    assert leads["received_blocks"] == 0
    assert leads["successful_outbound_messages"] >= follows["received_blocks"]
    assert follows["successful_inbound_messages"] >= follows["received_blocks"]
    assert (leads["connection_event"], follows["connection_event"]) == (1, 1)
    assert leads["failed_inbound_messages"] == follows["failed_inbound_messages"] == 0


def test_pushed_values_carry_the_nodes_name(tmp_path: Path) -> None:
    with otlp_collector() as collector:
        metrics = OtlpMetrics(endpoint=collector.url, host_identifier="validator-0")
        config = make_config(leader_genesis(), tracing__metrics=metrics)
        environment = {**ENVIRONMENT, "OTEL_METRIC_EXPORT_INTERVAL": "100"}
        with NodeProcess(config, tmp_path, environment=environment).start() as node:
            height = node.wait_height(3)["height"]
            assert node.terminate()[0] == 0
    last = collector.exports[-1]
    assert (last.path, last.resource) == ("/v1/metrics", {"service.name": "validator-0"})
    assert set(last.metrics) == NAMES
    assert last.value("consensus_processed_blocks") >= height, "what happened last is pushed as well"
    counted = [export.value("consensus_processed_blocks") for export in collector.exports]
    assert counted == sorted(counted)


def test_without_a_collector_the_node_warns_once_and_ends_in_time(tmp_path: Path) -> None:
    metrics = OtlpMetrics(endpoint=f"http://127.0.0.1:{free_ports(1)[0]}", host_identifier="validator-0")
    config = make_config(leader_genesis(), tracing__metrics=metrics)
    environment = {**ENVIRONMENT, "OTEL_METRIC_EXPORT_INTERVAL": "50"}
    with NodeProcess(config, tmp_path, environment=environment).start() as node:
        wait_until("the warning", lambda: "metrics can't be pushed to" in node.log if node.info() else None)
        node.wait_height(5)
        code, seconds = node.terminate()
    assert code == 0
    # A push that waited for its collector would take ten seconds; the machine runs other live tests beside this one.
    assert seconds < 3 * measured_machine_factor()
    assert node.log.count("metrics can't be pushed") == 1


def test_an_endpoint_that_is_no_url_ends_the_node_at_once(tmp_path: Path) -> None:
    metrics = OtlpMetrics(endpoint="localhost:4318", host_identifier="validator-0")
    with NodeProcess(make_config(leader_genesis(), tracing__metrics=metrics), tmp_path).start() as node:
        assert node.wait_end() == 1
        assert "Error: tracing.metrics.endpoint: expected an http:// or https:// URL" in node.output
