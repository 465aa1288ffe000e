"""Checks of runs in containers. The daemon is asked; nothing is pulled, made or started."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any, Final

from nomos_testing.deployers.compose.compose_tool import find_compose_tool
from nomos_testing.deployers.compose.docker import Docker
from nomos_testing.deployers.compose.errors import CommandFailed, ComposeError, DockerUnavailable
from nomos_testing.deployers.compose.preflight import check_image
from nomos_testing.deployers.shared.errors import Problem
from nomos_testing.doctor.checks import COMPOSE, Check, limited, missing, ok
from nomos_testing.observability.images import OWN_PROMETHEUS, PUBLIC_GRAFANA, PUBLIC_PROMETHEUS
from nomos_testing.settings import Settings
from nomos_testing.surroundings import THIS_MACHINE, Surroundings

_CLOCK_TOLERANCE: Final = 2.0
"""Seconds that the daemon's clock may differ from this machine's."""


async def check_compose(
    settings: Settings, environ: Mapping[str, str], surroundings: Surroundings = THIS_MACHINE
) -> AsyncIterator[Check]:
    """Check what runs in containers need."""
    docker = Docker(environ)
    try:
        info = await docker.info()
    except DockerUnavailable as error:
        remedy = "install Docker and start its daemon, or let DOCKER_HOST name one; `docker info` must work"
        yield missing("Docker daemon", Problem(str(error), remedy), COMPOSE)
        return
    yield ok("Docker daemon", f"{info.get('ServerVersion')} on {info.get('Architecture')}", COMPOSE)
    yield _clock(info, surroundings)
    tool = await find_compose_tool(docker)
    if isinstance(tool, Problem):
        yield missing("compose tool", tool, COMPOSE)
    else:
        yield ok("compose tool", " ".join(tool.argv), COMPOSE)
    try:
        yield await _image(docker, settings.image, info)
        yield await _monitoring(docker, (PUBLIC_PROMETHEUS, OWN_PROMETHEUS), "scripts/build-prometheus-image.sh")
        yield await _monitoring(docker, (PUBLIC_GRAFANA,), f"docker pull {PUBLIC_GRAFANA}")
    except CommandFailed as error:
        yield missing("images", Problem(str(error), "see what `docker image ls` says"), COMPOSE)
    for variable, port in (
        ("TEST_FRAMEWORK_PROMETHEUS_PORT", settings.prometheus_port),
        ("COMPOSE_GRAFANA_PORT", settings.grafana_port),
    ):
        if port is not None:
            yield _port(variable, port)


async def _image(docker: Docker, name: str, info: Mapping[str, Any]) -> Check:
    image = await docker.image(name)
    try:
        check_image(name, image, info)
    except ComposeError as error:
        what, _, remedy = str(error).partition("\n  -> ")
        return missing("image of the nodes", Problem(what, remedy), COMPOSE)
    known = image or {}
    return ok("image of the nodes", f"{name}, {known.get('Architecture')}, {known.get('Id')}", COMPOSE)


async def _monitoring(docker: Docker, names: tuple[str, ...], remedy: str) -> Check:
    what = f"image {names[0].partition(':')[0]}, for metrics"
    for name in names:
        if await docker.image(name) is not None:
            return ok(what, name, COMPOSE)
    problem = Problem("it is not here; a run tries to pull it, and does without it", remedy)
    return limited(what, problem, COMPOSE)


def _clock(info: Mapping[str, Any], surroundings: Surroundings) -> Check:
    try:
        # Docker tells nanoseconds, which Python does not read.
        told = datetime.fromisoformat(str(info.get("SystemTime", ""))[:19] + "+00:00").timestamp()
    except ValueError:
        return ok("clock of the Docker host", "it does not tell its time", COMPOSE)
    off = told - surroundings.unix_time()
    if str(info["SystemTime"]).endswith("Z") and abs(off) > _CLOCK_TOLERANCE:
        problem = Problem(f"it is {off:+.0f} s off", "set the clocks of both machines, for example with NTP")
        return limited("clock of the Docker host", problem, COMPOSE)
    return ok("clock of the Docker host", "as here", COMPOSE)


def _port(variable: str, port: int) -> Check:
    what = f"port {port} of {variable}"
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            return missing(
                what, Problem(f"it cannot be used: {error.strerror}", f"change or unset {variable}"), COMPOSE
            )
    return ok(what, "free", COMPOSE)
