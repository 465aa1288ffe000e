"""Ports and networks of a stack, and what happens where somebody else was faster."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from nomos_core.proofs.development import DevelopmentProver
from nomos_testing import ScenarioBuilder
from nomos_testing.deployers.compose.compose_tool import ComposeProject, ComposeTool
from nomos_testing.deployers.compose.container_events import ContainerEnds
from nomos_testing.deployers.compose.docker import Docker
from nomos_testing.deployers.compose.errors import ComposeError
from nomos_testing.deployers.compose.preflight import Prepared
from nomos_testing.deployers.compose.rendering import GRAFANA_PASSWORD, rendered
from nomos_testing.deployers.compose.stack import Stack, StackName
from nomos_testing.deployers.compose.stack_planning import StackPlanner
from nomos_testing.deployers.compose.stack_start import StackTools, start_stack
from nomos_testing.deployers.compose.workspace import Workspace
from nomos_testing.deployers.shared.errors import DeployError
from nomos_testing.deployers.shared.run_opening import OpenRun, opened_run
from nomos_testing.journal.events import Notice
from nomos_testing.journal.journal import read_journal
from nomos_testing.observability.images import PrometheusImage
from nomos_testing.settings import Settings
from support.fakes.fake_docker import fake_docker

SCENARIO = ScenarioBuilder.topology(validators=2).run_for(slots=2).build()


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def planner(
    environ: dict[str, str], *, receives: bool = True, directory: Path = Path(), relay_log: Path | None = None
) -> StackPlanner:
    docker = Docker(environ)
    return StackPlanner(
        scenario=SCENARIO,
        settings=Settings.from_environ(environ),
        prepared=Prepared(
            docker=docker,
            tool=ComposeTool(docker, ("docker", "compose")),
            image="nodes:test",
            platform=None,
            assets=directory,
            kzg=None,
            prover=DevelopmentProver(),
            clock_library=None,
            prometheus=PrometheusImage("p:1", receives),
        ),
        environ=environ,
        name=StackName("1234"),
        relay_log=relay_log,
    )


def test_a_port_that_was_asked_for_and_is_taken_is_refused(taken: int) -> None:
    with pytest.raises(ComposeError) as caught:
        planner({"TEST_FRAMEWORK_PROMETHEUS_PORT": str(taken)}).plan()
    assert f"TEST_FRAMEWORK_PROMETHEUS_PORT={taken}: the port is taken on this host" in str(caught.value)
    assert "unset the variable to have a free one chosen" in str(caught.value)


def test_another_port_is_chosen_where_the_usual_one_is_taken(taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nomos_testing.deployers.compose.stack_planning.PROMETHEUS_PORT", taken)
    assert planner({}).plan().prometheus_port not in {0, taken}


def test_nodes_push_to_the_stacks_prometheus_where_it_takes_that() -> None:
    told = {"NOMOS_OTLP_METRICS_ENDPOINT": "http://elsewhere:4318"}
    assert planner(told).options.logging.otlp_metrics == "http://prometheus:9090/api/v1/otlp/v1/metrics"
    assert planner(told, receives=False).options.logging.otlp_metrics == "http://elsewhere:4318"


def test_cfgsync_is_told_of_the_relay() -> None:
    relayed = planner({"SLOW_TEST_ENV": "true"}, relay_log=Path("relay.log"))
    network = relayed.plan().network
    config = relayed.cfgsync(network)
    assert config.relay is not None
    assert (config.relay.host, config.n_hosts, config.timeout) == (network.relay, 2, 360)
    assert planner({}).cfgsync(network).relay is None


def test_nodes_are_told_what_the_caller_asked_for() -> None:
    asked = {"NOMOS_LOG_LEVEL": "debug", "NOMOS_LOG_DIR": "/logs", "POL_PROOF_DEV_MODE": "no"}
    environment = planner(asked | {"NOMOS_SHARE_DURATION_SECS": "7"}).plan().environment
    assert (environment["NOMOS_LOG_LEVEL"], environment["NOMOS_LOG_DIR"]) == ("debug", "/logs")
    assert planner({"NOMOS_LOG_DIR": "logs"}).plan().log_directory == "/var/lib/nomos/logs"
    assert (environment["POL_PROOF_DEV_MODE"], environment["NOMOS_TIME_BACKEND"]) == ("false", "monotonic")
    told = planner({"NOMOS_SHARE_DURATION_SECS": "7", "COMPOSE_RUNNER_HOST": "docker.example"})
    stack = told.plan()
    times = told.cfgsync(stack.network).da_times
    assert times is not None
    assert times.share_duration == 7
    assert stack.bind_address == "0.0.0.0"


GRAFANA = "grafana/grafana:10.4.1"


def grafana(environ: dict[str, str]) -> tuple[Stack, dict[str, Any]]:
    made = planner(environ)
    made = replace(made, prepared=replace(made.prepared, grafana_image=GRAFANA))
    stack = made.plan()
    return stack, yaml.safe_load(rendered(stack))["services"]["grafana"]


@pytest.mark.parametrize("host", [None, "127.0.0.1", "localhost"])
def test_grafana_on_loopback_has_its_default_password(host: str | None) -> None:
    _, service = grafana({} if host is None else {"COMPOSE_RUNNER_HOST": host})
    assert service["ports"][0].startswith("127.0.0.1:")
    assert service["environment"]["GF_SECURITY_ADMIN_PASSWORD"] == "admin"


@pytest.mark.parametrize("host", ["docker.example", "0.0.0.0", "192.0.2.7"])
def test_grafana_beyond_loopback_has_a_password_that_nobody_can_know(host: str) -> None:
    first, service = grafana({"COMPOSE_RUNNER_HOST": host})
    second, _ = grafana({"COMPOSE_RUNNER_HOST": host, "COMPOSE_GRAFANA_PASSWORD": ""})
    assert first.grafana_password
    assert second.grafana_password
    assert first.grafana_password != second.grafana_password
    assert len(first.grafana_password) >= 20
    assert service["environment"] == {
        "GF_SECURITY_ADMIN_USER": "admin",
        "GF_SECURITY_ADMIN_PASSWORD__FILE": "/run/secrets/grafana_password",
    }
    assert "./secrets/grafana_password:/run/secrets/grafana_password:ro" in service["volumes"]


@pytest.mark.parametrize("host", ["127.0.0.1", "docker.example"])
def test_a_given_password_of_grafana_is_taken_and_is_in_no_file_but_its_own(host: str, tmp_path: Path) -> None:
    given = "let m$ in'"
    stack, service = grafana({"COMPOSE_RUNNER_HOST": host, "COMPOSE_GRAFANA_PASSWORD": given})
    assert stack.grafana_password == given
    assert "let m" not in rendered(stack)
    assert "let m" not in f"{stack!r} {Settings(grafana_password=given)!r}"
    workspace = Workspace(tmp_path)
    workspace.write_secret(GRAFANA_PASSWORD, given)
    source = next(entry for entry in service["volumes"] if "secrets" in entry).split(":")[0]
    file = tmp_path / source
    assert file.read_text() == given
    assert (file.stat().st_mode & 0o444, file.parent.stat().st_mode & 0o077) == (0o444, 0)


@pytest.fixture
async def run(tmp_path: Path) -> AsyncIterator[OpenRun]:
    settings = Settings(pol_proof_dev_mode=True)
    async with opened_run("compose", SCENARIO, settings, runs_directory=tmp_path / "runs", listeners=()) as opened:
        yield opened


async def raised(run: OpenRun, directory: Path, complaint: str) -> None:
    up = (["compose", "-f"], {"err": f"Error response from daemon: {complaint}\n", "status": 1})
    environ = fake_docker(directory / "bin", [up])
    workspace = Workspace(directory / "workspace")
    for part in (workspace.stack, workspace.scrape_targets.parent):
        part.mkdir(parents=True, exist_ok=True)
    docker = Docker(environ)
    project = ComposeProject(ComposeTool(docker, ("docker", "compose")), "p", workspace.compose_file)
    ends = ContainerEnds(docker, "p", lost=lambda: None)
    tools = StackTools(docker=docker, project=project, workspace=workspace, planner=planner(environ), ends=ends)
    await start_stack(run, tools)


async def test_what_no_other_port_helps_is_told_at_once(run: OpenRun, tmp_path: Path) -> None:
    with pytest.raises(ComposeError) as caught:
        await raised(run, tmp_path, "no space left on device")
    assert "failed to bring the stack up: docker compose -f " in str(caught.value)
    assert "exited with status 1\n  | Error response from daemon: no space left on device" in str(caught.value)
    assert [entry for entry in read_journal(run.journal.path) if isinstance(entry.event, Notice)] == []


async def test_a_port_that_is_gone_is_chosen_anew(run: OpenRun, tmp_path: Path) -> None:
    """Taking down what there is of the attempt fails here as well; then there is nothing more to try."""
    with pytest.raises(ComposeError):
        await raised(run, tmp_path, "Bind for 127.0.0.1:9090 failed: port is already allocated")
    (notice,) = [entry.event for entry in read_journal(run.journal.path) if isinstance(entry.event, Notice)]
    assert notice.text.startswith("the stack did not come up (attempt 1 of 3), trying with other ports:")


async def test_a_port_that_was_asked_for_is_not_exchanged(run: OpenRun, tmp_path: Path) -> None:
    locked = replace(run, settings=Settings(prometheus_port=9191))
    with pytest.raises(ComposeError, match="failed to bring the stack up"):
        await raised(locked, tmp_path, "Bind for 127.0.0.1:9191 failed: port is already allocated")


async def test_a_place_for_runs_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    opening = opened_run("x", SCENARIO, Settings(), runs_directory=file, listeners=())
    with pytest.raises(DeployError, match=r"the runs directory .*file cannot be used: Not a directory"):
        await opening.__aenter__()
