"""``compose_runner`` and the compose deployer on a real daemon: what they answer, leave and keep."""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from nomos_testing import Scenario, ScenarioBuilder
from nomos_testing.deployers.shared.errors import DeployError, NodeDied
from nomos_testing.journal.events import NodeStarted, PhaseStarted
from nomos_testing.journal.journal import read_journal
from support.processes.docker_daemon import compose, docker
from support.processes.embedded_node import wait_until
from support.processes.live_network import PROGRAMS, live_environment
from support.processes.live_stack import leftovers, live_stack, stack_deployer
from support.processes.node_image import node_image
from support.repository.repository_copy import REPOSITORY, STACK

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.network, pytest.mark.timeout(600)]

NOTHING_LEFT_SECONDS = 15.0
INSTANTS = [("configure", 0.3), ("start", 0.2), ("start", 1.0), ("run", 0.5)]
"""Phases of a run, and seconds after each began."""
LONGEST_WAY_UP = 10.0
"""Seconds: some from the command until the nodes are ready, and some of the run."""


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    yield
    wait_until("containers and networks to be gone", lambda: not leftovers(), patience=NOTHING_LEFT_SECONDS)


@pytest.fixture
def image() -> str:
    return node_image()


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    directory = tmp_path / "temporary"
    directory.mkdir()
    return directory


