"""The circuits as the node's circuit bundle installs them: which files of it zksign needs, and where they are.

The directory holds the bundle's ``prover`` and, per circuit, ``witness_generator``, ``proving_key.zkey`` and
``verification_key.json``. Only the circuit ``zksign`` is used here.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

CIRCUITS_VARIABLE: Final = "NOMOS_CIRCUITS"
DEFAULT_DIRECTORY: Final = ".nomos-circuits"
"""Below the home directory."""


@dataclass(frozen=True, slots=True)
class Circuits:
    directory: Path

    @property
    def witness_generator(self) -> Path:
        return self.directory / "zksign" / "witness_generator"

    @property
    def proving_key(self) -> Path:
        return self.directory / "zksign" / "proving_key.zkey"

    @property
    def verification_key(self) -> Path:
        return self.directory / "zksign" / "verification_key.json"

    @property
    def prover(self) -> Path:
        """Optional: without this program proofs are made in this process."""
        return self.directory / "prover"

    def defect(self) -> str | None:
        """Why zksign can't be used, naming the first file that is missing; None when everything is there."""
        for path in (self.witness_generator, self.proving_key, self.verification_key):
            if not path.is_file():
                return f"{path} is missing"
        if not os.access(self.witness_generator, os.X_OK):
            return f"{self.witness_generator} is not executable"
        return None


def circuits_of(environ: Mapping[str, str]) -> Circuits:
    """The directory that ``NOMOS_CIRCUITS`` names, else ``~/.nomos-circuits``."""
    home = Path(environ.get("HOME") or os.path.expanduser("~"))
    named = environ.get(CIRCUITS_VARIABLE)
    # Absolute: the programs are started from another directory.
    return Circuits(Path(named).expanduser().absolute() if named else home / DEFAULT_DIRECTORY)
