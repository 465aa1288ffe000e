"""Bare ``make`` lists the targets, and starts nothing."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_bare_make_prints_every_target_with_its_comment() -> None:
    makefile = (ROOT / "Makefile").read_text()
    commented = dict(re.findall(r"^([a-z_]+):.*?## (.+)$", makefile, re.MULTILINE))
    phony = re.search(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)
    assert phony is not None
    assert set(commented) == set(phony[1].split())
    printed = subprocess.run(
        ["make", "-C", str(ROOT), "--no-print-directory"], capture_output=True, text=True, check=True
    )
    listed = dict(re.findall(r"^  make (\S+) +(.+)$", printed.stdout, re.MULTILINE))
    assert listed == commented