def demo(arguments: Sequence[str] = (), **variables: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(PROGRAMS / "compose_runner"), *arguments],
        cwd=REPOSITORY,
        env=live_environment(CONSENSUS_SLOT_TIME="0.5", **variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def running_demo(directory: Path, image: str, temporary: Path, **variables: str) -> Iterator[subprocess.Popen[str]]:
    chosen = {"NOMOS_TESTNET_IMAGE": image, "NOMOS_DEMO_RUN_SECS": "300", "TMPDIR": str(temporary)} | variables
    process = demo(["--runs-dir", str(directory / "runs")], **chosen)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def journal_of(directory: Path) -> Path:
    return wait_until("a journal", lambda: next((directory / "runs").glob("*/journal.jsonl"), None))


def events(directory: Path) -> list[Any]:
    return [entry.event for entry in read_journal(journal_of(directory))]


def wait_for_phase(directory: Path, phase: str) -> None:
    wait_until(
        f"the phase {phase}",
        lambda: any(isinstance(event, PhaseStarted) and event.phase == phase for event in events(directory)),
        patience=90,
    )


def test_without_a_daemon_it_says_so_and_that_is_no_failure(tmp_path: Path) -> None:
    with demo(DOCKER_HOST=f"unix://{tmp_path}/none.sock") as process:
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "cannot run compose runner demo: Docker is unavailable" in errors
    assert "docker does not appear to be available on this host" in errors


def test_an_image_that_is_not_there_is_a_failure() -> None:
    with demo(NOMOS_TESTNET_IMAGE="no-such-image:here") as process:
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "docker image 'no-such-image:here' is not available; set NOMOS_TESTNET_IMAGE" in errors


def test_a_demo_passes_is_seen_while_it_runs_and_leaves_nothing(tmp_path: Path, image: str, temporary: Path) -> None:
    with running_demo(tmp_path, image, temporary, NOMOS_DEMO_RUN_SECS="20", COMPOSE_NODE_PAIRS="2x0") as process:
        wait_for_phase(tmp_path, "run")
        listed = docker("ps", "--filter", "name=nomos-compose-", "--format", "{{.Names}}").split()
        names = sorted(name for name in listed if "-validator-" in name)
        assert [name[-len("-validator-0-1") :] for name in names] == ["-validator-0-1", "-validator-1-1"]
        (first,) = docker("ps", "--filter", "name=nomos-compose-.*-validator-0", "-q").split()
        wait_until("a slot in the first node's log", lambda: "SlotTick" in docker("logs", first), patience=30)
        output, errors = process.communicate(timeout=300)
    assert process.returncode == 0, output + errors
    assert list(temporary.iterdir()) == []
    (kept,) = (tmp_path / "runs").iterdir()
    assert {path.name for path in kept.glob("validator-*/*")} == {"validator.yaml"}


def test_a_scenario_file_runs_in_containers(tmp_path: Path, image: str) -> None:
    file = tmp_path / "scenario.yaml"
    expected = "expectations: [{consensus_liveness: {lag_allowance: 2}}]"
    file.write_text(f"topology: {{validators: 2}}\nslot: {{seconds: 0.5}}\n{expected}\nrun_for: {{slots: 20}}\n")
    ended = subprocess.run(
        [PROGRAMS / "nomos-testing", "run", file, "--on", "compose", "--runs-dir", tmp_path / "runs"],
        env=live_environment(NOMOS_TESTNET_IMAGE=image),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "scenario passed" in ended.stdout


def test_a_preserved_stack_stays_and_is_taken_down_by_hand(tmp_path: Path, image: str, temporary: Path) -> None:
    chosen = {"NOMOS_DEMO_RUN_SECS": "5", "NOMOS_DEMO_EXECUTORS": "0", "COMPOSE_RUNNER_PRESERVE": "1"}
    with running_demo(tmp_path, image, temporary, NOMOS_LOG_DIR="/logs", **chosen) as process:
        output, errors = process.communicate(timeout=300)
    try:
        assert process.returncode == 0, output + errors
        (workspace,) = temporary.iterdir()
        (name,) = docker("ps", "--filter", "name=validator-0", "--format", "{{.Names}}").split()
        docker("cp", f"{name}:/logs", str(tmp_path))
        assert [path.name[:12] for path in (tmp_path / "logs").iterdir()] == ["nomos-node-0"]
        project = name.removesuffix("-validator-0-1")
        by_hand = ("-f", str(workspace / "compose.generated.yml"), "-p", project)
        compose(*by_hand, "restart", "validator-0")
        assert name in docker("ps", "--format", "{{.Names}}").split()
        compose(*by_hand, "down", "--volumes")
        assert leftovers() == []
    finally:
        for name in leftovers():
            docker("rm", "--force", name, check=False)
            docker("network", "rm", name, check=False)


@pytest.mark.parametrize(("phase", "seconds"), INSTANTS, ids=[f"{phase}+{delay:g}" for phase, delay in INSTANTS])
def test_nothing_is_left_of_a_killed_runner(
    tmp_path: Path, image: str, temporary: Path, phase: str, seconds: float
) -> None:
    with running_demo(tmp_path, image, temporary) as process:
        wait_for_phase(tmp_path, phase)
        time.sleep(seconds)  # the instant
        kill_and_expect_nothing_left(process, temporary)
        wait_until("the journal's end", lambda: '"outcome":"killed"' in journal_of(tmp_path).read_text())


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(10))
def test_nothing_is_left_of_a_runner_killed_at_any_time(tmp_path: Path, image: str, temporary: Path, seed: int) -> None:
    with running_demo(tmp_path, image, temporary) as process:
        time.sleep(random.Random(seed).uniform(0.1, LONGEST_WAY_UP))  # the instant
        kill_and_expect_nothing_left(process, temporary)


def kill_and_expect_nothing_left(process: subprocess.Popen[str], temporary: Path) -> None:
    process.kill()
    process.wait()
    killed = time.monotonic()
    left: list[str] = ["?"]
    while left and time.monotonic() < killed + NOTHING_LEFT_SECONDS:
        time.sleep(0.5)
        left = [*leftovers(), *(path.name for path in temporary.iterdir())]
    assert left == []


def test_a_killed_runner_leaves_what_is_to_be_preserved(tmp_path: Path, image: str, temporary: Path) -> None:
    with running_demo(tmp_path, image, temporary, COMPOSE_RUNNER_PRESERVE="1") as process:
        wait_for_phase(tmp_path, "run")
        process.kill()
        process.wait()
    try:
        wait_until("the reaper's word", lambda: '"outcome":"killed"' in journal_of(tmp_path).read_text())
        assert len([name for name in leftovers() if "-validator-0-1" in name]) == 1
        assert list(temporary.iterdir())
    finally:
        for name in leftovers():
            docker("rm", "--force", name, check=False)
            docker("network", "rm", name, check=False)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_takes_the_stack_down_in_order(
    tmp_path: Path, image: str, temporary: Path, number: signal.Signals
) -> None:
    with running_demo(tmp_path, image, temporary) as process:
        wait_for_phase(tmp_path, "start")
        process.send_signal(number)
        process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert list(temporary.iterdir()) == []


def small(validators: int = 1, executors: int = 1) -> Scenario:
    builder = ScenarioBuilder.topology(validators=validators, executors=executors).slot(seconds=0.5)
    return builder.run_for(slots=2).build()


def repository_with(script: str, text: str, directory: Path) -> Path:
    """A root whose stack has another entry point."""
    root = directory / "repository"
    for part in ("scripts", "monitoring"):
        shutil.copytree(REPOSITORY / STACK / part, root / STACK / part)
    (root / STACK / "scripts" / script).write_text(text)
    return root


async def test_a_container_that_ends_at_its_start_is_told_with_its_last_lines(tmp_path: Path, image: str) -> None:
    root = repository_with("run_nomos_executor.sh", "#!/bin/sh\necho no luck today >&2\nexit 3\n", tmp_path)
    with pytest.raises(NodeDied) as caught:
        await stack_deployer(tmp_path, image, root=root).deploy(small())
    assert caught.value.status == "exit code 3"
    assert "executor-0 ended before it was ready: exit code 3; its last lines:\n  | no luck today" in str(caught.value)
    assert "no luck today" in (caught.value.directory / "container.log").read_text()


async def test_a_cfgsync_that_does_not_start_is_told_with_its_last_lines(tmp_path: Path, image: str) -> None:
    broken = f"{image.partition(':')[0]}:no-cfgsync"
    program = tmp_path / "cfgsync-server"
    program.write_text("#!/bin/sh\necho no luck today >&2\nexit 4\n")
    program.chmod(0o755)
    docker("create", "--name", "no-cfgsync", image)
    try:
        docker("cp", str(program), "no-cfgsync:/opt/nomos/cfgsync-server")
        docker("commit", "no-cfgsync", broken)
        with pytest.raises(DeployError) as caught:
            await stack_deployer(tmp_path, broken).deploy(small())
    finally:
        docker("rm", "no-cfgsync")
        docker("rmi", broken, check=False)
    assert "failed to start cfgsync server on port 4400: nomos-cfgsync-" in str(caught.value)
    assert "ended with exit code 4; its last lines:\n  | no luck today" in str(caught.value)


async def test_the_compose_file_is_kept_beside_the_journal(tmp_path: Path, image: str) -> None:
    async with live_stack(tmp_path, image, small(executors=0)) as runner:
        told = yaml.safe_load((runner.run_directory.path / "compose.generated.yml").read_text())
        plan = json.loads((runner.run_directory.path / "plan.json").read_text())
    assert set(told["services"]) >= {"cfgsync", "validator-0"}
    assert plan["image"] == image
    assert plan["nodes"]["validator-0"]["url"].startswith("http://127.0.0.1:")


async def test_the_older_compose_tool_does_it_as_well(tmp_path: Path, image: str) -> None:
    if shutil.which("docker-compose") is None:
        pytest.skip("no docker-compose: apt-get install docker-compose")
    empty = tmp_path / "no-plugins"
    empty.mkdir()
    builder = ScenarioBuilder.topology(validators=2).slot(seconds=0.5).enable_node_control().enable_network_control()
    async with live_stack(tmp_path, image, builder.run_for(slots=2).build(), DOCKER_CONFIG=str(empty)) as runner:
        control = runner.context.node_control()
        assert control is not None
        await control.restart(runner.context.cluster().nodes[1], wipe_data=True)
        journal = runner.run_directory.journal
    started = [entry.event for entry in read_journal(journal) if isinstance(entry.event, NodeStarted)]
    assert len(started) == 3


def test_a_kept_stack_answers_after_the_verdict_until_it_is_ended(tmp_path: Path, image: str, temporary: Path) -> None:
    scenario, runs = tmp_path / "small.yaml", tmp_path / "runs"
    scenario.write_text("slot: {seconds: 0.5}\ntopology: {validators: 2}\nrun_for: {slots: 4}\n")
    environment = live_environment(NOMOS_TESTNET_IMAGE=image, TMPDIR=str(temporary))

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(PROGRAMS / "nomos-testing"), *arguments]
        # A pipe: the call returns only when the holder of the network has given up its output.
        return subprocess.run(
            command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=300, check=False
        )

    kept = call("run", str(scenario), "--on", "compose", "--runs-dir", str(runs), "--keep", "10m")
    try:
        assert kept.returncode == 0, kept.stdout + kept.stderr
        assert leftovers()
        (run,) = runs.iterdir()
        said = call("shell", str(run), "-c", "(await client('validator-1').network_info()).n_peers")
        assert (said.returncode, said.stdout) == (0, "1\n"), said.stderr
    finally:
        ended = [call("end", str(run)).returncode for run in runs.iterdir()]
    assert ended == [0]
    assert not leftovers()
