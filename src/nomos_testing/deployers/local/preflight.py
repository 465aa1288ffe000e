"""The preflight of a run on this machine. It names everything that is missing at once, each with its remedy."""

from __future__ import annotations

import logging
import os
import resource
import socket
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from nomos_core.proofs.prover import Prover
from nomos_testing.cluster.interfaces import Role
from nomos_testing.configgen import real_node_objections
from nomos_testing.deployers.local.programs import PROGRAM_VARIABLES, Installation, Program, find_programs
from nomos_testing.deployers.shared.environment import find_prover, node_environment
from nomos_testing.deployers.shared.errors import PreflightError, Problem, outcome
from nomos_testing.deployers.shared.fault_preflight import EMBEDDED_ONLY, clock_library, refused_faults
from nomos_testing.deployers.shared.kzg_parameters import KzgParameters, find_kzg_parameters, kzg_params_places
from nomos_testing.faults.fault import Control
from nomos_testing.faults.plan import FaultPlan
from nomos_testing.settings import Settings
from nomos_testing.topology import GeneratedTopology, own_hosts

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """The result of the preflight."""

    programs: Mapping[Role, Program]
    environment: Mapping[str, str]
    """Of every node."""
    prover: Prover
    fork_server: tuple[str, ...]
    kzg: KzgParameters
    clock_library: Path | None = None
    """Path of libfaketime, if clocks are to be shifted."""

    @property
    def all_embedded(self) -> bool:
        return all(program.embedded for program in self.programs.values())

    @property
    def all_installed_here(self) -> bool:
        """True if one parent that has imported the node can replace all programs."""
        return all(program.installed_here for program in self.programs.values())


def prepare(
    *,
    roles: frozenset[Role],
    settings: Settings,
    runs_directory: Path,
    environ: Mapping[str, str],
    installation: Installation,
    needs_kzg: bool = False,
) -> Prepared:
    """Find programs, prover and KZG parameters, and check directories and timing.

    Raises:
        PreflightError: with every problem found.
    """
    named = {Role.VALIDATOR: settings.node_program, Role.EXECUTOR: settings.executor_program}
    environment = node_environment(environ, settings)
    found = find_programs({role: named[role] for role in sorted(roles)}, installation, environment)
    # With the caller's own word for it: nodes do not get one that says no.
    prover = find_prover({**environ, **environment})
    programs = {role: program for role, program in found.items() if isinstance(program, Program)}
    embedded = all(program.embedded for program in programs.values())
    places = installation.kzg_params_places or kzg_params_places(environ)
    kzg = find_kzg_parameters(settings, places, blobs=needs_kzg, real_nodes=not embedded)
    problems = [
        *(problem for problem in (*found.values(), prover, kzg) if isinstance(problem, Problem)),
        *_directory_problems(runs_directory, "runs directory", "--runs-dir"),
    ]
    if settings.log_dir is not None and settings.tests_tracing:
        problems += _directory_problems(settings.log_dir, "log directory", "NOMOS_LOG_DIR")
    for role, program in found.items():
        kind = "" if isinstance(program, Problem) else ", the embedded node" if program.embedded else ", a real node"
        _log.debug("preflight: the %s program: %s%s", role, outcome(program, lambda known: known.path), kind)
    _log.debug("preflight: the prover: %s", outcome(prover, lambda known: known.name))
    _log.debug("preflight: KZG parameters: %s", outcome(kzg, str))
    _log.debug("preflight: the runs directory: %s; the log directory: %s", runs_directory, settings.log_dir)
    if problems or isinstance(prover, Problem) or isinstance(kzg, Problem):
        raise PreflightError(problems)
    return Prepared(
        programs=programs, environment=environment, prover=prover, fork_server=installation.fork_server, kzg=kzg
    )


def with_faults(
    prepared: Prepared,
    faults: FaultPlan,
    settings: Settings,
    *,
    enabled: Collection[Control] = (),
    capabilities: Collection[Control] = frozenset(Control),
) -> Prepared:
    """Add what the faults of a scenario need besides.

    Raises:
        PreflightError: a fault cannot be injected on this machine, with the field that asks for it.
    """
    library = clock_library(faults, settings)
    found = {
        Control.CLOCK: library,
        Control.DISK: disk_problem() or (None if prepared.all_embedded else EMBEDDED_ONLY),
        Control.NETWORK: own_address_problem() if Control.NETWORK in enabled else None,
    }
    obstacles = {control: obstacle for control, obstacle in found.items() if isinstance(obstacle, Problem)}
    problems = refused_faults(faults, enabled=enabled, deployer="local", capabilities=capabilities, obstacles=obstacles)
    if problems or isinstance(library, Problem):
        raise PreflightError(problems)
    return replace(prepared, clock_library=library)


def own_address_problem() -> Problem | None:
    """Return why nodes cannot have loopback addresses of their own on this machine; None if they can."""
    (host,) = own_hosts(1)
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind((host, 0))
    except OSError as error:
        return Problem(
            f"network faults need a loopback address for each node, and {host} cannot be used: {error.strerror}",
            f"run on Linux, where all of 127.0.0.0/8 is there, or add the addresses ({host} and on), "
            "or leave network faults out of the scenario",
        )
    return None


def disk_problem() -> Problem | None:
    """Return why the files of a running process cannot be limited on this system; None if they can."""
    if hasattr(resource, "prlimit"):
        return None
    return Problem("this system cannot limit a running process's files", "run on Linux")


def refuse_for_real_nodes(prepared: Prepared, topology: GeneratedTopology) -> None:
    """
    Raises:
        PreflightError: a node that may be a real one would refuse its configuration.
    """
    problems = [
        Problem(
            f"{node.name} ({prepared.programs[node.role].path}): {objection}",
            f"change the scenario, or unset {PROGRAM_VARIABLES[node.role]} to run the embedded node",
        )
        for node in topology.nodes
        if not prepared.programs[node.role].embedded
        for objection in real_node_objections(node.config)
    ]
    if problems:
        raise PreflightError(problems)


def _directory_problems(directory: Path, what: str, setting: str) -> Iterator[Problem]:
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        yield Problem(
            f"the {what} {directory} cannot be made: {error.strerror}", f"point {setting} to a place you can write to"
        )
        return
    if not os.access(directory, os.W_OK | os.X_OK):
        yield Problem(f"the {what} {directory} is not writable", f"point {setting} to a place you can write to")
