"""The waiting room: who is answered when, and with what."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from nomos_core.proofs.development import DevelopmentProver
from nomos_testing.cfgsync.network import network_of
from nomos_testing.cfgsync.registration import Registration
from nomos_testing.cfgsync.registry import ALL_CAME, TIMED_OUT, NotAllAnnounced, Registry, UnknownHostError
from nomos_testing.cfgsync.settings import CfgsyncConfig
from nomos_testing.cluster.roles import Role
from nomos_testing.topology import GeneratedTopology

CONFIG = CfgsyncConfig(n_hosts=2)
FIRST = Registration(role=Role.VALIDATOR, ip="10.0.0.1", identifier="validator-0")
SECOND = Registration(role=Role.EXECUTOR, ip="10.0.0.2", identifier="executor-0")
LONG = 600.0


class Room:
    """A registry, the lines it said, and how often it made a network."""

    def __init__(self, timeout: float = LONG, failure: Exception | None = None) -> None:
        self.said: list[str] = []
        self.made = 0
        self._failure = failure
        self.registry = Registry(CONFIG.n_hosts, timeout, self._make, self.said.append)

    def _make(self, hosts: Sequence[Registration]) -> GeneratedTopology:
        self.made += 1
        if self._failure is not None:
            raise self._failure
        return network_of(CONFIG, hosts, prover=DevelopmentProver())

    async def announce(self, host: Registration) -> asyncio.Task[str]:
        """Returns when the host is waiting; the task's result is the configuration it gets."""
        task = asyncio.create_task(self._configuration(host))
        await asyncio.sleep(0)
        return task

    async def _configuration(self, host: Registration) -> str:
        _, node = await self.registry.configuration(host)
        return f"{node.name} {node.config_yaml()}"

    async def complete(self) -> tuple[str, str]:
        first, second = [await self.announce(host) for host in (FIRST, SECOND)]
        return await first, await second


async def test_all_are_answered_when_the_last_has_come() -> None:
    room = Room()
    waiting = await room.announce(SECOND)
    assert not waiting.done()
    first, second = await (await room.announce(FIRST)), await waiting
    assert (first.split()[0], second.split()[0]) == ("validator-0", "executor-0")
    assert "/ip4/10.0.0.1/udp/3000" in second
    assert room.said[-1] == ALL_CAME
    assert room.made == 1


@pytest.mark.parametrize("host", [FIRST, replace(FIRST, ip="10.0.0.77", network_port=3007)])
async def test_who_asks_again_gets_the_same(host: Registration) -> None:
    room = Room()
    first, _ = await room.complete()
    assert await (await room.announce(host)) == first
    assert room.made == 1


async def test_who_asks_twice_while_others_are_missing_is_one_host() -> None:
    room = Room()
    twice = [await room.announce(FIRST), await room.announce(FIRST)]
    assert not any(task.done() for task in twice)
    await room.announce(SECOND)
    assert len({await task for task in twice}) == 1


async def test_hosts_of_one_name_that_both_wait_are_two() -> None:
    room = Room()
    twins = [
        await room.announce(replace(FIRST, ip=ip, identifier="unidentified-node")) for ip in ("10.0.0.1", "10.0.0.2")
    ]
    assert {(await task).split()[0] for task in twins} == {"validator-0", "validator-1"}


async def test_a_container_that_came_back_with_another_address_is_one_host() -> None:
    room = Room()
    gone = await room.announce(FIRST)
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    back = await room.announce(replace(FIRST, ip="10.0.0.9"))
    assert not back.done()
    second = await (await room.announce(SECOND))
    assert "/ip4/10.0.0.9/udp/3000" in second
    assert (await back).startswith("validator-0")


async def test_a_stranger_is_told_that_the_network_is_complete() -> None:
    room = Room()
    await room.complete()
    for stranger in (replace(FIRST, identifier="validator-1"), replace(SECOND, role=Role.VALIDATOR)):
        with pytest.raises(UnknownHostError, match=r"complete without .*: validator-0 at 10\.0\.0\.1, executor-0 at"):
            await room.registry.configuration(stranger)


async def test_when_the_time_is_over_all_that_wait_are_turned_away() -> None:
    room = Room(timeout=0.05)
    tasks = [await room.announce(FIRST), await room.announce(FIRST)]
    for task in tasks:
        with pytest.raises(NotAllAnnounced):
            await task
    assert room.said.count(TIMED_OUT) == 1
    assert room.said[-1] == "1 of 2 hosts announced themselves: validator-0 at 10.0.0.1"
    with pytest.raises(NotAllAnnounced):
        await room.registry.configuration(FIRST)


async def test_the_last_may_come_after_the_time() -> None:
    room = Room(timeout=0)
    with pytest.raises(NotAllAnnounced):
        await room.registry.configuration(FIRST)
    assert (await (await room.announce(SECOND))).startswith("executor-0")
    assert (await (await room.announce(FIRST))).startswith("validator-0")


async def test_a_network_that_cannot_be_made_is_told_to_all() -> None:
    room = Room(failure=ValueError("no such network"))
    tasks = [await room.announce(host) for host in (FIRST, SECOND, FIRST)]
    for task in tasks:
        with pytest.raises(ValueError, match="no such network"):
            await task
    assert room.made == 1
    assert room.said[-1] == "Error: no network could be made: no such network"


async def test_a_deployer_waits_like_a_host() -> None:
    room = Room()
    asking = asyncio.create_task(room.registry.network())
    await asyncio.sleep(0)
    assert not asking.done()
    await room.complete()
    assert [node.name for node in (await asking).nodes] == ["validator-0", "executor-0"]
    assert room.registry.hosts == (FIRST, SECOND)
