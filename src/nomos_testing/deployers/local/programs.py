"""Where the node programs are, and whether they are the embedded ones."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from nomos_testing.cluster.interfaces import Role
from nomos_testing.deployers.errors import Problem

PROGRAM_NAMES = {Role.VALIDATOR: "nomos-node", Role.EXECUTOR: "nomos-executor"}
PROGRAM_VARIABLES = {Role.VALIDATOR: "NOMOS_NODE_BIN", Role.EXECUTOR: "NOMOS_EXECUTOR_BIN"}


@dataclass(frozen=True, slots=True)
class Program:
    path: Path
    embedded: bool
    """It is the console script of this installation, so a parent that has imported the node can stand in for it."""


@dataclass(frozen=True, slots=True)
class SearchPlaces:
    """Looked at in this order, after a program that was named explicitly."""

    interpreter_directory: Path
    path: str
    virtual_environment: Path

    @classmethod
    def of_this_process(cls) -> SearchPlaces:
        return cls(Path(sys.executable).parent, os.environ.get("PATH", os.defpath), Path(".venv"))


def find_program(role: Role, named: Path | None, places: SearchPlaces) -> Program | Problem:
    """The program of a role: the one named, else beside the interpreter, on ``PATH``, in ``.venv``."""
    name, variable = PROGRAM_NAMES[role], PROGRAM_VARIABLES[role]
    if named is not None:
        if not _is_executable(named):
            reason = "is not executable" if named.is_file() else "does not exist"
            return Problem(f"{variable}={named} {reason}", f"point {variable} to a {name} program, or unset it")
        return Program(named.absolute(), _is_embedded(named, name, places))
    candidates = (
        places.interpreter_directory / name,
        Path(shutil.which(name, path=places.path) or os.devnull),
        places.virtual_environment / "bin" / name,
    )
    for candidate in candidates:
        if _is_executable(candidate):
            return Program(candidate.absolute(), _is_embedded(candidate, name, places))
    looked = f"beside {places.interpreter_directory / 'python'}, on PATH, in {places.virtual_environment / 'bin'}"
    return Problem(
        f"the {role} program {name} was not found (looked {looked})",
        f"install this project into the running environment, or set {variable} to the program",
    )


def _is_executable(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)


def _is_embedded(path: Path, name: str, places: SearchPlaces) -> bool:
    script = places.interpreter_directory / name
    return script.is_file() and path.resolve() == script.resolve()
