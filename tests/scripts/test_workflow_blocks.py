"""Every ``run`` block of the workflows runs here, in a copy of the repository, or is listed with the reason why not."""

from __future__ import annotations

import subprocess
import tarfile
from pathlib import Path

import pytest

from support.repository.repository_copy import REPOSITORY
from support.repository.workflow_steps import JobOnThisMachine, blocks, packed_bundle

NOT_HERE = {
    "lint.yml: tests: Checks and tests": "it runs the tests, this one among them",
    "build-binaries.yml: bundle: Install circuits": "downloads from GitHub; test_setup_nomos_circuits.py has a mirror",
    "build-binaries.yml: bundle: Build the real node": "needs the real node's sources and Rust",
    "build-binaries.yml: bundle: Pack the real node": "needs the real node, built",
    "k8s.yml: k8s: Start the cluster": "needs kind; test_k8s_workflow.py has the cluster of the tests",
    "k8s.yml: k8s: Remove the cluster": "needs kind",
}
HERE = {
    *(f"lint.yml: host_smoke: {step}" for step in ("Check versions.env", "Run the demo", "Collect logs")),
    *(f"build-binaries.yml: bundle: {step}" for step in ("Load versions", "Pack the embedded node")),
    *(
        f"compose-mixed.yml: compose: {step}"
        for step in ("Build the image", "Run the demo", "Collect logs", "Remove containers")
    ),
    *(f"k8s.yml: k8s: {step}" for step in ("Build the image", "Run the demo", "Collect logs")),
}


def test_every_block_runs_here_or_says_why_not() -> None:
    assert {block.key for block in blocks()} == HERE | set(NOT_HERE)
    assert not HERE & set(NOT_HERE)


def test_blocks_hold_no_expressions() -> None:
    """An expression in a block is pasted into the shell: whoever names a branch could run code."""
    assert [block.key for block in blocks() if "${{" in block.step["run"]] == []


@pytest.mark.network
@pytest.mark.slow
def test_the_host_smoke_job(checkout: Path, temp: Path) -> None:
    job = JobOnThisMachine("lint.yml", "host_smoke", checkout, temp, {"RUN_SECONDS": "15"})
    job.run("Check versions.env")
    job.run("Run the demo")
    job.run("Collect logs")
    with tarfile.open(temp / "host-smoke-logs.tar.gz") as logs:
        names = logs.getnames()
    assert any(name.endswith("/journal.jsonl") for name in names)
    assert any(name.startswith(".tmp/logs/nomos-node-0") for name in names)


@pytest.mark.slow
def test_the_bundle_job(checkout: Path, temp: Path) -> None:
    job = packed_bundle(checkout, temp)
    assert job.outputs["steps.versions.outputs.artifact"] == "nomos-binaries-linux-v0.3.1-v4"
    assert job.outputs["steps.versions.outputs.key"].startswith("nomos-binaries-linux-v0.3.1-v4-3f623e0c9d15-embedded-")
    with tarfile.open(checkout / job.outputs["steps.versions.outputs.bundle"]) as bundle:
        assert "artifacts/nomos-node" in bundle.getnames()


def test_actionlint_finds_nothing() -> None:
    done = subprocess.run([REPOSITORY / "scripts/lint-workflows.sh"], capture_output=True, text=True, check=False)
    if done.returncode == 2:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stdout + done.stderr
