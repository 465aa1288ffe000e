"""Balancer of connections: counts the connections to each subnetwork, and dials members where there are too few."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from nomos_node.da.sessions import SessionMembers, Sessions
from nomos_node.da.settings import ConnectionSettings
from nomos_node.da.swarm import DaSwarm, Direction
from nomos_node.network.errors import PeerUnreachable

_log = logging.getLogger("nomos_da_network")


@dataclass(frozen=True, slots=True)
class SubnetworkConnections:
    """Numbers of connections to the members of one subnetwork."""

    inbound: int = 0
    outbound: int = 0


class Balancer:
    """Keeps as many connections to each subnetwork as the settings ask for. ``rng`` draws the members to dial."""

    def __init__(self, swarm: DaSwarm, sessions: Sessions, settings: ConnectionSettings, rng: Random) -> None:
        self._swarm = swarm
        self._sessions = sessions
        self._settings = settings
        self._rng = rng

    def connections(self) -> Mapping[int, SubnetworkConnections]:
        """Return the connections by subnetwork, for subnetworks with a connected member."""
        members = self._sessions.current
        return {} if members is None else _counted(members, self._swarm.connected)

    async def run(self) -> None:
        """Dial missing peers, again and again. Returns at once if the settings turn it off."""
        while self._settings.interval > 0:
            missing = self.missing_peers()
            if missing:
                _log.debug("dialling %d members: %s", len(missing), ", ".join(sorted(missing)))
            await asyncio.gather(*(self._dial(peer) for peer in missing))
            await asyncio.sleep(self._settings.interval)

    def missing_peers(self) -> list[str]:
        """Draw the members to dial now."""
        members = self._sessions.current
        if members is None:
            return []
        missing: list[str] = []
        counted = _counted(members, self._swarm.connected)
        for subnetwork, peers in members.assignations().items():
            wanted = self._wanted(peers) - _total(counted.get(subnetwork, SubnetworkConnections()))
            strangers = [peer for peer in peers if self._is_dialable(peer) and peer not in missing]
            missing += self._rng.sample(strangers, min(len(strangers), max(wanted, 0)))
        return missing

    def _wanted(self, peers: list[str]) -> int:
        dispersal, replication = self._settings.min_dispersal_peers, self._settings.min_replication_peers
        return max(dispersal, replication) if self._swarm.peer_id in peers else dispersal

    def _is_dialable(self, peer: str) -> bool:
        return peer != self._swarm.peer_id and peer not in self._swarm.connected and peer not in self._swarm.blocked

    async def _dial(self, peer: str) -> None:
        try:
            await self._swarm.connect(peer)
        except PeerUnreachable as error:
            _log.debug("%s", error)


def _counted(members: SessionMembers, connected: Mapping[str, Direction]) -> dict[int, SubnetworkConnections]:
    counted: dict[int, SubnetworkConnections] = {}
    for subnetwork, peers in members.assignations().items():
        directions = [connected[peer] for peer in peers if peer in connected]
        if directions:
            inbound = directions.count(Direction.INBOUND)
            counted[subnetwork] = SubnetworkConnections(inbound, len(directions) - inbound)
    return counted


def _total(connections: SubnetworkConnections) -> int:
    return connections.inbound + connections.outbound
