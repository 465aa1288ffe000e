from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from support.repository.repository_copy import Copy

ANNOUNCEMENT = "==> Preparing .venv (once)\n"
FAKE_UV = f"""#!/bin/sh
echo "$@" >>"$HOME/uv-calls"
[ "$1 $2" != "$FAILING" ] || {{ echo "no route to the package index"; exit 2; }}
[ "$1" != venv ] || {{ mkdir -p .venv/bin && ln -s {sys.executable} .venv/bin/python; }}
"""


@pytest.fixture
def machine(copy: Copy) -> Copy:
    """The copy with a ``uv`` that records its calls and installs nothing; ``uv $FAILING`` fails."""
    (copy.root / "home").mkdir()
    copy.program("bin/uv", FAKE_UV)
    return copy


def take_calls(machine: Copy) -> list[str]:
    """The calls of uv since the last time, without those that only ask whether it is there."""
    calls = machine.root / "home/uv-calls"
    lines = calls.read_text().splitlines() if calls.exists() else []
    calls.unlink(missing_ok=True)
    return [line for line in lines if line != "--version"]


def locks(calls: list[str]) -> Iterator[list[str]]:
    """The lock files of every call that installs from some."""
    for call in calls:
        words = call.split()
        if named := [words[index + 1] for index, word in enumerate(words) if word == "-r"]:
            assert "--require-hashes" in words
            assert "--no-deps" in words
            yield named


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("run", ["requirements-run.lock"]),
        ("groth16", ["requirements-run.lock", "requirements-groth16.lock"]),
        ("dev", ["requirements-dev.lock"]),
    ],
)
def test_it_installs_the_locked_packages_once(machine: Copy, kind: str, expected: list[str]) -> None:
    first = machine.run("prepare-venv.sh", kind)
    calls = take_calls(machine)
    assert (first.returncode, first.stdout, first.stderr) == (0, "", ANNOUNCEMENT)
    assert calls[0].startswith("venv ")
    assert list(locks(calls)) == [["requirements-build.lock"], expected]
    assert calls[-1].endswith("-e .")

    second = machine.run("prepare-venv.sh", kind)
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")
    assert take_calls(machine) == []


def test_what_the_tests_need_includes_what_the_programs_need(machine: Copy) -> None:
    machine.run("prepare-venv.sh", "dev")
    take_calls(machine)
    for kind in ("groth16", "run"):
        assert machine.run("prepare-venv.sh", kind).stderr == ""
    assert take_calls(machine) == []


def test_run_is_the_default_and_other_words_are_refused(machine: Copy) -> None:
    assert machine.run("prepare-venv.sh").returncode == 0
    assert (machine.root / ".venv/.prepared-run").exists()
    refused = machine.run("prepare-venv.sh", "production")
    assert refused.returncode == 1
    assert refused.stderr == "prepare-venv.sh: expected run, groth16 or dev, got 'production'\n"


@pytest.mark.parametrize("changed", ["pyproject.toml", "requirements-run.lock", "src/nomos_core/_poseidon2.c"])
def test_changed_dependencies_are_installed_into_the_same_venv(machine: Copy, changed: str) -> None:
    machine.run("prepare-venv.sh")
    take_calls(machine)
    with (machine.root / changed).open("a") as file:
        file.write("# changed\n")
    assert machine.run("prepare-venv.sh").stderr == ANNOUNCEMENT
    calls = take_calls(machine)
    assert list(locks(calls)) == [["requirements-build.lock"], ["requirements-run.lock"]]
    assert not any(call.startswith("venv") for call in calls)


def test_a_failure_shows_the_command_and_its_last_words(machine: Copy) -> None:
    failed = machine.run("prepare-venv.sh", FAILING="pip install")
    assert failed.returncode == 1
    assert "this failed: uv pip install " in failed.stderr
    assert failed.stderr.endswith("no route to the package index\n")


def test_a_set_up_that_was_cut_short_is_made_anew(machine: Copy) -> None:
    machine.run("prepare-venv.sh", FAILING="pip install")
    half_installed = machine.root / ".venv/lib/half-installed"
    half_installed.mkdir(parents=True)
    take_calls(machine)
    assert machine.run("prepare-venv.sh").returncode == 0
    assert take_calls(machine)[0].startswith("venv ")
    assert not half_installed.exists()
    assert machine.run("prepare-venv.sh").stderr == ""


