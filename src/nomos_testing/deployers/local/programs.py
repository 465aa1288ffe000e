"""Finds the node programs, and finds out which nodes they are."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from nomos_testing.cluster.interfaces import Role
from nomos_testing.deployers.local.program_probe import Identity, NoNode, identify
from nomos_testing.deployers.shared.errors import Problem

PROGRAM_NAMES = {Role.VALIDATOR: "nomos-node", Role.EXECUTOR: "nomos-executor"}
PROGRAM_VARIABLES = {Role.VALIDATOR: "NOMOS_NODE_BIN", Role.EXECUTOR: "NOMOS_EXECUTOR_BIN"}


@dataclass(frozen=True, slots=True)
class Program:
    """A program of one role.

    Attributes:
        embedded: it is the node of this project, wherever it lies.
        installed_here: it is the console script of this installation, so a parent that has imported the node can stand
            in for it.
        version: its version, where it is known.
    """

    path: Path
    embedded: bool
    installed_here: bool = False
    version: str | None = None

    def __str__(self) -> str:
        kind = "the embedded node" if self.embedded else "a real node"
        return f"{self.path} ({kind})" if self.version is None else f"{self.path} ({kind}, version {self.version})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """The places where programs are looked for, in this order, unless one is named explicitly."""

    interpreter_directory: Path
    """The console scripts here are the embedded programs."""
    path: str
    virtual_environment: Path = Path(".venv")
    fork_server: tuple[str, ...]
    """The command that starts embedded programs from a parent that has imported them."""
    kzg_params_places: Sequence[Path] | None = None
    """Where KZG parameters are looked for; None: where ``kzg_params_places`` says."""

    @classmethod
    def running(cls) -> Installation:
        """Return the installation that this process belongs to."""
        return cls(
            interpreter_directory=Path(sys.executable).parent,
            path=os.environ.get("PATH", os.defpath),
            fork_server=(sys.executable, "-m", "nomos_node.fork_server"),
        )


def find_programs(
    named: Mapping[Role, Path | None], installation: Installation, environment: Mapping[str, str]
) -> dict[Role, Program | Problem]:
    """Find the program of each role: the one named, else beside the interpreter, on ``PATH``, in ``.venv``.

    The console scripts of this installation are known; every other program is asked what it is.
    """
    paths = {role: _find_path(role, name, installation) for role, name in named.items()}
    unknown = [
        path for role, path in paths.items() if isinstance(path, Path) and not _is_script(path, role, installation)
    ]
    identities = identify(unknown, environment)
    found: dict[Role, Program | Problem] = {}
    for role, path in paths.items():
        if isinstance(path, Problem):
            found[role] = path
        elif path in identities and not _is_script(path, role, installation):
            found[role] = _checked(role, path, identities[path])
        else:
            found[role] = _missing_packages() or Program(path, embedded=True, installed_here=True)
    return found


def _missing_packages() -> Problem | None:
    """Return the problem of an installation without the extra ``[node]``, whose console script cannot run."""
    if find_spec("libp2p") is not None:
        return None
    node = find_spec("nomos_node")
    lock = Path(node.origin).with_name("requirements.lock") if node is not None and node.origin else None
    shipped = lock if lock is not None and lock.is_file() else Path("requirements-run.lock")
    return Problem(
        "the packages of the embedded node are not installed",
        f"python -m pip install --no-deps -r {shipped}, or name other nodes: NOMOS_NODE_BIN, NOMOS_EXECUTOR_BIN",
    )


def _find_path(role: Role, named: Path | None, installation: Installation) -> Path | Problem:
    name, variable = PROGRAM_NAMES[role], PROGRAM_VARIABLES[role]
    if named is not None:
        if not _is_executable(named):
            reason = "is not executable" if named.is_file() else "does not exist"
            return Problem(f"{variable}={named} {reason}", f"point {variable} to a {name} program, or unset it")
        return named.absolute()
    candidates = (
        installation.interpreter_directory / name,
        Path(shutil.which(name, path=installation.path) or os.devnull),
        installation.virtual_environment / "bin" / name,
    )
    for candidate in candidates:
        if _is_executable(candidate):
            return candidate.absolute()
    looked = f"in {installation.interpreter_directory}, on PATH, in {installation.virtual_environment / 'bin'}"
    return Problem(
        f"the {role} program {name} was not found (looked {looked})",
        f"install this project into the running environment, or set {variable} to the program",
    )


def _checked(role: Role, path: Path, identity: Identity | NoNode) -> Program | Problem:
    name, variable = PROGRAM_NAMES[role], PROGRAM_VARIABLES[role]
    remedy = f"point {variable} to a {name} program, or unset it to run the embedded node"
    if isinstance(identity, NoNode):
        return Problem(str(identity), remedy)
    if identity.name not in {None, name}:
        return Problem(f"{path} is {identity.name}, but the {role} program is {name}", remedy)
    return Program(path, embedded=identity.embedded, version=identity.version)


def _is_executable(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)


def _is_script(path: Path, role: Role, installation: Installation) -> bool:
    script = installation.interpreter_directory / PROGRAM_NAMES[role]
    return script.is_file() and path.resolve() == script.resolve()
