"""Checks of this machine that concern every runner."""

from __future__ import annotations

import os
import platform
import resource
import shutil
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import psutil

from nomos_core.proofs.circuits import circuits_of
from nomos_core.proofs.selection import ProverUnavailable, select_prover
from nomos_testing.deployers.shared.clock import find_library
from nomos_testing.deployers.shared.environment import node_environment
from nomos_testing.deployers.shared.errors import DeployError, Problem
from nomos_testing.deployers.shared.kzg_parameters import find_kzg_parameters, kzg_params_places, repository_root
from nomos_testing.deployers.shared.run_environment import PACKAGE, package_version
from nomos_testing.deployers.shared.stack_assets import find_assets
from nomos_testing.doctor.checks import COMPOSE, K8S, LOCAL, Check, limited, missing, ok
from nomos_testing.settings import Settings
from nomos_testing.surroundings import THIS_MACHINE, Surroundings

MEGABYTE: Final = 1 << 20
GIGABYTE: Final = 1 << 30
_LEAST_DISK: Final = 200 * MEGABYTE
"""The evidence of one failed run of a few nodes."""
_ENOUGH_DISK: Final = 2 * GIGABYTE
_ENOUGH_MEMORY: Final = 1 * GIGABYTE
"""Four embedded nodes take a third of it."""
_LEAST_FILES: Final = 256
_ENOUGH_FILES: Final = 1024
_OPTIONAL: Final = {
    "kubernetes_asyncio": ("k8s", "runs on Kubernetes", (K8S,)),
    "groth16py": ("groth16", "real proofs", (LOCAL, COMPOSE, K8S)),
    "grpc": ("traces", "traces over gRPC", (LOCAL, COMPOSE, K8S)),
}
"""By module: the extra that has it, what it is for, and the runners that use it."""


def check_machine(
    settings: Settings, environ: Mapping[str, str], runs_directory: Path, surroundings: Surroundings = THIS_MACHINE
) -> Iterator[Check]:
    """Check what is needed on this machine, whatever runs the nodes."""
    yield ok("Python", f"{platform.python_version()} on {platform.machine()}, {PACKAGE} {package_version()}")
    yield _settings(settings)
    yield from _packages()
    yield _prover(settings, environ)
    yield _kzg(settings, environ)
    yield _runs_directory(runs_directory)
    yield _disk(runs_directory)
    yield _memory()
    yield _file_limit()
    yield _clock(surroundings)
    yield _clock_library(settings)
    yield _versions()
    yield _assets()


def _settings(settings: Settings) -> Check:
    if settings.warnings:
        problem = Problem("; ".join(settings.warnings), "correct these variables, or unset them")
        return limited("environment variables", problem)
    changed = ", ".join(f"{name}={value}" for name, value in settings.changed().items())
    return ok("environment variables", changed or "all defaults")


def _packages() -> Iterator[Check]:
    for module, (extra, purpose, runners) in _OPTIONAL.items():
        what = f"package for {purpose}"
        if find_spec(module) is not None:
            yield ok(what, f"{module} is installed", *runners)
            continue
        problem = Problem(f"{module} is not installed", f"python -m pip install '{PACKAGE}[{extra}]'")
        yield missing(what, problem, K8S) if runners == (K8S,) else limited(what, problem, *runners)


def _prover(settings: Settings, environ: Mapping[str, str]) -> Check:
    environment = {**environ, **node_environment(environ, settings)}
    try:
        prover = select_prover(environment)
    except ProverUnavailable as error:
        problem = Problem(str(error), "set POL_PROOF_DEV_MODE=true to run with development proofs")
        return missing("proofs", problem)
    circuits = circuits_of(environment)
    installed = circuits.defect() or f"circuits in {circuits.directory}"
    return ok("proofs", f"{prover.name} ({installed})")


def _kzg(settings: Settings, environ: Mapping[str, str]) -> Check:
    # As for a run with blobs. Runs without blobs need no file, unless a node is a real one.
    found = find_kzg_parameters(settings, kzg_params_places(environ), blobs=True)
    return missing("KZG parameters", found) if isinstance(found, Problem) else ok("KZG parameters", found)


def _runs_directory(directory: Path) -> Check:
    existing = _existing(directory)
    if existing.is_dir() and os.access(existing, os.W_OK | os.X_OK):
        return ok("runs directory", directory.absolute())
    what = f"{directory.absolute()}: {existing} is not a directory that can be written to"
    return missing("runs directory", Problem(what, "point --runs-dir to a place you can write to"))


def _disk(directory: Path) -> Check:
    free = shutil.disk_usage(_existing(directory)).free
    found = f"{free / GIGABYTE:.1f} GiB free for {directory.absolute()}"
    problem = Problem(f"{found}; {_ENOUGH_DISK / GIGABYTE:g} GiB are enough", "delete old runs, or choose --runs-dir")
    if free < _LEAST_DISK:
        return missing("disk", problem)
    return limited("disk", problem) if free < _ENOUGH_DISK else ok("disk", found)


def _memory() -> Check:
    memory = psutil.virtual_memory()
    found = f"{memory.available / GIGABYTE:.1f} of {memory.total / GIGABYTE:.1f} GiB available, "
    found += f"{os.cpu_count()} processors"
    if memory.available >= _ENOUGH_MEMORY:
        return ok("memory", found)
    return limited("memory", Problem(found, "end other programs, or use fewer nodes"), LOCAL, COMPOSE)


def _file_limit() -> Check:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    found = f"{_shown(soft)} open files (at most {_shown(hard)})"
    if soft == resource.RLIM_INFINITY or soft >= _ENOUGH_FILES:
        return ok("file limit", found)
    problem = Problem(f"{found}; {_ENOUGH_FILES} are enough", f"ulimit -n {_ENOUGH_FILES}")
    return missing("file limit", problem) if soft < _LEAST_FILES else limited("file limit", problem)


def _shown(limit: int) -> str:
    return "unlimited" if limit == resource.RLIM_INFINITY else str(limit)


def _clock(surroundings: Surroundings) -> Check:
    """Check that the clock is not before the installation of this package."""
    installed, now = Path(__file__).stat().st_mtime, surroundings.unix_time()
    if now < installed:
        what = f"it is {installed - now:.0f} s before the installation of this package"
        return limited("clock", Problem(what, "set the clock, for example with `timedatectl set-ntp true`"))
    return ok("clock", f"{surroundings.utc():%Y-%m-%d %H:%M:%S} UTC")


def _clock_library(settings: Settings) -> Check:
    found = find_library(settings.faketime_library)
    if isinstance(found, Problem):
        return limited("libfaketime, for faults of clocks", found)
    return ok("libfaketime, for faults of clocks", found)


def _versions() -> Check:
    root = repository_root()
    file = None if root is None else root / "versions.env"
    if file is None:
        return ok("versions.env", "not needed: this package runs from an installation")
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        problem = Problem(f"{file}: {error.strerror}", "restore it: git checkout versions.env; scripts read it")
        return limited("versions.env", problem)
    pairs = (line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#"))
    return ok("versions.env", ", ".join(pairs))


def _assets() -> Check:
    try:
        return ok("assets of containers", find_assets(Path()), COMPOSE, K8S)
    except DeployError as error:
        problem = Problem(str(error), "run from a checkout of the repository")
        return missing("assets of containers", problem, COMPOSE, K8S)


def _existing(path: Path) -> Path:
    absolute = path.absolute()
    return next(place for place in (absolute, *absolute.parents) if place.exists())
