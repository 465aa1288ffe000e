"""The layers of the three packages: an import against their direction fails the check that CI runs."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.repository.repository_copy import REPOSITORY

LINT = Path(sys.executable).with_name("lint-imports")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The sources and the contracts, without anything built."""
    shutil.copy(REPOSITORY / "pyproject.toml", tmp_path)
    shutil.copytree(REPOSITORY / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def lint(checkout: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [LINT, "--no-cache"],
        cwd=checkout,
        env={"PYTHONPATH": str(checkout / "src"), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("nomos_core/mantle/notes.py", "import nomos_core.ledger.state", "the layers of nomos_core"),
        ("nomos_node/mempool/mempool.py", "import nomos_node.chain.chain", "the layers of nomos_node"),
        ("nomos_testing/journal/journal.py", "import nomos_testing.runtime.context", "the layers of nomos_testing"),
        (
            "nomos_testing/deployers/local/deployer.py",
            "import nomos_testing.deployers.compose.deployer",
            "deployers share one room and do not know each other",
        ),
        ("nomos_testing/extra/__init__.py", "", "the layers of nomos_testing"),
    ],
)
def test_an_import_against_the_direction_of_the_layers_fails(
    checkout: Path, module: str, line: str, contract: str
) -> None:
    file = checkout / "src" / module
    file.parent.mkdir(exist_ok=True)
    with file.open("a") as end:
        end.write(f"\n{line}\n")
    checked = lint(checkout)
    assert checked.returncode == 1, checked.stdout + checked.stderr
    assert f"{contract} BROKEN" in checked.stdout


def test_the_layers_are_kept(checkout: Path) -> None:
    checked = lint(checkout)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "0 broken" in checked.stdout
