"""Metrics of live nodes in a real Prometheus, asked in PromQL: scraped by it, or pushed to it by OTLP."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from nomos_testing import Scenario, ScenarioBuilder
from nomos_testing.observability.telemetry import Telemetry
from support.fakes.otlp_collector import otlp_collector
from support.processes.embedded_node import free_ports
from support.processes.live_network import PATIENCE, PROGRAMS, all_reach, heights, live, live_environment, reached
from support.processes.prometheus_server import prometheus, receiving_prometheus, system_prometheus

pytestmark = [pytest.mark.network, pytest.mark.slow]

BLOCKS = "consensus_processed_blocks"
PUSHED_OFTEN = {"OTEL_METRIC_EXPORT_INTERVAL": "200"}


def _pair(seconds: int = 60) -> Scenario:
    return (
        ScenarioBuilder.topology(validators=1, executors=1, layout="full")
        .slot(seconds=0.3)
        .wallets(10)
        .transactions(rate=2)
        .run_for(seconds=seconds)
        .build()
    )


async def _rises(telemetry: Telemetry, query: str, *, by: int = 5) -> None:
    async def above(limit: float) -> bool:
        return await telemetry.counter_value(query) >= limit

    await reached(f"{query} to have a value", lambda: above(1))
    start = await telemetry.counter_value(query)
    await reached(f"{query} to rise from {start}", lambda: above(start + by))


async def test_prometheus_scrapes_the_nodes(tmp_path: Path) -> None:
    program = system_prometheus()
    async with live(tmp_path / "runs", _pair()) as runner:
        nodes = runner.context.cluster().nodes
        scraped = {node.name: node.url.removeprefix("http://").rstrip("/") for node in nodes}
        with prometheus(program, tmp_path, scraped=scraped) as url:
            telemetry = Telemetry(url)
            await _rises(telemetry, BLOCKS)
            await _rises(telemetry, f'{BLOCKS}{{job="executor-0"}}')
            rates = await telemetry.instant_values(f"rate({BLOCKS}[10s])")
            assert len(rates) == 2
            assert min(rates) > 0
            await all_reach(nodes, 8)
            lowest = min(await heights(nodes))
            await reached("every node's blocks", lambda: _lowest_is(telemetry, lowest))


async def _lowest_is(telemetry: Telemetry, height: int) -> bool:
    return min(await telemetry.instant_values(BLOCKS)) >= height


async def test_a_run_asks_a_prometheus_that_nodes_push_to(tmp_path: Path) -> None:
    program = receiving_prometheus()
    with prometheus(program, tmp_path, "--web.enable-otlp-receiver") as url:
        variables = {"NOMOS_OTLP_METRICS_ENDPOINT": f"{url}/api/v1/otlp/v1/metrics", "NOMOS_METRICS_QUERY_URL": url}
        async with live(tmp_path / "runs", _pair(seconds=10), **variables, **PUSHED_OFTEN) as runner:
            telemetry = runner.context.telemetry()
            assert telemetry.prometheus_endpoint() == url
            await _rises(telemetry, f'{BLOCKS}{{job="nomos-executor-0"}}')
            jobs = {sample.labels["job"] for sample in await telemetry.instant_samples(BLOCKS)}
            assert jobs == {"nomos-node-0", "nomos-executor-0"}
            verdict = await runner.run()
            assert verdict.passed, verdict.failure
            assert await telemetry.consensus_transactions_total() > 0


async def test_the_host_runner_tells_its_nodes_where_to_push(tmp_path: Path) -> None:
    with otlp_collector() as collector:
        variables = {"NOMOS_OTLP_METRICS_ENDPOINT": collector.url, **PUSHED_OFTEN}
        async with live(tmp_path, _pair(), **variables) as runner:
            await all_reach(runner.context.cluster().nodes, 5, patience=PATIENCE)
    services = {export.resource["service.name"] for export in collector.exports}
    assert services == {"nomos-node-0", "nomos-executor-0"}
    assert {export.path for export in collector.exports} == {"/v1/metrics"}
    assert max(export.value(BLOCKS) for export in collector.exports) >= 4


def test_the_manuals_otlp_variables_do_no_harm_where_nobody_listens(tmp_path: Path) -> None:
    traces, metrics = (f"http://localhost:{port}" for port in free_ports(2))
    environment = live_environment(
        NOMOS_OTLP_ENDPOINT=traces,
        NOMOS_OTLP_METRICS_ENDPOINT=metrics,
        NOMOS_TESTS_KEEP_LOGS="1",
        NOMOS_DEMO_RUN_SECS="10",
        CONSENSUS_SLOT_TIME="0.5",
        **PUSHED_OFTEN,
    )
    done = subprocess.run(
        [PROGRAMS / "local_runner"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    logs = [log.read_text() for log in tmp_path.glob(".tmp/runs/*/*/__logs*")]
    assert len(logs) == 2
    for log in logs:
        assert log.count(f"traces can't go to {traces}, going on without") == 1
        assert log.count(f"metrics can't be pushed to {metrics}/v1/metrics, going on without") == 1
