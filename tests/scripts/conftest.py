from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.repository.repository_copy import REPOSITORY, Copy, copy_repository


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return copy_repository(tmp_path / "repository")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The files under version control. The environment is the one that the tests run in, not prepared anew."""
    root = tmp_path / "checkout"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    for name in filter(None, listed.stdout.split("\0")):
        if (REPOSITORY / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, root / name)
    (root / "scripts/prepare-venv.sh").write_text("#!/bin/sh\n")
    (root / ".venv").symlink_to(sys.prefix)
    return root


@pytest.fixture
def temp(tmp_path: Path) -> Path:
    directory = tmp_path / "runner"
    directory.mkdir()
    return directory
