"""Real nodes: --keep leaves a network up after the verdict, and however it ends, nothing of it is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest

from nomos_testing.journal.events import KeepEnded, NetworkKept, NodeStarted, PhaseStarted, RunEnded, VerdictReached
from nomos_testing.journal.journal import read_journal
from nomos_testing.report.files import WRITERS
from nomos_testing.runtime.control_protocol import SOCKET_NAME
from support.inputs.fault_deadlines import GONE_WITHIN, MACHINE_FACTOR
from support.processes.embedded_node import wait_until
from support.processes.fake_node_processes import processes_of
from support.processes.live_network import PROGRAMS, live_environment

pytestmark = [pytest.mark.slow, pytest.mark.network]

T = TypeVar("T")
PATIENCE = 60.0 * MACHINE_FACTOR
SCENARIO = """
slot: {seconds: 0.2}
topology: {validators: 1, executors: 0}
node_control: true
run_for: {slots: 3}
"""
NEVER_A_BLOCK = """
slot: {seconds: 0.2, active_slot_coeff: 0.001}
topology: {validators: 1, executors: 0}
expectations: [consensus_liveness: {window: original}]
run_for: {slots: 3}
"""


@dataclass(slots=True)
class KeptRun:
    """A ``nomos-testing run --keep``, alone in a directory."""

    directory: Path
    process: subprocess.Popen[str]

    @property
    def run_directory(self) -> Path:
        (found,) = (self.directory / "runs").iterdir()
        return found

    def events(self, kind: type[T]) -> list[T]:
        found = list(self.directory.glob("runs/*/journal.jsonl"))
        return [entry.event for path in found for entry in read_journal(path) if isinstance(entry.event, kind)]

    def wait_for(self, kind: type[Any]) -> None:
        wait_until(f"the event {kind.__name__}", lambda: bool(self.events(kind)), patience=PATIENCE)

    def returned(self) -> str:
        """What the command has printed once its pipe is closed. The holder still lives then."""
        output, _ = self.process.communicate(timeout=PATIENCE)
        return output

    def holder(self) -> int:
        (kept,) = self.events(NetworkKept)
        return kept.pid

    def call(self, *arguments: str, typed: str | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(PROGRAMS / "nomos-testing"), *arguments],
            input=typed,
            cwd=self.directory,
            env=self.environment(self.directory),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def gone(self) -> None:
        wait_until("the end of every process", lambda: not processes_of(self.directory), patience=GONE_WITHIN)
        assert not list((self.directory / "tmp").iterdir())

    @staticmethod
    def environment(directory: Path) -> dict[str, str]:
        return live_environment(HOME=str(directory / "home"), TMPDIR=str(directory / "tmp"))


@contextmanager
def kept(directory: Path, time: str, scenario: str = SCENARIO) -> Iterator[KeptRun]:
    for place in ("tmp", "home"):
        (directory / place).mkdir()
    (directory / "scenario.yaml").write_text(scenario)
    process = subprocess.Popen(
        [str(PROGRAMS / "nomos-testing"), "run", "scenario.yaml", "--runs-dir", "runs", "--keep", time],
        cwd=directory,
        env=KeptRun.environment(directory),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    run = KeptRun(directory, process)
    try:
        yield run
    finally:
        for left in processes_of(directory):
            left.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def test_a_kept_network_answers_until_it_is_ended(tmp_path: Path) -> None:
    with kept(tmp_path, "10m") as run:
        output = run.returned()
        assert run.process.returncode == 0, output
        name = str(run.run_directory)
        assert f"nomos-testing end {name}" in output
        (node,) = run.events(NodeStarted)
        assert f"validator-0  {node.url}" in output
        with urllib.request.urlopen(f"{node.url}/cryptarchia/info", timeout=PATIENCE) as answer:
            assert "tip" in json.load(answer)
        assert set(WRITERS) <= {path.name for path in run.run_directory.iterdir()}, "reports at the verdict"
        assert not run.events(RunEnded)

        said = run.call("shell", name, "-c", "print(1); (await client('validator-0').network_info()).n_peers")
        assert (said.returncode, said.stdout, said.stderr) == (0, "1\n0\n", "")
        said = run.call("shell", name, "-c", "await nodes['validator-0'].client.wrong")
        assert (said.returncode, said.stdout) == (1, "")
        assert "AttributeError" in said.stderr
        typed = "for number in range(2):\n    print(number)\n\nx = sorted(nodes)\nx\nx = (\n1)\n)\nx\nexit()\n"
        said = run.call("shell", name, typed=typed)
        assert said.returncode == 0
        assert [line.lstrip(">. ") for line in said.stdout.splitlines()][:4] == ["0", "1", "['validator-0']", "1"]
        assert "SyntaxError: unmatched ')'" in said.stderr

        assert run.call("end", name).returncode == 0
        run.gone()
        assert [event.reason for event in run.events(KeepEnded)] == ["by hand"]
        assert [event.outcome for event in run.events(RunEnded)] == ["passed"]
        assert SOCKET_NAME not in {path.name for path in run.run_directory.iterdir()}
        for command in ("end", "shell"):
            said = run.call(command, name)
            assert (said.returncode, said.stdout) == (1, "")
            assert f"no network of {name} runs here" in said.stderr


def test_the_time_of_a_kept_network_ends_by_itself_and_the_verdict_stands(tmp_path: Path) -> None:
    with kept(tmp_path, "1s", NEVER_A_BLOCK) as run:
        output = run.returned()
        assert run.process.returncode == 1, output
        run.wait_for(RunEnded)
        run.gone()
        assert [event.reason for event in run.events(KeepEnded)] == ["its time is over"]
        assert [event.outcome for event in run.events(RunEnded)] == ["failed"]


def test_a_signal_to_the_holder_ends_the_network_in_order(tmp_path: Path) -> None:
    with kept(tmp_path, "10m") as run:
        run.returned()
        os.kill(run.holder(), signal.SIGTERM)
        run.wait_for(RunEnded)
        run.gone()
        assert [event.reason for event in run.events(KeepEnded)] == ["SIGTERM"]
        assert [event.outcome for event in run.events(RunEnded)] == ["passed"]


def test_nothing_is_left_of_a_holder_that_was_killed(tmp_path: Path) -> None:
    with kept(tmp_path, "10m") as run:
        run.returned()
        os.kill(run.holder(), signal.SIGKILL)
        run.wait_for(RunEnded)
        run.gone()
        assert [event.outcome for event in run.events(RunEnded)] == ["killed"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_its_front_leaves_before_the_verdict_ends(tmp_path: Path, number: signal.Signals) -> None:
    with kept(tmp_path, "10m", SCENARIO.replace("slots: 3", "slots: 3000")) as run:
        run.wait_for(PhaseStarted)
        run.process.send_signal(number)
        run.returned()
        assert run.process.returncode == (-number if number is signal.SIGKILL else 128 + number)
        run.wait_for(RunEnded)
        run.gone()
        assert [event.outcome for event in run.events(RunEnded)] == ["interrupted"]
        assert not run.events(VerdictReached)
