"""The image that containers are started from: built once, where a Docker daemon answers."""

from __future__ import annotations

import os
import subprocess
from functools import cache
from pathlib import Path

from support.processes.docker_daemon import require_docker
from support.repository.repository_copy import REPOSITORY, STACK

IMAGE = "logos-blockchain-testing:local"
BUILD = REPOSITORY / STACK / "scripts/build_test_image.sh"


@cache
def node_image() -> str:
    """Its name, after it was built; nothing is done where it is up to date. Skips the test where there is no Docker."""
    require_docker()
    done = run_build()
    assert done.returncode == 0, done.stdout + done.stderr
    return IMAGE


def run_build() -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("NOMOS_", "IMAGE_"))}
    return subprocess.run([BUILD], cwd=Path("/"), env=environment, capture_output=True, text=True, check=False)
