"""Sessions: members from the ledger, kept over a restart, and followed as the chain goes on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from nomos_core.ledger.config import ServiceParameters
from nomos_core.mantle.operations import ServiceType
from nomos_node.chain.rules import LedgerRules
from nomos_node.da.sessions import Sessions
from nomos_node.da.settings import MembershipSettings
from nomos_node.storage.database import Database
from support.inputs.chain_making import TestNode, grow, rules
from support.processes.da_members import da_genesis, identity

PORTS = (40_001, 40_002, 40_003)
SETTINGS = MembershipSettings(subnetworks=3, replication_factor=2, min_members=1)


def short_sessions() -> LedgerRules:
    """Of four blocks each, with k = 1."""
    parameters = ServiceParameters(session_duration=4, lock_period=10, inactivity_period=20, retention_period=100)
    long = rules(security_param=1)
    services = {ServiceType.BLEND: parameters, ServiceType.DATA_AVAILABILITY: parameters}
    return replace(long, config=replace(long.config, services=services))


@pytest.fixture
async def node() -> AsyncIterator[TestNode]:
    node = TestNode(genesis=da_genesis(PORTS), ledger_rules=short_sessions())
    yield node
    node.close()


async def followed(node: TestNode, settings: MembershipSettings = SETTINGS) -> Sessions:
    sessions = Sessions(settings, node.database, node.chain)
    await sessions.follow()
    return sessions


async def test_the_first_session_has_the_providers_of_genesis(node: TestNode) -> None:
    sessions = await followed(node)
    current = sessions.current
    assert current is not None
    assert current is sessions.members(0)
    peers = {identity(number).peer_id: port for number, port in enumerate(PORTS)}
    assert dict(current.addresses) == {peer: f"/ip4/127.0.0.1/udp/{port}/quic-v1" for peer, port in peers.items()}
    assignations = current.assignations()
    assert list(assignations) == [0, 1, 2]
    for number, members in assignations.items():
        assert len(members) >= 2
        assert all(number in current.subnetworks_of(peer) for peer in members)
    assert current.members_of(3) == []
    assert sessions.members(1) is None
    assert sessions.address_of(identity(9).peer_id) is None


async def test_sessions_follow_the_irreversible_chain(node: TestNode) -> None:
    sessions = await followed(node)
    await node.chain.go_online()
    await grow(node.chain, range(1, 9))
    await sessions.follow()
    current = sessions.current
    assert current is not None
    assert current.session == 1
    first = sessions.members(0)
    assert first is not None
    assert current.assignations() == first.assignations(), "the same providers keep their places"


async def test_what_was_formed_survives_a_restart(node: TestNode) -> None:
    before = (await followed(node)).current
    again = Sessions(SETTINGS, node.database, node.chain)
    assert again.current == before
    await again.follow()
    assert again.current == before


@pytest.mark.parametrize("settings", [replace(SETTINGS, min_members=4), replace(SETTINGS, replication_factor=4)])
async def test_too_few_providers_make_no_membership(
    node: TestNode, settings: MembershipSettings, caplog: pytest.LogCaptureFixture
) -> None:
    sessions = await followed(node, settings)
    current = sessions.current
    assert current is not None
    assert not current.is_sufficient
    assert current.assignations() == {}
    assert current.addresses == {}
    assert "session 0 has too few providers" in caplog.text


async def test_a_network_without_providers(node: TestNode) -> None:
    empty = TestNode(database=Database.in_memory())
    current = (await followed(empty)).current
    assert current is not None
    assert not current.is_sufficient
    empty.close()
