"""All runs of which something is there, and the leftovers of the dead ones among them."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from nomos_testing.deployers.compose.docker import Docker
from nomos_testing.deployers.compose.errors import CommandFailed
from nomos_testing.deployers.k8s.api_errors import ApiError, ClusterUnavailable
from nomos_testing.deployers.k8s.kubernetes_api import KubernetesApi
from nomos_testing.deployers.shared.run_owner import OwnerState
from nomos_testing.doctor import docker_presence, local_presence
from nomos_testing.doctor.cluster_presence import releases, remove_release
from nomos_testing.doctor.presence import Presence, merged
from nomos_testing.settings import Settings
from nomos_testing.surroundings import THIS_MACHINE, Surroundings

_CONNECT_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Leftover:
    """Something of a dead run that can be removed."""

    text: str
    """Name and run, for people."""
    remove: Callable[[], Awaitable[None]]
    """Removes it."""


@dataclass(slots=True)
class Overview:
    """Everything that is there of runs."""

    runs: list[Presence] = field(default_factory=list)
    """The runs."""
    leftovers: list[Leftover] = field(default_factory=list)
    """The things of dead runs, in the order in which they are removed."""
    silent: list[str] = field(default_factory=list)
    """The places that could not be looked at, each with the reason."""


@asynccontextmanager
async def overview(
    environ: Mapping[str, str], *, runs_directory: Path | None = None, surroundings: Surroundings = THIS_MACHINE
) -> AsyncIterator[Overview]:
    """Look at this machine, at Docker and at the cluster. What it finds can be removed inside of the block.

    Args:
        environ: names the Docker daemon and the cluster.
        runs_directory: where files of dead runs are looked for, too.
        surroundings: tell the time.
    """
    found = Overview()
    await _add_local(found, runs_directory)
    await _add_stacks(found, environ)
    settings = Settings.from_environ(environ)
    api = await _cluster(found, environ, settings)
    try:
        if api is not None:
            await _add_releases(found, api, settings, surroundings)
        found.runs = merged(found.runs)
        yield found
    finally:
        if api is not None:
            await api.close()


async def _add_local(found: Overview, runs_directory: Path | None) -> None:
    found.runs += await local_presence.local_presence()
    nodes, live = await asyncio.to_thread(local_presence.nodes_and_runners)
    for node in nodes:
        if node.run not in live:
            found.leftovers.append(Leftover(f"the process {node} of {node.run}", partial(asyncio.to_thread, node.kill)))
    if runs_directory is not None:
        for path in await asyncio.to_thread(local_presence.stale_files, runs_directory):
            found.leftovers.append(Leftover(str(path), partial(asyncio.to_thread, _delete, path)))


async def _add_stacks(found: Overview, environ: Mapping[str, str]) -> None:
    docker = Docker(environ)
    if shutil.which(docker.program, path=environ.get("PATH")) is None:
        return
    try:
        stacks = await docker_presence.stacks(docker)
    except CommandFailed as error:
        found.silent.append(f"Docker: {error}")
        return
    for project, presence in stacks.items():
        found.runs.append(presence)
        if presence.state is OwnerState.DEAD:
            text = f"the stack {project} of {presence.name}: {'; '.join(presence.things)}"
            found.leftovers.append(Leftover(text, partial(docker_presence.remove_stack, docker, project)))


async def _cluster(found: Overview, environ: Mapping[str, str], settings: Settings) -> KubernetesApi | None:
    if find_spec("kubernetes_asyncio") is None:
        return None
    try:
        return await KubernetesApi.connect(environ, context=settings.k8s_context, timeout=_CONNECT_SECONDS)
    except ClusterUnavailable:
        return None  # nothing says where a cluster is
    except ApiError as error:
        found.silent.append(f"cluster: {error}")
        return None


async def _add_releases(found: Overview, api: KubernetesApi, settings: Settings, surroundings: Surroundings) -> None:
    try:
        known = await releases(api, namespace=settings.k8s_namespace, now=surroundings.unix_time())
    except ApiError as error:
        found.silent.append(f"cluster: {error}")
        return
    for release in known:
        found.runs.append(release.presence)
        if release.presence.state is OwnerState.DEAD:
            text = f"the release {release.name} of {release.presence.name}: {'; '.join(release.presence.things)}"
            found.leftovers.append(Leftover(text, partial(remove_release, api, release)))


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
