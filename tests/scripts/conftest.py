from __future__ import annotations

from pathlib import Path

import pytest

from repository_copy import Copy, copy_repository


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return copy_repository(tmp_path / "repository")
