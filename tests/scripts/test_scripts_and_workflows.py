"""The scripts, and the shell inside workflows, pass shellcheck; workflows have the shape that GitHub takes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from support.repository.repository_copy import REPOSITORY
from support.repository.workflow_steps import jobs

SCRIPTS = [
    *sorted((REPOSITORY / "scripts").glob("*.sh")),
    *(REPOSITORY / f"scripts/test-cluster/{name}.sh" for name in ("start", "keep-api-server")),
    REPOSITORY / ".ci/run",
]
STACK_SCRIPTS = sorted((REPOSITORY / "testing-framework/assets/stack/scripts").glob("*.sh"))
SOURCED = sorted({*(REPOSITORY / "scripts").glob("*/*.sh")} - {*SCRIPTS})
WORKFLOWS = sorted((REPOSITORY / ".github/workflows").glob("*.yml"))
SHELLCHECK_SOURCES = ("--external-sources", f"--source-path={REPOSITORY}", "--exclude=SC2034")
"""Scripts source files of the repository; what those set is used in one script and not in another."""
BIN = Path(sys.executable).parent


def named(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


@pytest.mark.parametrize("script", SCRIPTS, ids=named)
def test_scripts_are_executable_and_pass_shellcheck(script: Path) -> None:
    assert os.access(script, os.X_OK)
    assert script.read_text().startswith("#!/usr/bin/env bash\n")
    shellcheck("--severity=style", *SHELLCHECK_SOURCES, str(script))


@pytest.mark.parametrize("script", STACK_SCRIPTS, ids=named)
def test_the_scripts_of_the_stack_are_executable_and_pass_shellcheck(script: Path) -> None:
    assert os.access(script, os.X_OK)
    assert script.read_text().startswith(("#!/bin/sh\n", "#!/usr/bin/env bash\n"))
    shellcheck("--severity=style", *SHELLCHECK_SOURCES, str(script))


@pytest.mark.parametrize("script", SOURCED, ids=named)
def test_what_scripts_source_is_no_program_and_passes_shellcheck(script: Path) -> None:
    assert not os.access(script, os.X_OK)
    # Variables that the sourcing script sets or uses are not in sight.
    shellcheck("--severity=style", "--exclude=SC2034,SC2154", str(script))


def shellcheck(*arguments: str, text: str | None = None) -> None:
    done = subprocess.run([BIN / "shellcheck", *arguments], input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_workflows_have_the_shape_that_github_takes() -> None:
    command = [BIN / "check-jsonschema", "--builtin-schema", "vendor.github-workflows", *WORKFLOWS]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def steps(workflow: Path) -> Iterator[Mapping[str, Any]]:
    for job in jobs(workflow).values():
        yield from job["steps"]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=named)
def test_the_shell_in_workflows_passes_shellcheck(workflow: Path) -> None:
    for step in steps(workflow):
        if "run" in step:
            shellcheck(
                "--shell=bash", "--exclude=SC1091", "-", text=re.sub(r"\$\{\{.*?\}\}", "expression", step["run"])
            )


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=named)
def test_the_scripts_that_workflows_call_exist(workflow: Path) -> None:
    called = {
        match
        for step in steps(workflow)
        for match in re.findall(
            r"(?:^|\s)(?<!source )((?:scripts|\.ci|testing-framework)/[\w./-]+\.sh|\.ci/run)", step.get("run", "")
        )
    }
    assert called
    assert [name for name in sorted(called) if not os.access(REPOSITORY / name, os.X_OK)] == []


def test_the_makefile_calls_scripts_that_exist() -> None:
    called = set(re.findall(r"scripts/[\w.-]+", (REPOSITORY / "Makefile").read_text()))
    assert called
    assert [name for name in sorted(called) if not os.access(REPOSITORY / name, os.X_OK)] == []
