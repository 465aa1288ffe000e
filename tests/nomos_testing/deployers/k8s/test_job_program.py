"""The program of the pod that runs a scenario, as a real process."""

from __future__ import annotations

import io
import signal
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nomos_testing.deployers.k8s import job_program
from support.processes.embedded_node import wait_until

SECONDS = 60.0
TRAPPED = "trap 'echo stopped >&2; exit 143' TERM; echo ready >&2; while :; do sleep 0.05; done"


class Program:
    """The program with its results below a directory, around a shell script in place of the runner."""

    def __init__(self, directory: Path, script: str) -> None:
        self.results = directory / "results"
        text = Path(job_program.__file__).read_text()
        self.file = directory / "job_program.py"
        self.file.write_text(text.replace(f'"{job_program.RESULTS}"', f'"{self.results}"'))
        self.log = directory / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(self.command("run", "sh", "-c", script), stdout=log, stderr=log)

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-I", "-S", str(self.file), *arguments]

    def says(self, text: str) -> None:
        wait_until(f"{text!r} in the log", lambda: text in self.log.read_text(), patience=SECONDS)

    def fetched(self) -> int:
        """The exit code, after somebody has fetched the results."""
        self.process.send_signal(signal.SIGUSR1)
        return self.process.wait(SECONDS)


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Callable[[str], Program]]:
    started: list[Program] = []

    def start(script: str) -> Program:
        started.append(Program(tmp_path, script))
        return started[-1]

    yield start
    for each in started:
        if each.process.poll() is None:
            each.process.kill()
            each.process.wait(SECONDS)


def test_the_results_wait_until_they_are_fetched_and_the_exit_code_is_the_runners(
    program: Callable[[str], Program],
) -> None:
    running = program("echo progress >&2; echo summary; exit 3")
    running.says(f"{job_program.ENDED} 3")
    assert running.process.poll() is None
    assert "summary" not in running.log.read_text()
    archive = subprocess.run(running.command("archive"), capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        assert {"./exit-code", "./output", "./runs"} <= set(opened.getnames())
        exit_code = opened.extractfile("./exit-code")
        assert exit_code is not None
        assert exit_code.read() == b"3\n"
    assert running.fetched() == 3
    assert running.log.read_text().splitlines()[0] == "progress"
    assert running.log.read_text().splitlines()[-1] == "summary"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_runner_in_order(program: Callable[[str], Program], number: signal.Signals) -> None:
    running = program(TRAPPED)
    running.says("ready")
    running.process.send_signal(number)
    running.says("stopped")
    running.says(f"{job_program.ENDED} 143")
    assert running.fetched() == 143


def test_results_wait_less_where_the_pod_is_being_deleted(program: Callable[[str], Program]) -> None:
    running = program(TRAPPED)
    running.says("ready")
    running.process.send_signal(signal.SIGTERM)
    running.says(f"kept for {job_program.LAST_FETCH_SECONDS} s")
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(SECONDS) == 143


def test_a_runner_that_was_killed_leaves_its_results(program: Callable[[str], Program]) -> None:
    running = program("kill -9 $$")
    running.says(f"{job_program.ENDED} {128 + signal.SIGKILL}")
    assert running.fetched() == 128 + signal.SIGKILL


def test_the_runner_blocks_no_signal(program: Callable[[str], Program]) -> None:
    running = program("grep SigBlk /proc/self/status >&2")
    running.says(job_program.ENDED)
    (line,) = [line for line in running.log.read_text().splitlines() if line.startswith("SigBlk")]
    assert int(line.split()[1], 16) == 0
    assert running.fetched() == 0
