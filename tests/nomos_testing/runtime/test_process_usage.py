"""What a process uses, read from /proc, and the program that reads it beside a node."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from nomos_testing.runtime import process_usage
from nomos_testing.runtime.process_usage import Reading, UsageReader, process_state
from support.processes.fake_node_processes import eventually

BUSY = "while True: pass"
WITH_A_CHILD = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'while True: pass'])"
MEGABYTE = 1 << 20

Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts Python code in a directory of its own and ends it after the test, with all that it has started."""
    started: list[subprocess.Popen[bytes]] = []
    (tmp_path / "node").mkdir()

    def start_code(code: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path / "node", start_new_session=True)
        started.append(process)
        return process

    yield start_code
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, 9)
        process.wait()


def busy_reading(pid: int) -> Reading:
    """The first reading of a process that has used processor time since the one before."""
    reader, reading = UsageReader(pid), None
    reader.look_at_files()
    with eventually("processor time", lambda: str(reading)) as attempts:
        for _ in attempts:
            reading = reader.read(time.monotonic())
            if reading is not None and reading.cpu:
                break
    assert reading is not None
    return reading


def test_a_reading_has_processors_memory_and_the_files_of_the_working_directory(start: Start, tmp_path: Path) -> None:
    (tmp_path / "node" / "db").mkdir()
    (tmp_path / "node" / "db" / "blocks").write_bytes(bytes(70_000))
    (tmp_path / "node" / "log").write_bytes(bytes(123))
    (tmp_path / "node" / "outside").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "large").write_bytes(bytes(MEGABYTE))
    process = start(BUSY)
    reading = busy_reading(process.pid)
    assert reading.cpu is not None
    assert 0 < reading.cpu < 1.5  # ticks of 10 ms over a short time
    resident = psutil.Process(process.pid).memory_info().rss
    assert resident / 2 < reading.memory_bytes < resident * 2
    assert reading.disk_bytes == 70_000 + 123 + len(str(tmp_path / "elsewhere"))


def test_the_first_reading_has_no_processors_because_nothing_came_before(start: Start) -> None:
    reading = UsageReader(start(BUSY).pid).read(time.monotonic())
    assert reading is not None
    assert reading.cpu is None


def test_what_a_process_has_started_counts_as_its_own(start: Start) -> None:
    process = start(WITH_A_CHILD)
    with eventually("the child") as attempts:
        for _ in attempts:
            if psutil.Process(process.pid).children():
                break
    (child,) = psutil.Process(process.pid).children()
    reading = busy_reading(process.pid)
    assert reading.memory_bytes > psutil.Process(process.pid).memory_info().rss
    child.kill()


def test_a_process_that_ended_has_no_reading_before_and_after_its_parent_notices(start: Start) -> None:
    process = start(BUSY)
    reader = UsageReader(process.pid)
    assert reader.read(1.0) is not None
    os.kill(process.pid, 9)
    with eventually("the end", lambda: str(process_state(process.pid))) as attempts:
        for _ in attempts:
            if process_state(process.pid) is None:
                break
    assert psutil.pid_exists(process.pid), "nobody has waited for it yet"
    assert reader.read(2.0) is None
    process.wait()
    assert reader.read(3.0) is None


def test_another_process_with_the_same_id_is_not_read(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    process = start(BUSY)
    reader = UsageReader(process.pid)
    state = process_state(process.pid)
    assert state is not None
    monkeypatch.setattr(process_usage, "process_state", lambda pid: state._replace(started_ticks=1))
    assert reader.read(1.0) is None


def test_the_program_needs_nothing_of_the_project_and_ends_with_its_input(start: Start) -> None:
    text = Path(process_usage.__file__).read_text(encoding="utf-8")
    argv = [sys.executable, "-I", "-S", "-c", text, str(start(BUSY).pid)]
    pipe = subprocess.PIPE
    with subprocess.Popen(argv, stdin=pipe, stdout=pipe, env={}, cwd="/") as program:
        assert program.stdin is not None
        assert program.stdout is not None
        first, second = (Reading(*json.loads(program.stdout.readline())) for _ in range(2))
        assert first.cpu is None
        assert second.cpu is not None
        program.stdin.close()
        assert program.wait(timeout=30) == 0


def test_the_program_ends_with_the_process(start: Start) -> None:
    text = Path(process_usage.__file__).read_text(encoding="utf-8")
    process = start(BUSY)
    argv = [sys.executable, "-I", "-S", "-c", text, str(process.pid)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
        assert program.stdout is not None
        assert program.stdout.readline()
        process.kill()
        assert program.wait(timeout=30) == 0


def test_a_working_directory_that_is_the_whole_machine_is_not_looked_through() -> None:
    with subprocess.Popen(["sleep", "600"], cwd="/") as process:
        reader = UsageReader(process.pid)
        reader.look_at_files()
        reading = reader.read(time.monotonic())
        process.kill()
    assert reading is not None
    assert reading.disk_bytes is None
