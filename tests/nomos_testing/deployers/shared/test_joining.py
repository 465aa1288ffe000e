"""Indices and positions of nodes that join, and the addresses that follow from them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from nomos_core.proofs.development import DevelopmentProver
from nomos_testing import ScenarioBuilder
from nomos_testing.cluster.interfaces import NodeControlError
from nomos_testing.cluster.roles import Role
from nomos_testing.deployers.local.planning import plan_network
from nomos_testing.deployers.shared.joining import JoiningNodes
from nomos_testing.runtime.run_directory import RunDirectory
from nomos_testing.settings import Settings
from nomos_testing.topology import TopologySpec

SPEC = TopologySpec(validators=2, executors=1)


class Places:
    """Takes note of the places that were asked for, and fails where it is told to."""

    def __init__(self, failing: Role | None = None) -> None:
        self.asked: list[tuple[Role, int, int]] = []
        self._failing = failing

    async def make(self, role: Role, index: int, position: int) -> tuple[Any, None]:
        self.asked.append((role, index, position))
        await asyncio.sleep(0)
        if role is self._failing:
            raise NodeControlError("no room")
        return object(), None


async def test_nodes_that_join_at_once_get_places_of_their_own() -> None:
    places = Places()
    joining = JoiningNodes(SPEC, places.make)
    made = await asyncio.gather(joining(Role.VALIDATOR), joining(Role.EXECUTOR), joining(Role.VALIDATOR))
    assert places.asked == [(Role.VALIDATOR, 2, 3), (Role.EXECUTOR, 1, 4), (Role.VALIDATOR, 3, 5)]
    assert {node.dialled for node in made} == {("validator-0", "validator-1", "executor-0")}


async def test_the_position_of_a_node_that_could_not_be_made_is_not_given_again() -> None:
    places = Places(failing=Role.EXECUTOR)
    joining = JoiningNodes(SPEC, places.make)
    with pytest.raises(NodeControlError, match="no room"):
        await joining(Role.EXECUTOR)
    await joining(Role.VALIDATOR)
    assert places.asked == [(Role.EXECUTOR, 1, 3), (Role.VALIDATOR, 2, 4)]


def test_the_address_of_a_node_that_joins_follows_from_its_position_alone(tmp_path: Path) -> None:
    """Directories of the run say nothing about addresses: others may have made some, or removed some."""
    scenario = ScenarioBuilder.topology(validators=2).enable_network_control().run_for(slots=2).build()
    directory = RunDirectory.create(tmp_path, "x")
    planned = plan_network(scenario, directory, Settings(), DevelopmentProver())
    planned.release_ports()
    (directory.path / "somebody-elses").mkdir()
    assert planned.join is not None
    sockets = [node.sockets for node in (*planned.blueprints, planned.join(Role.VALIDATOR, 2, 2))]
    hosts = [each.host for each in sockets if each is not None]
    assert hosts == ["127.0.1.1", "127.0.1.2", "127.0.1.3"]
