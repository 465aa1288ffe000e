"""Circuit bundles made up for a test: the programs are small scripts, the keys come from the vectors."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from nomos_core.proofs.circuits import Circuits
from support.inputs.golden import golden_path

InstallProgram = Callable[[Path, str], None]


@pytest.fixture
def install_program() -> InstallProgram:
    """Write a Python script in a program's place."""

    def install(path: Path, script: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!{sys.executable}\nimport json, pathlib, sys\n{script}\n")
        path.chmod(0o755)

    return install


@pytest.fixture
def circuits(tmp_path: Path, install_program: InstallProgram) -> Circuits:
    """A complete bundle whose witness generator copies its input and whose proving key is none."""
    circuits = Circuits(tmp_path / "circuits")
    install_program(circuits.witness_generator, "pathlib.Path(sys.argv[2]).write_text(open(sys.argv[1]).read())")
    circuits.proving_key.write_text("no key")
    shutil.copy(golden_path("zksign_verification_key.json"), circuits.verification_key)
    return circuits
