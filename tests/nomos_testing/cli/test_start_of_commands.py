"""How much the programs load and compute: for ``--help``, and before a run has ended."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from textwrap import dedent

import pytest

from nomos_testing.cli.main import main
from support.processes.live_network import PROGRAMS, live_environment

EMPTY_PROGRAM = [sys.executable, "-c", "import asyncio; asyncio.run(asyncio.sleep(0))"]
COMMANDS = [["nomos-testing"], *(["nomos-testing", name] for name in sorted(main.commands))]
RUNNERS = [["local_runner"], ["compose_runner"], ["k8s_runner"]]
NODES = [["nomos-node"], ["nomos-executor"], ["nomos-cli"]]
WATCHED = ("textual", "jinja2")
RUN_THAT_NOTES_IMPORTS = dedent(
    f"""
    import json, sys
    from pathlib import Path

    runs, notes = Path(sys.argv[1]), Path(sys.argv[2])

    class Notes:
        def find_spec(self, name, path=None, target=None):
            if name in {WATCHED}:
                ended = any('"run_ended"' in file.read_text() for file in runs.glob("*/journal.jsonl"))
                with notes.open("a") as file:
                    print(json.dumps([name, ended]), file=file)
            return None

    sys.meta_path.insert(0, Notes())
    from nomos_testing.cli.main import main
    main(["run", sys.argv[3], "--runs-dir", str(runs)])
    """
)


def processor_seconds(command: list[str]) -> float:
    """Return the least of three measurements of what a program computes. A busy machine changes it little."""

    def once() -> float:
        before = getrusage(RUSAGE_CHILDREN)
        subprocess.run(command, check=True, capture_output=True, timeout=120)
        after = getrusage(RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    return min(once() for _ in range(3))


@pytest.mark.slow
def test_help_of_every_program_computes_less_than_five_empty_programs() -> None:
    limit = 5 * processor_seconds(EMPTY_PROGRAM)
    for program, *command in COMMANDS + RUNNERS + NODES:
        spent = processor_seconds([str(PROGRAMS / program), *command, "--help"])
        assert spent < limit, f"{program} {' '.join(command)} --help took {spent:.2f} s of processor time"


@pytest.mark.network
@pytest.mark.slow
def test_a_run_imports_neither_textual_nor_jinja2_before_its_end(tmp_path: Path) -> None:
    scenario, runs, notes = tmp_path / "short.yaml", tmp_path / "runs", tmp_path / "notes"
    scenario.write_text("name: short\ntopology: {validators: 1}\nslot: {seconds: 0.5}\nrun_for: {slots: 2}\n")
    program = [sys.executable, "-c", RUN_THAT_NOTES_IMPORTS, str(runs), str(notes), str(scenario)]
    done = subprocess.run(program, env=live_environment(), capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert [json.loads(line) for line in notes.read_text().splitlines()] == [["jinja2", True]]
