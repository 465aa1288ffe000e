"""The wheel, installed where there is no compiler and no repository, by the lines of the README."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).parents[2]
PROGRAMS = (
    *("nomos-node", "nomos-executor", "nomos-cli", "nomos-testing"),
    *("local_runner", "compose_runner", "cfgsync-server", "cfgsync-client"),
)
CHECKOUT_ONLY = re.compile(r"scripts/|`make |make kzgrs")
"""Remedies that nobody has who installed a wheel."""
SCENARIO = "topology: {validators: 1}\nrun_for: 2\n"
pytestmark = [pytest.mark.slow, pytest.mark.network, pytest.mark.timeout(280)]


def run(directory: Path, *command: str | Path, code: int | None = 0) -> str:
    """Run without a compiler, outside the repository, and return all that was written."""
    environ = {**os.environ, "CC": "false", "CXX": "false", "XDG_CACHE_HOME": str(directory / "cache")}
    done = subprocess.run(
        command, cwd=directory, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert code is None or done.returncode == code, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("wheel")
    source = directory / "source"
    kept = shutil.ignore_patterns(
        ".venv", ".git", ".tmp", ".*_cache", "__pycache__", "kzgrs_test_params", "tests", "*.so"
    )
    shutil.copytree(ROOT, source, ignore=kept)
    run(directory, sys.executable, "-c", BUILD, source, directory / "dist")
    (built,) = (directory / "dist").glob("*.whl")
    return built


BUILD = """
import os, sys
from hatchling.build import build_wheel
os.chdir(sys.argv[1])
os.makedirs(sys.argv[2])
build_wheel(sys.argv[2])
"""


def installer(name: str, python: Path) -> list[str | Path]:
    if name == "uv":
        if shutil.which("uv") is None:
            pytest.skip("uv is not installed")
        return ["uv", "pip", "install", "--python", python]
    return [sys._base_executable, "-m", "pip", "--python", python, "install", "-q"]  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["pip", "uv"])
def test_each_line_of_the_readme_works_without_a_compiler(wheel: Path, tmp_path: Path, name: str) -> None:
    run(tmp_path, sys.executable, "-m", "venv", "--without-pip", "venv")
    programs = tmp_path / "venv/bin"
    install = installer(name, programs / "python")
    (tmp_path / "scenario.yaml").write_text(SCENARIO)

    run(tmp_path, *install, wheel)
    for program in PROGRAMS:
        assert not CHECKOUT_ONLY.search(run(tmp_path, programs / program, "--help"))
    refused = run(tmp_path, programs / "nomos-testing", "run", "scenario.yaml", code=1)
    assert "the packages of the embedded node are not installed" in refused
    assert not CHECKOUT_ONLY.search(refused)
    line = refused.split("-> python -m ", 1)[1].split(",", 1)[0].split()
    assert line[:4] == ["pip", "install", "--no-deps", "-r"]

    run(tmp_path, *install, "--no-deps", "-r", line[4])
    passed = run(tmp_path, programs / "nomos-testing", "run", "scenario.yaml")
    assert "scenario passed" in passed
    reports = [path.read_text() for path in (tmp_path / ".tmp/runs").glob("*/report.html")]
    assert [report.count("\u2713 passed") > 0 for report in reports].count(True) == 1


PROJECT = """
import pytest

@pytest.fixture
def scenario(scenario_builder):
    return scenario_builder.topology(validators=1).slot(seconds=0.2).expect_no_stalls()

@pytest.mark.nomos_slots(4)
def test_sync(scenario, run_scenario):
    assert run_scenario(scenario.build()).passed

@pytest.mark.nomos_slots(4)
async def test_async(scenario, run_scenario):
    verdict = await run_scenario(scenario.build())
    assert verdict.passed

@pytest.mark.nomos_slots(4)
def test_that_fails(scenario, run_scenario):
    run_scenario(scenario.eventually("moon", lambda view: False, within=0.4).build())
"""
CHAIN = "topology: {validators: 1}\nslot: {seconds: 0.2}\nrun_for: 1\nexpectations: [no_stalls: {}]\n"


def test_a_project_elsewhere_uses_the_pytest_plugin(wheel: Path, tmp_path: Path) -> None:
    run(tmp_path, sys.executable, "-m", "venv", "--without-pip", "venv")
    python = tmp_path / "venv/bin/python"
    run(tmp_path, *installer("pip", python), "--no-deps", wheel)
    packages = tmp_path / f"venv/lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
    # The locked packages are seen, and what their .pth files name is not: neither are the sources of this repository.
    (packages / "locked.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    project = tmp_path / "project"
    (project / "scenarios").mkdir(parents=True)
    (project / "test_project.py").write_text(PROJECT)
    (project / "scenarios/chain.yaml").write_text(CHAIN)
    (project / "pytest.ini").write_text(
        "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\nfilterwarnings = error\n"
    )
    place = run(project, python, "-c", "import nomos_testing; print(nomos_testing.__file__)")
    assert Path(place.strip()).is_relative_to(packages)

    written = run(project, python, "-m", "pytest", "--nomos-scenarios", "scenarios", "--junitxml=all.xml", code=1)
    assert re.search(r"1 failed, 3 passed", written), written
    (report,) = re.findall(r"^E +report: (.+)$", written, re.MULTILINE)
    lines = written[written.index("= FAILURES =") :].splitlines()
    assert len(lines) < 30, written
    assert any(line.startswith("E       ScenarioNotPassed: test_that_fails failed: expectations") for line in lines)
    assert Path(report).is_relative_to(project / ".tmp/runs")
    assert "moon" in Path(report).read_text(encoding="utf-8")
    (failed,) = ElementTree.parse(Path(report).with_name("junit.xml")).iterfind(".//testcase[failure]")
    assert failed.attrib["name"] == "moon"
    attached = [item.attrib["name"] for item in ElementTree.parse(project / "all.xml").iter("property")]
    assert attached == ["nomos_run", "nomos_report", "nomos_junit"] * 4
