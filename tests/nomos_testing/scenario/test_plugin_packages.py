"""Words of installed packages: a wheel that hatchling builds is unpacked on the search path, and the program asked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from support.inputs.idle_plugin import idle_plugin

PYPROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "{name}"
version = "{version}"
{entry_points}
[tool.hatch.build.targets.wheel]
only-include = ["{module}.py"]
"""
MODULE = idle_plugin()
WORKLOADS = '[project.entry-points."nomos_testing.workloads"]\n'
SCENARIO = "run_for: 60\nseed: 1\nworkloads:\n- {}: {{}}\n"
LEAVE_A_RUN = """\
import sys
from pathlib import Path
from nomos_testing import load_scenario
from support.inputs.stored_run import left_by
print(left_by(load_scenario(Path(sys.argv[1])), Path(sys.argv[2])))
"""
pytestmark = pytest.mark.slow
TESTS = Path(__file__).parents[2]


class Installation:
    """Packages installed in a folder of their own, beside those of the tests."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.site = directory / "site"
        self.site.mkdir(parents=True)

    def install(self, name: str, entry_points: str, *, version: str = "1.0", module: str = MODULE) -> None:
        source = self.directory / f"{name}-{version}"
        source.mkdir()
        module_name = name.replace("-", "_")
        entry_points = entry_points.replace("MODULE", module_name)
        (source / "pyproject.toml").write_text(
            PYPROJECT.format(name=name, version=version, entry_points=entry_points, module=module_name)
        )
        (source / f"{module_name}.py").write_text(module)
        subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel"], cwd=source, check=True)
        (wheel,) = (source / "dist").glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(self.site)

    def python(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        environ = os.environ | {"PYTHONPATH": f"{self.site}{os.pathsep}{TESTS}"}
        command = [sys.executable, *arguments]
        return subprocess.run(command, env=environ, cwd=self.directory, capture_output=True, text=True, check=False)

    def nomos_testing(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return self.python("-c", "from nomos_testing.cli.main import main; main()", *arguments)

    def scenario(self, word: str) -> Path:
        path = self.directory / "s.yaml"
        path.write_text(SCENARIO.format(word))
        return path

    def refusal(self, word: str) -> str:
        done = self.nomos_testing("plan", self.scenario(word))
        assert done.returncode == 1, done.stdout
        return done.stderr


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return Installation(tmp_path)


def test_a_packages_word_is_planned_and_in_the_schema(installation: Installation) -> None:
    installation.install("idle-words", WORKLOADS + 'idle = "MODULE:IdleSection"\n')
    planned = installation.nomos_testing("plan", installation.scenario("idle"))
    assert "workloads: idle\n" in planned.stdout, planned.stderr
    schema = json.loads(installation.nomos_testing("schema").stdout)
    assert "idle" in schema["$defs"]["WorkloadSection"]["properties"]


def test_a_run_says_which_package_it_used_and_a_replay_needs_it(installation: Installation, tmp_path: Path) -> None:
    installation.install("idle-words", WORKLOADS + 'idle = "MODULE:IdleSection"\n')
    left = installation.python("-c", LEAVE_A_RUN, installation.scenario("idle"), tmp_path / "runs")
    run = Path(left.stdout.strip())
    record = json.loads((run / "plan.json").read_text())["packages"]
    assert record == [{"kind": "workloads", "word": "idle", "package": "idle-words", "version": "1.0"}], left.stderr
    read = "from pathlib import Path; from nomos_testing.scenario.replay import load_replay; import sys; "
    read += "print(load_replay(Path(sys.argv[1])).notices)"
    assert installation.python("-c", read, run).stdout == "()\n"
    newer = Installation(tmp_path / "newer")
    newer.install("idle-words", WORKLOADS + 'idle = "MODULE:IdleSection"\n', version="2.0")
    assert newer.python("-c", read, run).stdout == (
        "(\"the run used the word 'idle' (workloads) of the package idle-words 1.0; "
        'the replay uses idle-words 2.0",)\n'
    )
    without = Installation(tmp_path / "without")
    missing = without.nomos_testing("replay", run)
    assert (missing.returncode, missing.stderr) == (
        1,
        f"{run} cannot be replayed: it uses the word 'idle' (workloads) of the package idle-words 1.0, "
        "which is not installed; install idle-words==1.0\n",
    )


@pytest.mark.parametrize(
    ("entry_points", "module", "word", "complaint"),
    [
        (
            'idle = "MODULE:IdleSection"\n',
            "x = 1\nimport no_such_module\n",
            "idle",
            "cannot be loaded: {site}/bad_words.py:2: ModuleNotFoundError: No module named 'no_such_module'\n",
        ),
        (
            'idle = "MODULE:IdleSection"\n',
            "x = (\n",
            "idle",
            "cannot be loaded: {site}/bad_words.py:1: SyntaxError: '(' was never closed\n",
        ),
        ('idle = "MODULE:Missing"\n', MODULE, "idle", "cannot be loaded: AttributeError: module 'bad_words' has n"),
        ('idle = "MODULE:Idle"\n', MODULE, "idle", "points to bad_words:Idle, which is no class with a word; decorate"),
        ('rest = "MODULE:IdleSection"\n', MODULE, "rest", "points to bad_words:IdleSection, which is the workload 'id"),
        (
            'transactions = "MODULE:IdleSection"\n',
            MODULE,
            "transactions",
            "defines a built-in word; uninstall the package or give its word another name\n",
        ),
    ],
)  # fmt: skip
def test_a_package_that_is_broken_is_an_error_where_its_word_is_used_and_in_the_schema(
    installation: Installation, entry_points: str, module: str, word: str, complaint: str
) -> None:
    installation.install("bad-words", WORKLOADS + entry_points, module=module)
    told = f"the entry point {word!r} (nomos_testing.workloads) of the package bad-words 1.0 "
    told += complaint.format(site=installation.site)
    place = f"{installation.directory / 's.yaml'}:4: workloads.0.{word}: "
    assert installation.refusal(word).startswith(place + told)
    printed = installation.nomos_testing("schema")
    assert (printed.returncode, printed.stdout, printed.stderr[: len(told)]) == (1, "", told)
    other = installation.nomos_testing("plan", installation.scenario("restarts"))
    assert "chaos restart workload requires node control" in other.stderr, "no other scenario is concerned"


def test_two_packages_with_one_word_are_an_error(installation: Installation) -> None:
    for name in ("first-words", "second-words"):
        installation.install(name, WORKLOADS + 'idle = "MODULE:IdleSection"\n')
    complaint = installation.refusal("idle")
    assert "of the package first-words 1.0" in complaint
    assert "of the package second-words 1.0" in complaint
    assert complaint.endswith(" define the same word; uninstall one of the packages\n")


def test_a_plugin_file_that_defines_a_packages_word_is_refused(installation: Installation) -> None:
    installation.install("idle-words", WORKLOADS + 'idle = "MODULE:IdleSection"\n')
    (installation.directory / "checks.py").write_text(MODULE)
    scenario = installation.scenario("idle")
    scenario.write_text(f"plugins: [checks.py]\n{scenario.read_text()}")
    done = installation.nomos_testing("plan", scenario)
    line = MODULE.splitlines().index('@workload("idle")') + 1
    assert done.stderr == (
        f"{scenario}:1: plugins.0: {installation.directory}/checks.py:{line}: the workload 'idle' is defined by "
        "the entry point 'idle' (nomos_testing.workloads) of the package idle-words 1.0 too\n"
    )
    (installation.directory / "checks.py").write_text("from idle_words import IdleSection\n")
    assert installation.nomos_testing("plan", scenario).returncode == 0, "to import the word is no definition"
