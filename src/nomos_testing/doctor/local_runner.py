"""Checks of runs in processes of this machine."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator, Mapping

from nomos_testing.cluster.roles import Role
from nomos_testing.deployers.local.preflight import disk_problem, own_address_problem
from nomos_testing.deployers.local.programs import PROGRAM_NAMES, Installation, find_programs
from nomos_testing.deployers.shared.environment import node_environment
from nomos_testing.deployers.shared.errors import Problem
from nomos_testing.doctor.checks import LOCAL, Check, limited, missing, ok
from nomos_testing.settings import Settings

_FEWEST_PORTS = 8
"""A node listens on up to five."""


def check_local(settings: Settings, environ: Mapping[str, str], installation: Installation) -> Iterator[Check]:
    """Check what runs in processes of this machine need. Programs that are not ours are asked for their version."""
    named = {Role.VALIDATOR: settings.node_program, Role.EXECUTOR: settings.executor_program}
    for role, found in find_programs(named, installation, node_environment(environ, settings)).items():
        what = f"{role} program {PROGRAM_NAMES[role]}"
        yield missing(what, found, LOCAL) if isinstance(found, Problem) else ok(what, found, LOCAL)
    yield _ports()
    yield _limited_by("loopback addresses, for faults of links", own_address_problem(), "one for each node")
    yield _limited_by("file sizes of processes, for full disks", disk_problem(), "can be limited")
    yield _prometheus(settings, environ)


def _limited_by(what: str, problem: Problem | None, found: str) -> Check:
    return ok(what, found, LOCAL) if problem is None else limited(what, problem, LOCAL)


def _ports() -> Check:
    """Ask the system for some free ports at once, and give them back."""
    sockets: list[socket.socket] = []
    try:
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM) * _FEWEST_PORTS:
            sockets.append(socket.socket(socket.AF_INET, kind))
            sockets[-1].bind(("127.0.0.1", 0))
    except OSError as error:
        problem = Problem(f"no free port on 127.0.0.1: {error.strerror}", "end programs that hold ports")
        return missing("ports", problem, LOCAL)
    finally:
        for each in sockets:
            each.close()
    return ok("ports", "free ones on 127.0.0.1, TCP and UDP", LOCAL)


def _prometheus(settings: Settings, environ: Mapping[str, str]) -> Check:
    what = "Prometheus, for metrics"
    if settings.metrics_query_url is not None:
        return ok(what, settings.changed()["NOMOS_METRICS_QUERY_URL"], LOCAL)
    program = shutil.which("prometheus", path=environ.get("PATH"))
    if program is not None:
        return ok(what, f"{program}; name its address in NOMOS_METRICS_QUERY_URL to query it", LOCAL)
    remedy = "start a Prometheus and name its address in NOMOS_METRICS_QUERY_URL; only scenarios that query it need it"
    return limited(what, Problem("there is none", remedy), LOCAL)
