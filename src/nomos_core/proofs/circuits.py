"""Circuits as the node's circuit bundle installs them: the files of it that zksign needs, and where they are.

The directory holds the bundle's ``prover`` and, for each circuit, ``witness_generator``, ``proving_key.zkey`` and
``verification_key.json``. Only the circuit ``zksign`` is used here.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

CIRCUITS_VARIABLE: Final = "NOMOS_CIRCUITS"
"""Environment variable that names the directory."""
DEFAULT_DIRECTORY: Final = ".nomos-circuits"
"""Name of the directory below the home directory when the variable is not set."""


@dataclass(frozen=True, slots=True)
class Circuits:
    """Installed circuit bundle."""

    directory: Path
    """Directory of the bundle, an absolute path."""

    @property
    def witness_generator(self) -> Path:
        """Program that computes the witness of a signature from its inputs."""
        return self.directory / "zksign" / "witness_generator"

    @property
    def proving_key(self) -> Path:
        """Key with which proofs are made."""
        return self.directory / "zksign" / "proving_key.zkey"

    @property
    def verification_key(self) -> Path:
        """Key with which proofs are checked, in snarkjs JSON."""
        return self.directory / "zksign" / "verification_key.json"

    @property
    def prover(self) -> Path:
        """Program that makes a proof from a witness. It is optional: without it proofs are made in this process."""
        return self.directory / "prover"

    def defect(self) -> str | None:
        """Return the reason why zksign can't be used, with the first file that is missing; None if nothing is
        missing.
        """
        for path in (self.witness_generator, self.proving_key, self.verification_key):
            if not path.is_file():
                return f"{path} is missing"
        if not os.access(self.witness_generator, os.X_OK):
            return f"{self.witness_generator} is not executable"
        return None


def circuits_of(environ: Mapping[str, str]) -> Circuits:
    """Return the circuits in the directory that ``NOMOS_CIRCUITS`` names, else in ``~/.nomos-circuits``."""
    home = Path(environ.get("HOME") or os.path.expanduser("~"))
    named = environ.get(CIRCUITS_VARIABLE)
    # Absolute, because the programs are started in another directory.
    return Circuits(Path(named).expanduser().absolute() if named else home / DEFAULT_DIRECTORY)