def test_a_copied_venv_is_made_anew(machine: Copy) -> None:
    machine.run("prepare-venv.sh")
    copied = Copy(machine.root.rename(machine.root.with_name("copied")))
    take_calls(copied)
    assert copied.run("prepare-venv.sh").stderr == ANNOUNCEMENT
    assert take_calls(copied)[0].startswith("venv ")


def test_a_venv_whose_python_is_gone_is_made_anew(machine: Copy) -> None:
    machine.run("prepare-venv.sh")
    python = machine.root / ".venv/bin/python"
    python.unlink()
    python.symlink_to("/nowhere/python3.11")
    take_calls(machine)
    assert machine.run("prepare-venv.sh").returncode == 0
    assert take_calls(machine)[0].startswith("venv ")


def test_of_two_first_starts_one_prepares_and_the_other_waits(machine: Copy) -> None:
    with ThreadPoolExecutor(2) as both:
        starts = [both.submit(machine.run, "prepare-venv.sh") for _ in range(2)]
    done = [start.result() for start in starts]
    assert [each.returncode for each in done] == [0, 0]
    assert sorted(each.stderr for each in done) == ["", ANNOUNCEMENT]
    assert sum(call.startswith("venv ") for call in take_calls(machine)) == 1


def test_the_wanted_interpreter_and_a_mirror_reach_uv(machine: Copy) -> None:
    machine.program("bin/uv", FAKE_UV + 'echo "index=$UV_DEFAULT_INDEX" >>"$HOME/uv-calls"\n')
    machine.run("prepare-venv.sh", PYTHON_BIN="/opt/python3.12", PIP_INDEX_URL="https://mirror.example/simple")
    calls = take_calls(machine)
    assert calls[1] == "venv --python /opt/python3.12 .venv"
    assert calls[-1] == "index=https://mirror.example/simple"


# Without uv


def old_python(machine: Copy, path: str) -> Path:
    return machine.program(path, '#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.9.2" || exit 1\n')


def test_an_old_python_is_named(machine: Copy) -> None:
    for name in ("python3", "python3.11", "python3.12", "python3.13"):
        old_python(machine, f"bin/{name}")
    refused = machine.run("prepare-venv.sh", NOMOS_NO_UV="1")
    assert refused.returncode == 1
    assert "prepare-venv.sh: needs Python 3.11 or later; python3 is Python 3.9.2." in refused.stderr
    assert "PYTHON_BIN=/path/to/python3.11" in refused.stderr


@pytest.mark.parametrize(("name", "shown"), [("bin/old", "Python 3.9.2"), ("bin/none", "no Python")])
def test_a_wrong_interpreter_is_named(machine: Copy, name: str, shown: str) -> None:
    old_python(machine, "bin/old")
    python = str(machine.root / name)
    refused = machine.run("prepare-venv.sh", NOMOS_NO_UV="1", PYTHON_BIN=python)
    assert refused.returncode == 1
    assert f"needs Python 3.11 or later; PYTHON_BIN={python} is " in refused.stderr
    assert shown in refused.stderr


def test_the_next_python_is_taken_where_python3_is_old(machine: Copy) -> None:
    old_python(machine, "bin/python3")
    newer = f'#!/bin/sh\necho "$@" >>"$HOME/python-calls"\nexec {sys.executable} "$@"\n'
    machine.program("bin/python3.13", newer)
    machine.run("prepare-venv.sh", NOMOS_NO_UV="1", PIP_NO_INDEX="1")
    assert "-m venv --without-pip .venv" in (machine.root / "home/python-calls").read_text()


def test_without_uv_the_interpreters_pip_installs_into_a_venv_that_has_none(machine: Copy) -> None:
    """With no package index at hand the first installation fails, which shows the command."""
    failed = machine.run("prepare-venv.sh", NOMOS_NO_UV="1", PYTHON_BIN=sys.executable, PIP_NO_INDEX="1")
    assert failed.returncode == 1
    assert " -m pip --python .venv/bin/python " in failed.stderr
    assert "--no-deps --no-build-isolation --use-pep517 --require-hashes -r requirements-build.lock" in failed.stderr
    assert "No matching distribution found" in failed.stderr
    listed = subprocess.run([machine.root / ".venv/bin/python", "-c", "import pip"], capture_output=True, check=False)
    assert listed.returncode != 0
    assert take_calls(machine) == []
