"""Ctrl-C ends a run in order: nothing is left, and the journal says it."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from nomos_testing.evidence.run_record import read_run
from nomos_testing.journal.events import PhaseStarted
from nomos_testing.journal.journal import read_journal
from support.processes.fake_node_processes import eventually, processes_of

pytest_plugins = ["pytester"]
pytestmark = [pytest.mark.slow, pytest.mark.network]

TESTS = {
    "sync": "def test_it(run_scenario): run_scenario(fake_scenario(seconds=600))",
    "async": "async def test_it(run_scenario): await run_scenario(fake_scenario(seconds=600))",
    "network": """
@pytest.fixture(scope="module")
def nomos_network():
    return fake_scenario()

def test_it(running_network):
    running_network.run(lambda ctx: asyncio.sleep(600))
""",
}
PYTEST = """
import signal, sys, pytest
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job of a shell is started with SIGINT ignored
sys.exit(pytest.main(sys.argv[1:]))
"""
HEAD = "import asyncio\nimport pytest\nfrom support.processes.fake_node_scenario import fake_scenario\n\n"


@pytest.mark.parametrize("kind", TESTS)
def test_an_interrupt_ends_the_run_in_order(project: pytest.Pytester, kind: str) -> None:
    project.makepyfile(test_long=HEAD + TESTS[kind])
    command = [sys.executable, "-c", PYTEST, "-q", "-p", "no:cacheprovider", f"--basetemp={project.path / 'temp'}"]
    with subprocess.Popen(command, cwd=project.path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        try:
            with eventually("the phase run", lambda: str(phases_in(project.path)), timeout=120) as attempts:
                for _ in attempts:
                    assert process.poll() is None
                    if "run" in phases_in(project.path):
                        break
            process.send_signal(signal.SIGINT)
            output, _ = process.communicate(timeout=120)
        finally:
            process.kill()
    assert process.returncode == pytest.ExitCode.INTERRUPTED, output.decode()
    assert b"KeyboardInterrupt" in output
    (journal,) = project.path.rglob("journal.jsonl")
    summary = read_run(journal.parent).summary
    if kind == "network":
        assert summary.failure == "tests failed: test_long.py::test_it (interrupted)"
    else:
        assert summary.outcome == "interrupted"
    assert not processes_of(project.path)


def phases_in(directory: Path) -> list[str]:
    events = [entry.event for journal in directory.rglob("journal.jsonl") for entry in read_journal(journal)]
    return [event.phase for event in events if isinstance(event, PhaseStarted)]
