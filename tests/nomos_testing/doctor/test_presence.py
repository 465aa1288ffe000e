"""What runs, and what dead runs have left: real processes of this machine, a Docker and a cluster that a test makes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from click.testing import CliRunner, Result

from nomos_testing.cli.main import main
from nomos_testing.deployers.compose.docker import Docker
from nomos_testing.deployers.compose.teardown import leftovers
from nomos_testing.deployers.shared.reaper_client import RUN_LABEL
from nomos_testing.deployers.shared.run_owner import OWNER_MARK, OwnerState, RunOwner, run_marks, state_of
from nomos_testing.doctor import local_presence
from nomos_testing.doctor.overview import Overview, overview
from nomos_testing.doctor.presence import Presence, shown_duration
from nomos_testing.runtime.control_protocol import SOCKET_NAME
from support.fakes.fake_docker import fake_docker
from support.fakes.fake_kubernetes import FakeKubernetes
from support.processes.fake_node_processes import eventually, is_gone

RUNNER = """
import subprocess, sys, time
from pathlib import Path
from nomos_testing.journal.events import RunStarted
from nomos_testing.journal.journal import Journal
directory = Path(sys.argv[1])
node = directory / "validator-0"
node.mkdir(parents=True)
journal = Journal(directory / "journal.jsonl", clock=time.monotonic)
journal.write(RunStarted(
    run_id=directory.name, scenario="demo", deployer="local", seed=1, run_seconds=1.0, expected_blocks=1,
    lottery_expected_blocks=1.0, machine_factor=1.0, directory=str(directory)))
sleep = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)", "validator.yaml"]
process = subprocess.Popen(sleep, cwd=node, stdout=subprocess.PIPE, start_new_session=True)
process.stdout.readline()
print(process.pid, flush=True)
time.sleep(600)
"""
GONE = replace(RunOwner.of(os.getpid()), pid=1, started=1)
"""A process of this machine that has ended: the first one has another start."""


@dataclass
class LocalRun:
    """A process that has a journal open, as a runner has, and a process that works as its node."""

    directory: Path
    runner: subprocess.Popen[bytes]
    node: int

    def kill(self) -> None:
        self.runner.kill()
        self.runner.wait()


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[LocalRun]]:
    """Two runs. Others of this machine, which are not the test's, are not seen."""
    nodes, runners = local_presence.node_processes, local_presence.runners

    def own(directory: Path) -> bool:
        return tmp_path in directory.parents

    monkeypatch.setattr(local_presence, "node_processes", lambda: [node for node in nodes() if own(node.run)])
    monkeypatch.setattr(
        local_presence, "runners", lambda: {directory: pid for directory, pid in runners().items() if own(directory)}
    )
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    made: list[LocalRun] = []
    for name in ("first", "second"):
        directory = tmp_path / "runs" / name
        runner = subprocess.Popen([sys.executable, "-c", RUNNER, str(directory)], stdout=subprocess.PIPE)
        assert runner.stdout is not None
        made.append(LocalRun(directory, runner, int(runner.stdout.readline())))
    yield made
    for run in made:
        run.kill()
        assert run.runner.stdout is not None
        run.runner.stdout.close()
        if not is_gone(run.node):
            os.kill(run.node, signal.SIGKILL)


@pytest.fixture
def nowhere(tmp_path: Path) -> Mapping[str, str]:
    """An environment without Docker and without a cluster."""
    return {"PATH": str(tmp_path / "empty"), "HOME": str(tmp_path)}


def of_name(runs: Sequence[Presence], name: str) -> Presence:
    (run,) = [run for run in runs if run.name == name]
    return run


async def looked_at(environ: Mapping[str, str], runs_directory: Path | None = None) -> Overview:
    async with overview(environ, runs_directory=runs_directory) as found:
        return found


# Owners


def test_an_owner_lives_as_long_as_its_process() -> None:
    with subprocess.Popen(["sleep", "600"]) as process:
        owner = RunOwner.of(process.pid)
        assert RunOwner.parse(str(owner)) == owner
        assert owner.state() is OwnerState.ALIVE
        assert owner.shown.startswith(f"pid {process.pid} on ")
        process.kill()
    assert owner.state() is OwnerState.DEAD


