"""Runs the shell of GitHub workflows on this machine, step by step, with the files and variables that GitHub gives.

Actions are not run. Blocks of shell hold no expressions here (an input could inject code there), so that expressions
only have to be understood in ``env``: a few names, and what earlier steps said.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from support.repository.repository_copy import REPOSITORY

WORKFLOWS: Final = REPOSITORY / ".github/workflows"
INHERITED: Final = ("PATH", "HOME", "LANG", "DOCKER_HOST")
"""What a machine that runs jobs gives to all of them; here also the Docker daemon of the tests."""
_EXPRESSION: Final = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")


@dataclass(frozen=True, slots=True)
class Block:
    """One ``run`` of a workflow."""

    workflow: str
    job: str
    name: str
    step: Mapping[str, Any]

    @property
    def key(self) -> str:
        return f"{self.workflow}: {self.job}: {self.name}"


def jobs(workflow: Path) -> Mapping[str, Mapping[str, Any]]:
    """Those with steps of their own, not those that call another workflow."""
    found = yaml.safe_load(workflow.read_text())["jobs"]
    return {name: job for name, job in found.items() if "steps" in job}


def blocks() -> Iterator[Block]:
    for workflow in sorted(WORKFLOWS.glob("*.yml")):
        for name, job in jobs(workflow).items():
            for step in job["steps"]:
                if "run" in step:
                    yield Block(workflow.name, name, step.get("name", step["run"]), step)


@dataclass
class JobOnThisMachine:
    """The steps of one job share files and variables; ``overrides`` win over the job's own."""

    workflow: str
    job: str
    root: Path
    temp: Path
    overrides: Mapping[str, str] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    """What steps have put out, as ``steps.ID.outputs.NAME``."""
    exported: dict[str, str] = field(default_factory=dict)

    def run(self, name: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run one step by its name, whatever its ``if`` says; it has to succeed."""
        (step,) = (block.step for block in blocks() if (block.workflow, block.job, block.name) == self._key(name))
        exports, outputs = self.temp / "github_env", self.temp / "github_output"
        for file in (exports, outputs):
            file.write_text("")
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=self.root / step.get("working-directory", "."),
            env=self._environment(step, environ) | {"GITHUB_ENV": str(exports), "GITHUB_OUTPUT": str(outputs)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, (
            f"{name}: exit code {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        )
        self.exported |= _lines(exports)
        self.outputs |= {f"steps.{step.get('id')}.outputs.{key}": value for key, value in _lines(outputs).items()}
        return done

    def _key(self, name: str) -> tuple[str, str, str]:
        return self.workflow, self.job, name

    def _environment(self, step: Mapping[str, Any], environ: Mapping[str, str]) -> dict[str, str]:
        environment = {name: os.environ[name] for name in INHERITED if name in os.environ}
        environment |= {
            "GITHUB_WORKSPACE": str(self.root),
            "RUNNER_TEMP": str(self.temp),
            "TMPDIR": str(self.temp),
            "CI": "true",
        }
        own = jobs(WORKFLOWS / self.workflow)[self.job].get("env", {})
        for values in (own, self.exported, self.overrides, step.get("env", {}), environ):
            environment |= {name: self._evaluated(str(value), environment) for name, value in values.items()}
        return environment

    def _evaluated(self, text: str, environment: Mapping[str, str]) -> str:
        known = {
            "github.run_id": "1",
            "github.workspace": str(self.root),
            "github.token": "",
            "runner.temp": str(self.temp),
            "inputs.real_node || false": "false",
            **{f"env.{name}": value for name, value in environment.items()},
            **self.outputs,
        }
        return _EXPRESSION.sub(lambda match: known[match[1]], text)


def _lines(file: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in file.read_text().splitlines())


def packed_bundle(root: Path, temp: Path) -> JobOnThisMachine:
    """The job after it packed the embedded node."""
    job = JobOnThisMachine("build-binaries.yml", "bundle", root, temp)
    job.run("Load versions")
    job.run("Pack the embedded node")
    return job
