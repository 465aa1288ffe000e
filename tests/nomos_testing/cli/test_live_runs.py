"""``run --live`` shows a run of real nodes in its terminal, and ends as a run without it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent

import pytest

from nomos_testing.evidence.run_record import RunRecord, read_run
from nomos_testing.journal.events import NodeControlled, RunEnded
from nomos_testing.runtime.control_protocol import SOCKET_NAME
from support.processes.terminal import Terminal, in_terminal

SCENARIO = dedent(
    """
    name: live
    topology: {validators: 1}
    slot: {seconds: 0.5}
    node_control: true
    run_for: {seconds: 10}
    """
)
NOMOS_TESTING = Path(sys.executable).parent / "nomos-testing"

pytestmark = [pytest.mark.network, pytest.mark.slow]


@contextmanager
def live_run(directory: Path) -> Iterator[Terminal]:
    scenario = directory / "live.yaml"
    scenario.write_text(SCENARIO)
    command = [str(NOMOS_TESTING), "run", str(scenario), "--live", "--runs-dir", str(directory / "runs")]
    with in_terminal(command) as terminal:
        terminal.until("the view", lambda: b"validator-0" in terminal.output and record(directory) is not None)
        yield terminal


def record(directory: Path) -> RunRecord | None:
    found = list(directory.glob("runs/*/journal.jsonl"))
    return read_run(found[0].parent) if found else None


def happened(directory: Path, kind: type, **fields: object) -> bool:
    """Tell whether the journal has an event of this kind with these fields."""
    found = record(directory)
    return found is not None and any(
        isinstance(entry.event, kind) and all(getattr(entry.event, name) == value for name, value in fields.items())
        for entry in found.entries
    )


def test_a_node_is_paused_by_a_key_and_the_summary_follows_the_view(tmp_path: Path) -> None:
    with live_run(tmp_path) as terminal:
        terminal.until("the control socket", lambda: any(tmp_path.glob(f"runs/*/{SOCKET_NAME}")))
        terminal.press("p")
        terminal.until("the pause in the view", lambda: b"paused" in terminal.output)
        terminal.press("p")
        terminal.until("the resumption", lambda: happened(tmp_path, NodeControlled, action="resume"))
        terminal.until("the end of the run", lambda: happened(tmp_path, RunEnded, outcome="passed"))
        terminal.until("the verdict in the view", lambda: b"PASSED" in terminal.output)
        view = len(terminal.output)
        terminal.press("q")
        assert terminal.exit_code() == 0
        assert b"verdict: passed" in terminal.output[view:]


def test_ctrl_c_interrupts_the_run(tmp_path: Path) -> None:
    with live_run(tmp_path) as terminal:
        terminal.press("\x03")
        assert terminal.exit_code() == 130
        assert happened(tmp_path, RunEnded, outcome="interrupted")
        assert b"interrupted" in terminal.output