def test_nothing_is_said_of_another_machine_or_container_and_a_boot_ends_all() -> None:
    owner = RunOwner.of(os.getpid())
    assert replace(owner, machine="elsewhere/1").state() is OwnerState.UNKNOWN
    assert replace(owner, processes="pid:[1]").state() is OwnerState.UNKNOWN
    assert replace(owner, boot="before").state() is OwnerState.DEAD
    assert replace(owner, started=owner.started + 1).state() is OwnerState.DEAD, "another process has its id"
    assert state_of(None) is OwnerState.UNKNOWN
    assert state_of("nonsense") is OwnerState.UNKNOWN


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.6, "1 min"), (61, "1 min 1 s"), (3600, "1 h"), (90_061, "1 d 1 h"), (-5, "0 s")],
)
def test_durations(seconds: float, text: str) -> None:
    assert shown_duration(seconds) == text


# This machine


async def test_a_run_is_found_by_its_open_journal_and_is_dead_without_it(
    runs: list[LocalRun], nowhere: Mapping[str, str]
) -> None:
    first, second = runs
    found = await looked_at(nowhere)
    run = of_name(found.runs, "first")
    assert (run.state, run.scenario, run.directory) == (OwnerState.ALIVE, "demo", str(first.directory))
    assert run.owner is not None
    assert run.owner.startswith(f"pid {first.runner.pid} on ")
    assert run.things == (f"1 node: validator-0 (pid {first.node})",)
    assert run.since is not None
    assert not found.leftovers
    second.kill()
    found = await looked_at(nowhere)
    assert of_name(found.runs, "first").state is OwnerState.ALIVE
    assert of_name(found.runs, "second").state is OwnerState.DEAD
    (leftover,) = found.leftovers
    assert leftover.text == f"the process validator-0 (pid {second.node}) of {second.directory}"


