"""The stacks in Docker: containers, networks and volumes with the label of a run."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from nomos_testing.deployers.compose.docker import CONTAINER_SECONDS, INFO_SECONDS, Docker
from nomos_testing.deployers.compose.errors import CommandFailed
from nomos_testing.deployers.compose.teardown import leftovers
from nomos_testing.deployers.shared.reaper_client import RUN_LABEL
from nomos_testing.deployers.shared.run_owner import (
    DIRECTORY_MARK,
    OWNER_MARK,
    SCENARIO_MARK,
    OwnerState,
    RunOwner,
    state_of,
)
from nomos_testing.doctor.presence import Presence, counted

_LISTINGS = {
    "container": ("ps", "--all", "--quiet", "--no-trunc"),
    "network": ("network", "ls", "--quiet", "--no-trunc"),
    "volume": ("volume", "ls", "--quiet"),
}


async def stacks(docker: Docker) -> dict[str, Presence]:
    """Return what is there of each stack, by its project.

    Raises:
        CommandFailed: the daemon does not answer.
    """
    items: defaultdict[str, dict[str, list[Mapping[str, Any]]]] = defaultdict(lambda: defaultdict(list))
    for kind, listing in _LISTINGS.items():
        found = (await docker.ask(*listing, "--filter", f"label={RUN_LABEL}", timeout=INFO_SECONDS)).split()
        if found:
            for item in await _inspected(docker, kind, found):
                if project := _labels(item).get(RUN_LABEL):
                    items[project][kind].append(item)
    return {project: _presence(project, kinds) for project, kinds in items.items()}


async def remove_stack(docker: Docker, project: str) -> None:
    """Remove the containers, networks and volumes of a stack.

    Raises:
        CommandFailed: the daemon did not remove them.
    """
    for kind in leftovers(docker.program, project):
        if left := (await docker.run(kind.listing, timeout=INFO_SECONDS)).split():
            await docker.run([*kind.removing, *left], timeout=CONTAINER_SECONDS)


async def _inspected(docker: Docker, kind: str, names: list[str]) -> list[Mapping[str, Any]]:
    """Return the descriptions of things. Some may be gone in this moment: then each is asked for by itself."""
    try:
        return list(json.loads(await docker.ask(kind, "inspect", *names)))
    except CommandFailed:
        if len(names) == 1:
            return []
        return [item for name in names for item in await _inspected(docker, kind, [name])]


def _presence(project: str, kinds: Mapping[str, list[Mapping[str, Any]]]) -> Presence:
    every = [item for items in kinds.values() for item in items]
    marks = next((labels for item in every if OWNER_MARK in (labels := _labels(item))), _labels(every[0]))
    owner = RunOwner.parse(marks.get(OWNER_MARK, ""))
    directory = marks.get(DIRECTORY_MARK)
    states = {state_of(_labels(item).get(OWNER_MARK)) for item in every if OWNER_MARK in _labels(item)}
    return Presence(
        runner="compose",
        name=Path(directory).name if directory else project,
        state=OwnerState.DEAD if states == {OwnerState.DEAD} else _liveliest(states),
        things=tuple(
            counted([str(item.get("Name", "")).lstrip("/") for item in items], kind) for kind, items in kinds.items()
        ),
        scenario=marks.get(SCENARIO_MARK),
        directory=directory,
        since=min(_times(every), default=None),
        owner=None if owner is None else owner.shown,
    )


def _liveliest(states: set[OwnerState]) -> OwnerState:
    return OwnerState.ALIVE if OwnerState.ALIVE in states else OwnerState.UNKNOWN


def _labels(item: Mapping[str, Any]) -> Mapping[str, str]:
    return (item.get("Config") or {}).get("Labels") or item.get("Labels") or {}


def _times(items: list[Mapping[str, Any]]) -> Iterator[float]:
    for item in items:
        text = str(item.get("Created") or item.get("CreatedAt") or "")
        try:
            # Docker tells nanoseconds, which Python does not read.
            yield datetime.fromisoformat(text[:19] + "+00:00").timestamp()
        except ValueError:
            continue
