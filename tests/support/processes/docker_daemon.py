"""The Docker daemon for tests that need one: the one that answers, or the test is skipped with the reason."""

from __future__ import annotations

import functools
import shutil
import subprocess

import pytest


def docker(*arguments: str, check: bool = True) -> str:
    """``docker ARGUMENTS``; its output, stripped."""
    return _output(["docker", *arguments], check=check)


def compose(*arguments: str) -> str:
    """``docker compose ARGUMENTS``, or ``docker-compose`` where the plugin is not there."""
    plugin = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False, timeout=30)
    return _output([*(("docker", "compose") if plugin.returncode == 0 else ("docker-compose",)), *arguments])


def _output(command: list[str], *, check: bool = True) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0 or not check, f"{' '.join(command)}: {done.stderr}"
    return done.stdout.strip()


def require_docker() -> None:
    if defect := _defect():
        pytest.skip(f"no Docker: {defect}")


@functools.cache
def _defect() -> str | None:
    if shutil.which("docker") is None:
        return "there is no program docker on PATH"
    done = subprocess.run(
        ["docker", "info", "--format", "{{.ServerVersion}}"], capture_output=True, text=True, check=False, timeout=30
    )
    return None if done.returncode == 0 else done.stderr.strip().splitlines()[-1]
