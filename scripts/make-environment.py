"""Makes a relocatable environment of this project's programs: run it with .venv/bin/python.

    .venv/bin/python scripts/make-environment.py DESTINATION [--groth16]

DESTINATION gets a launcher for each program, and ``python/`` with the packages of the lock files and the project's own
code, byte-compiled. All of it can be copied to any place, on any machine with the same processor and the same Python
version: a launcher finds its packages from where it lies. Nothing is downloaded; the packages are those of ``.venv``.
"""

from __future__ import annotations

import argparse
import compileall
import os
import py_compile
import re
import shutil
import sys
import tomllib
import zlib
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
CACHE: Final = ROOT / ".tmp" / "environment"
PROGRAMS: Final = ("nomos-node", "nomos-executor", "nomos-cli", "cfgsync-server", "cfgsync-client")
_PYTHON: Final = f"python{sys.version_info.major}.{sys.version_info.minor}"
_LOCKED: Final = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)", re.MULTILINE)
_NOT_WANTED: Final = ("examples", "tests", "__pycache__")
"""What libp2p puts beside its package, under names that belong to everybody; and byte code, which is made anew."""

_LAUNCHER: Final = """\
#!/usr/bin/env {python}
# {program} of logos-blockchain-testing: its packages lie beside this file, wherever that is.
import os
import sys

home = os.path.join(os.path.dirname(os.path.realpath(__file__)), "python")
packages = [os.path.join(home, "project"), os.path.join(home, "packages")]
sys.path[:1] = packages
os.environ["PYTHONPATH"] = os.pathsep.join(packages)  # for the processes it starts

from {module} import {function}

sys.argv[0] = "{program}"
sys.exit({function}())
"""


def main() -> None:
    arguments = _arguments()
    destination: Path = arguments.destination
    locks = ["requirements-run.lock", *(["requirements-groth16.lock"] if arguments.groth16 else [])]
    packages = _cached_packages([ROOT / name for name in locks])
    shutil.rmtree(destination / "python", ignore_errors=True)
    destination.mkdir(parents=True, exist_ok=True)
    shutil.copytree(packages, destination / "python" / "packages", copy_function=_link_or_copy)
    _copy_project(destination / "python" / "project")
    for program, (module, function) in _entry_points():
        _write_launcher(destination / program, program, module, function)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Make a relocatable environment of this project's programs.")
    parser.add_argument("destination", type=Path, help="the directory that gets the launchers and python/")
    parser.add_argument("--groth16", action="store_true", help="with the GPL-3 package for real proofs")
    return parser.parse_args()


def _cached_packages(locks: list[Path]) -> Path:
    """The locked packages, copied and compiled once for each state of the locks."""
    wanted = zlib.crc32(b"".join(lock.read_bytes() for lock in locks) + Path(__file__).read_bytes())
    directory = CACHE / f"{_PYTHON}-{wanted:08x}"
    if directory.is_dir():
        return directory
    fresh = directory.with_suffix(f".{os.getpid()}")
    for lock in locks:
        for name, version in _LOCKED.findall(lock.read_text()):
            _copy_distribution(_installed(name, version), fresh)
    _compile(fresh)
    try:
        fresh.rename(directory)
    except OSError:  # another one was quicker
        shutil.rmtree(fresh)
    return directory


def _installed(name: str, version: str) -> Distribution:
    try:
        found = distribution(name)
    except PackageNotFoundError:
        sys.exit(f"make-environment.py: {name} {version} is not installed in {sys.prefix}; run scripts/prepare-venv.sh")
    if found.version != version:
        sys.exit(
            f"make-environment.py: {sys.prefix} has {name} {found.version}, the lock says {version}; "
            "run scripts/prepare-venv.sh"
        )
    return found


def _copy_distribution(package: Distribution, destination: Path) -> None:
    for file in package.files or ():
        if ".." in file.parts or file.parts[0] in _NOT_WANTED or "__pycache__" in file.parts:
            continue
        target = destination / file
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(package.locate_file(file), target)  # type: ignore[arg-type]


def _copy_project(destination: Path) -> None:
    for package in sorted((ROOT / "src").glob("nomos_*")):
        ignored = shutil.ignore_patterns("__pycache__", "*.c", "*.tmp")
        shutil.copytree(package, destination / package.name, ignore=ignored)
    own = distribution("logos-blockchain-testing")
    information = destination / f"logos_blockchain_testing-{own.version}.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(own.read_text("METADATA") or "")
    _compile(destination)


def _compile(directory: Path) -> None:
    """Byte code that is taken as it is, without a look at the sources: they don't change, and nodes start sooner.

    It knows no place, so that it is the same wherever it was made; an interpreter that loads it puts in its own.
    """
    compileall.compile_dir(
        directory,
        quiet=2,
        workers=0,
        stripdir=str(directory),
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )


def _entry_points() -> Iterator[tuple[str, tuple[str, str]]]:
    scripts: dict[str, str] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    for program in PROGRAMS:
        module, _, function = scripts[program].partition(":")
        yield program, (module, function)


def _write_launcher(path: Path, program: str, module: str, function: str) -> None:
    path.unlink(missing_ok=True)
    path.write_text(_LAUNCHER.format(python=_PYTHON, program=program, module=module, function=function))
    path.chmod(0o755)


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


if __name__ == "__main__":
    main()