async def test_a_runner_in_a_container_whose_journal_is_not_visible_here_lives(
    nowhere: Mapping[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    directory = tmp_path / "in-its-container"
    monkeypatch.setattr(local_presence, "node_processes", list)
    monkeypatch.setattr(local_presence, "runners", lambda: {directory: os.getpid()})
    (run,) = (await looked_at(nowhere)).runs
    assert (run.name, run.state, run.scenario, run.since) == (directory.name, OwnerState.ALIVE, None, None)


@pytest.mark.parametrize(("answers", "kept_until"), [(True, 1.9e9), (False, None)], ids=["answers", "silent"])
async def test_a_kept_network_tells_until_when(
    runs: list[LocalRun],
    nowhere: Mapping[str, str],
    monkeypatch: pytest.MonkeyPatch,
    answers: bool,
    kept_until: float | None,
) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            if answers:
                answer = {"id": json.loads(line)["id"], "ok": True, "result": {"kept_until": kept_until}}
                writer.write(json.dumps(answer).encode() + b"\n")
        writer.close()

    monkeypatch.setattr(local_presence, "_STATUS_SECONDS", 30.0 if answers else 0.1)
    monkeypatch.chdir(runs[0].directory)  # the path of a socket may have 107 characters
    server = await asyncio.start_unix_server(serve, SOCKET_NAME)
    async with server:
        run = of_name((await looked_at(nowhere)).runs, "first")
    assert (run.state, run.kept_until) == (OwnerState.ALIVE, kept_until)
    assert run.since is not None
    assert ("kept for another" in run.lines(run.since)[0]) is answers


def test_a_reader_of_the_journal_is_no_runner(runs: list[LocalRun]) -> None:
    first, second = runs
    second.kill()
    with (second.directory / "journal.jsonl").open():
        assert local_presence.runners() == {first.directory: first.runner.pid}


def invoked(environ: Mapping[str, str], monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Result:
    for name in set(os.environ) - {"PYTEST_CURRENT_TEST"}:
        monkeypatch.delenv(name)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    return CliRunner().invoke(main, arguments)


def test_clean_shows_and_removes_what_dead_runs_have_left_and_touches_no_live_run(
    runs: list[LocalRun], nowhere: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = runs
    for run in runs:
        with socket.socket(socket.AF_UNIX) as listener:
            monkeypatch.chdir(run.directory)  # the path of a socket may have 107 characters
            listener.bind(SOCKET_NAME)
    second.kill()
    where = ("--runs-dir", str(first.directory.parent))
    asked = invoked(nowhere, monkeypatch, "clean", *where)
    assert asked.exit_code == 1
    assert "nomos-testing clean --yes" in asked.output
    assert str(second.directory / SOCKET_NAME) in asked.output
    assert not is_gone(second.node)
    done = invoked(nowhere, monkeypatch, "clean", "--yes", *where)
    assert done.exit_code == 0, done.output
    with eventually("the end of the dead run's node") as attempts:
        for _ in attempts:
            if is_gone(second.node):
                break
    assert not (second.directory / SOCKET_NAME).exists()
    assert (second.directory / "journal.jsonl").exists()
    assert first.runner.poll() is None
    assert not is_gone(first.node)
    assert (first.directory / SOCKET_NAME).exists()
    again = invoked(nowhere, monkeypatch, "clean", *where)
    assert (again.exit_code, again.output) == (0, "dead runs have left nothing\n")


def test_a_process_that_took_the_id_of_a_node_is_not_killed(runs: list[LocalRun]) -> None:
    (node,) = [node for node in local_presence.node_processes() if node.pid == runs[0].node]
    replace(node, started=node.started - 60.0).kill()
    assert psutil.Process(node.pid).is_running()
    assert not is_gone(node.pid)


def test_the_workspace_of_a_dead_stack_is_left(runs: list[LocalRun], tmp_path: Path) -> None:
    for name, owner in (("dead", GONE), ("live", RunOwner.of(os.getpid()))):
        directory = tmp_path / f"nomos-testnet-{name}"
        directory.mkdir()
        services = {"services": {"cfgsync": {"labels": {OWNER_MARK: str(owner)}}}}
        (directory / "compose.generated.yml").write_text(json.dumps(services))
    (tmp_path / "nomos-testnet-empty").mkdir()
    assert local_presence.stale_files(tmp_path / "runs") == [tmp_path / "nomos-testnet-dead"]


def test_ps_writes_lines_or_json(
    runs: list[LocalRun], nowhere: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    told = invoked(nowhere, monkeypatch, "ps")
    assert "first: scenario demo, local, " in told.output
    assert f"  1 node: validator-0 (pid {runs[0].node})" in told.output
    answer = json.loads(invoked(nowhere, monkeypatch, "ps", "--json").output)
    assert {run["name"]: run["state"] for run in answer["runs"]} == {"first": "alive", "second": "alive"}
    assert all(run["age_seconds"] >= 0 for run in answer["runs"])


# Docker


def container(name: str, project: str, owner: RunOwner, directory: Path) -> dict[str, Any]:
    marks = run_marks("demo", directory) | {OWNER_MARK: str(owner), RUN_LABEL: project}
    return {"Name": f"/{name}", "Created": "2026-01-02T03:04:05.678901234Z", "Config": {"Labels": marks}}


def docker_answers(directory: Path) -> list[tuple[Sequence[str], Mapping[str, Any]]]:
    """A daemon with a stack of a dead runner, one of a live one and one of another machine. It removes the first."""
    own = RunOwner.of(os.getpid())
    containers = [
        container("a", "dead", GONE, directory / "dead"),
        container("b", "live", own, directory / "live"),
        container("c", "other", replace(own, machine="elsewhere/1"), directory / "other"),
    ]
    network = {"Name": "net", "Labels": {RUN_LABEL: "dead", OWNER_MARK: str(GONE)}, "Created": "2026-01-02T03:04:05Z"}
    whole = ("--filter", f"label={RUN_LABEL}")
    containers_of, networks_of, volumes_of = (kind.listing[1:] for kind in leftovers("docker", "dead"))
    return [
        (["ps", "--all", "--quiet", "--no-trunc", *whole], {"out": "1\n2\n3\n"}),
        (["network", "ls", "--quiet", "--no-trunc", *whole], {"out": "4\n"}),
        (["volume", "ls", "--quiet", *whole], {}),
        (["container", "inspect", "1", "2", "3"], {"out": json.dumps(containers)}),
        (["network", "inspect", "4"], {"out": json.dumps([network])}),
        (containers_of, {"out": "1\n"}),
        (networks_of, {"out": "4\n"}),
        (volumes_of, {}),
        (["rm", "--force", "--volumes", "1"], {}),
        (["network", "rm", "4"], {}),
    ]


@pytest.mark.usefixtures("runs")
async def test_stacks_belong_to_their_runners_and_those_of_dead_ones_are_removed(tmp_path: Path) -> None:
    environ = fake_docker(tmp_path / "bin", docker_answers(tmp_path)) | {"HOME": str(tmp_path)}
    async with overview(environ) as found:
        dead, live, other = (of_name(found.runs, name) for name in ("dead", "live", "other"))
        assert (dead.state, live.state, other.state) == (OwnerState.DEAD, OwnerState.ALIVE, OwnerState.UNKNOWN)
        assert dead.things == ("1 container: a", "1 network: net")
        assert (dead.scenario, dead.directory) == ("demo", str(tmp_path / "dead"))
        assert dead.since == pytest.approx(1767323045.0)
        (leftover,) = found.leftovers
        assert leftover.text == "the stack dead of dead: 1 container: a; 1 network: net"
        await leftover.remove()  # a command that removes anything else is refused


@pytest.mark.usefixtures("runs")
async def test_a_daemon_that_does_not_answer_is_named_and_the_rest_is_shown(tmp_path: Path) -> None:
    environ = fake_docker(tmp_path / "bin", []) | {"HOME": str(tmp_path)}
    found = await looked_at(environ)
    (silent,) = found.silent
    assert silent.startswith("Docker: docker ps ")
    assert {run.name for run in found.runs} == {"first", "second"}


# Kubernetes


@pytest.fixture
async def cluster() -> AsyncIterator[FakeKubernetes]:
    served = FakeKubernetes()
    await served.start()
    yield served
    await served.stop()


def add_namespace(cluster: FakeKubernetes, name: str, owner: RunOwner, **annotations: str) -> None:
    metadata = {
        "name": name,
        "labels": {RUN_LABEL: name},
        "annotations": {OWNER_MARK: str(owner), "logos-blockchain-testing.run-id": f"run-{name}"}
        | {f"logos-blockchain-testing.{key}": text for key, text in annotations.items()},
        "creationTimestamp": "2026-01-02T03:04:05Z",
    }
    cluster.put(f"/api/v1/namespaces/{name}", {"metadata": metadata})


@pytest.mark.usefixtures("runs")
async def test_namespaces_of_dead_and_of_expired_runs_are_removed(cluster: FakeKubernetes, tmp_path: Path) -> None:
    own = RunOwner.of(os.getpid())
    elsewhere = replace(own, machine="elsewhere/1")
    add_namespace(cluster, "dead", GONE)
    add_namespace(cluster, "live", own)
    add_namespace(cluster, "other", elsewhere, expires="2999-01-01T00:00:00+00:00", scenario="soak")
    add_namespace(cluster, "expired", elsewhere, expires="2020-01-01T00:00:00+00:00")
    cluster.put("/api/v1/namespaces/strange", {"metadata": {"name": "strange"}})
    environ = cluster.kubeconfig(tmp_path) | {"PATH": str(tmp_path)}
    async with overview(environ) as found:
        states = {run.name: run.state for run in found.runs if run.runner == "k8s"}
        assert states == {
            "run-dead": OwnerState.DEAD,
            "run-live": OwnerState.ALIVE,
            "run-other": OwnerState.UNKNOWN,
            "run-expired": OwnerState.DEAD,
        }
        assert of_name(found.runs, "run-other").scenario == "soak"
        for leftover in found.leftovers:
            await leftover.remove()
    left = {path.rpartition("/")[2] for path in cluster.objects}
    assert left == {"live", "other", "strange"}


@pytest.mark.usefixtures("runs")
async def test_pods_of_a_dead_run_in_a_shared_namespace(cluster: FakeKubernetes, tmp_path: Path) -> None:
    for name, owner in (("dead", GONE), ("live", RunOwner.of(os.getpid()))):
        metadata = {"name": name, "labels": {RUN_LABEL: name}, "annotations": {OWNER_MARK: str(owner)}}
        cluster.put(f"/api/v1/namespaces/shared/pods/{name}", {"metadata": metadata})
    environ = cluster.kubeconfig(tmp_path) | {"PATH": str(tmp_path), "K8S_NAMESPACE": "shared"}
    async with overview(environ) as found:
        (leftover,) = found.leftovers
        assert leftover.text == "the release dead of dead: 1 pod: dead"
        await leftover.remove()
    assert set(cluster.objects) == {"/api/v1/namespaces/shared/pods/live"}


@pytest.mark.usefixtures("runs")
async def test_a_cluster_that_is_gone_is_named(cluster: FakeKubernetes, tmp_path: Path) -> None:
    environ = cluster.kubeconfig(tmp_path) | {"PATH": str(tmp_path)}
    await cluster.stop()
    found = await looked_at(environ)
    (silent,) = found.silent
    assert silent.startswith("cluster: ")


async def test_removing_a_stack_that_docker_keeps_is_an_error_of_that_stack(tmp_path: Path) -> None:
    from nomos_testing.deployers.compose.errors import CommandFailed
    from nomos_testing.doctor.docker_presence import remove_stack

    answers = [answer for answer in docker_answers(tmp_path) if answer[0][0] != "rm"]
    with pytest.raises(CommandFailed, match="docker rm"):
        await remove_stack(Docker(fake_docker(tmp_path / "bin", answers)), "dead")
