"""What a named program is, asked of the program itself."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from nomos_testing.cluster.roles import Role
from nomos_testing.deployers.local.program_probe import EMBEDDED_ANSWER, Identity, NoNode, identify
from nomos_testing.deployers.local.programs import Installation, Program, find_programs
from nomos_testing.deployers.shared.errors import Problem
from support.inputs.bundles import NODE, RENAMED
from support.processes.fake_node_processes import eventually, is_gone

ROOT = Path(__file__).parents[4]
INSTALLED = Path(sys.executable).parent
ENVIRONMENT = {"PATH": os.defpath}


def program(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    path.chmod(0o755)
    return path


def answered(path: Path, seconds: float = 60) -> Identity | NoNode:
    return identify([path], ENVIRONMENT, seconds=seconds)[path]


def refused(path: Path, seconds: float = 60) -> str:
    answer = answered(path, seconds)
    assert isinstance(answer, NoNode)
    return str(answer)


def kind_for_scripts(path: Path) -> str:
    """What ``scripts/lib/programs.sh`` takes the program for."""
    command = f'set -euo pipefail; source "{ROOT}/scripts/lib/programs.sh"; program_kind "{path}"'
    return subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize("name", ["nomos-node", "nomos-executor"])
def test_the_embedded_node_says_that_it_is_one(name: str) -> None:
    assert answered(INSTALLED / name) == Identity(embedded=True, name=name, version="0.1.0")
    assert kind_for_scripts(INSTALLED / name) == "embedded"


def test_a_real_node_is_known_by_its_name_or_by_the_configuration_it_misses(tmp_path: Path) -> None:
    named, renamed = program(tmp_path / "named", NODE), program(tmp_path / "renamed", RENAMED)
    assert answered(named) == Identity(embedded=False, name="nomos-node", version="0.1.0")
    assert answered(renamed) == Identity(embedded=False)
    assert kind_for_scripts(named) == kind_for_scripts(renamed) == "real"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("#!/bin/sh\n", "it ended with 0 and wrote nothing"),
        ("#!/bin/sh\necho true 9.1; echo more; exit 3\n", "it ended with 3 and wrote 'true 9.1'"),
        ("#!/bin/sh\nkill -9 $$\n", "it was killed by SIGKILL and wrote nothing"),
    ],
)
def test_another_program_is_no_node_and_the_message_says_what_it_did(tmp_path: Path, text: str, said: str) -> None:
    other = program(tmp_path / "other", text)
    assert refused(other) == f"{other} is no node: {said} when asked for its --version"
    assert kind_for_scripts(other) == "none"


def test_a_program_that_can_not_be_run_is_named(tmp_path: Path) -> None:
    assert refused(program(tmp_path / "odd", "#!/no/such/interpreter\n")) == (
        f"{tmp_path / 'odd'} can't be run: No such file or directory"
    )


def test_a_program_that_does_not_end_is_ended_with_all_it_started(tmp_path: Path) -> None:
    hanging = program(tmp_path / "hanging", f'#!/bin/sh\nsleep 600 & echo $! >"{tmp_path}/pid"\nwait\n')
    assert refused(hanging, 3) == f"{hanging} is no node: it did not end within 3 s when asked for --version"
    started = int((tmp_path / "pid").read_text())
    with eventually(f"the end of process {started}") as attempts:
        for _ in attempts:
            if is_gone(started):
                break


def test_each_program_is_asked_once(tmp_path: Path) -> None:
    asked = program(tmp_path / "asked", f'#!/bin/sh\necho "$1" >>"{tmp_path}/log"\necho nomos-node 1\n')
    identify([asked, asked], ENVIRONMENT)
    assert (tmp_path / "log").read_text() == "--version\n"


def installation(directory: Path) -> Installation:
    return Installation(interpreter_directory=directory / "bin", path="", fork_server=("none",))


def test_an_embedded_program_of_another_place_is_embedded_but_not_of_this_installation(tmp_path: Path) -> None:
    bundled = program(tmp_path / "node", f"#!/bin/sh\necho 'nomos-node 0.1.0 {EMBEDDED_ANSWER}'\n")
    found = find_programs({Role.VALIDATOR: bundled}, installation(tmp_path), ENVIRONMENT)
    assert found == {Role.VALIDATOR: Program(bundled, embedded=True, installed_here=False, version="0.1.0")}
    assert str(found[Role.VALIDATOR]) == f"{bundled} (the embedded node, version 0.1.0)"


def test_node_and_executor_mixed_up_are_named(tmp_path: Path) -> None:
    named = {Role.VALIDATOR: INSTALLED / "nomos-executor", Role.EXECUTOR: INSTALLED / "nomos-node"}
    found = find_programs(named, installation(tmp_path), ENVIRONMENT)
    assert [problem.what for problem in found.values() if isinstance(problem, Problem)] == [
        f"{INSTALLED / 'nomos-executor'} is nomos-executor, but the validator program is nomos-node",
        f"{INSTALLED / 'nomos-node'} is nomos-node, but the executor program is nomos-executor",
    ]
    problem = found[Role.VALIDATOR]
    assert isinstance(problem, Problem)
    assert problem.remedy.startswith("point NOMOS_NODE_BIN to a nomos-node program, or unset it")


@pytest.mark.skipif(shutil.which("true") is None, reason="there is no program true")
def test_the_demo_refuses_a_program_that_is_no_node_at_preflight(tmp_path: Path) -> None:
    true = shutil.which("true")
    done = subprocess.run(
        [INSTALLED / "local_runner", "--runs-dir", tmp_path / "runs"],
        env={**ENVIRONMENT, "NOMOS_NODE_BIN": str(true), "POL_PROOF_DEV_MODE": "true"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert f"{true} is no node: it ended with 0 and wrote " in done.stderr
    assert "Traceback" not in done.stderr
