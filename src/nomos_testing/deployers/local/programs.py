"""Where the node programs are, and whether they are the embedded ones."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from nomos_testing.cluster.interfaces import Role
from nomos_testing.deployers.errors import Problem
from nomos_testing.deployers.kzg_parameters import GENERATED_KZG_PARAMS

PROGRAM_NAMES = {Role.VALIDATOR: "nomos-node", Role.EXECUTOR: "nomos-executor"}
PROGRAM_VARIABLES = {Role.VALIDATOR: "NOMOS_NODE_BIN", Role.EXECUTOR: "NOMOS_EXECUTOR_BIN"}


@dataclass(frozen=True, slots=True)
class Program:
    path: Path
    embedded: bool
    """It is the console script of this installation, so a parent that has imported the node can stand in for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """Where programs are looked for, in this order, after one that was named explicitly."""

    interpreter_directory: Path
    """The console scripts here are the embedded programs."""
    path: str
    virtual_environment: Path = Path(".venv")
    fork_server: tuple[str, ...]
    """The command that starts embedded programs from a parent that has imported them."""
    generated_kzg_params: Path | None = None
    """Where a set-up for embedded nodes is kept, and made where it is missing; None: none is made."""

    @classmethod
    def running(cls) -> Installation:
        """The one this process belongs to."""
        return cls(
            interpreter_directory=Path(sys.executable).parent,
            path=os.environ.get("PATH", os.defpath),
            fork_server=(sys.executable, "-m", "nomos_node.fork_server"),
            generated_kzg_params=GENERATED_KZG_PARAMS,
        )


def find_program(role: Role, named: Path | None, installation: Installation) -> Program | Problem:
    """The program of a role: the one named, else beside the interpreter, on ``PATH``, in ``.venv``."""
    name, variable = PROGRAM_NAMES[role], PROGRAM_VARIABLES[role]
    if named is not None:
        if not _is_executable(named):
            reason = "is not executable" if named.is_file() else "does not exist"
            return Problem(f"{variable}={named} {reason}", f"point {variable} to a {name} program, or unset it")
        return Program(named.absolute(), _is_embedded(named, name, installation))
    candidates = (
        installation.interpreter_directory / name,
        Path(shutil.which(name, path=installation.path) or os.devnull),
        installation.virtual_environment / "bin" / name,
    )
    for candidate in candidates:
        if _is_executable(candidate):
            return Program(candidate.absolute(), _is_embedded(candidate, name, installation))
    looked = f"in {installation.interpreter_directory}, on PATH, in {installation.virtual_environment / 'bin'}"
    return Problem(
        f"the {role} program {name} was not found (looked {looked})",
        f"install this project into the running environment, or set {variable} to the program",
    )


def _is_executable(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)


def _is_embedded(path: Path, name: str, installation: Installation) -> bool:
    script = installation.interpreter_directory / name
    return script.is_file() and path.resolve() == script.resolve()
