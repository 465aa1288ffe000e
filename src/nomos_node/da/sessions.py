"""Sessions of data availability: the members of each session, and their addresses.

The members of a session follow from the providers in the ledger of the last irreversible block and from the members of
the session before. They are kept on disk, for a restart and for blobs of the past. The peer id of a provider is that of
its key. Its address is its first locator.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from nomos_core.da.membership import Membership, MembershipError, next_membership
from nomos_core.identifiers import Ed25519PublicKey
from nomos_core.keys import peer_id
from nomos_core.ledger.state import LedgerState
from nomos_core.mantle.operations import ServiceType
from nomos_node.chain.chain import Chain
from nomos_node.da.settings import MembershipSettings
from nomos_node.storage.database import Database

_log = logging.getLogger("nomos_da_network")


@dataclass(frozen=True, slots=True)
class SessionMembers:
    """Members of a session, by peer id."""

    membership: Membership
    addresses: Mapping[str, str]

    @property
    def session(self) -> int:
        return self.membership.session

    @property
    def is_sufficient(self) -> bool:
        return self.membership.is_sufficient

    def members_of(self, subnetwork: int) -> list[str]:
        """Return the members of a subnetwork in the order of their keys. Empty for a subnetwork that does not exist."""
        subnetworks = self.membership.subnetworks
        return _peer_ids(subnetworks[subnetwork]) if subnetwork < len(subnetworks) else []

    def subnetworks_of(self, peer: str) -> tuple[int, ...]:
        numbers = range(len(self.membership.subnetworks))
        return tuple(number for number in numbers if peer in self.members_of(number))

    def assignations(self) -> dict[int, list[str]]:
        """Return the members by subnetwork. Empty for a session without enough providers."""
        if not self.is_sufficient:
            return {}
        return {number: self.members_of(number) for number in range(len(self.membership.subnetworks))}


class Sessions:
    """Sessions that the node knows."""

    def __init__(self, settings: MembershipSettings, database: Database, chain: Chain) -> None:
        """
        Raises:
            StorageError: the database failed.
        """
        self._settings = settings
        self._database = database
        self._chain = chain
        self._known = self._stored()

    @property
    def current(self) -> SessionMembers | None:
        """Newest session. None before the first look at the chain."""
        return self._known[max(self._known)] if self._known else None

    def members(self, session: int) -> SessionMembers | None:
        return self._known.get(session)

    def address_of(self, peer: str) -> str | None:
        """Return the address of a member of this or an earlier session. The last declared one counts."""
        for session in sorted(self._known, reverse=True):
            if address := self._known[session].addresses.get(peer):
                return address
        return None

    async def run(self) -> None:
        """Follow the chain. Ends with it.

        Raises:
            StorageError: the database failed.
        """
        async with self._chain.lib_updates.subscribe() as updates:
            await self.follow()
            async for _ in updates:
                await self.follow()

    async def follow(self) -> None:
        """Look at the ledger of the last irreversible block. Form the members of its session if that is new."""
        state = self._chain.state(self._chain.lib.id)
        assert state is not None, "the chain keeps the ledger of its last irreversible block"
        session = state.sdp.services[ServiceType.DATA_AVAILABILITY].active.number
        if self.current is None or session > self.current.session:
            await self._form(session, state)

    async def _form(self, session: int, state: LedgerState) -> None:
        members = self._next(session, state)
        self._known[session] = members
        text = _to_json(members)
        await self._database.run(
            lambda connection: connection.execute("INSERT OR REPLACE INTO da_sessions VALUES (?, ?)", (session, text))
        )
        if members.is_sufficient:
            _log.info("session %d has %d members", session, len(members.membership.members))
        else:
            _log.warning("session %d has too few providers: no blob can be dispersed or sampled", session)

    def _next(self, session: int, state: LedgerState) -> SessionMembers:
        settings = self._settings
        providers = state.active_providers(ServiceType.DATA_AVAILABILITY)
        none = Membership.empty(settings.subnetworks, settings.replication_factor, session)
        previous = self.current.membership if self.current else none
        try:
            membership = next_membership(previous, session, providers, settings.min_members)
        except MembershipError as error:
            _log.error("%s", error)
            membership = none
        addresses = {
            peer_id(provider): info.locators[0]
            for provider, info in providers.items()
            if provider in membership.members and info.locators
        }
        return SessionMembers(membership, addresses)

    def _stored(self) -> dict[int, SessionMembers]:
        def work(connection: sqlite3.Connection) -> list[tuple[int, str]]:
            return connection.execute("SELECT session, members FROM da_sessions").fetchall()

        return {
            session: _from_json(session, self._settings.replication_factor, text)
            for session, text in self._database.run_blocking(work)
        }


def _peer_ids(members: Iterable[Ed25519PublicKey]) -> list[str]:
    return [peer_id(member) for member in sorted(members)]


def _to_json(members: SessionMembers) -> str:
    subnetworks = [[key.hex() for key in sorted(keys)] for keys in members.membership.subnetworks]
    return json.dumps({"subnetworks": subnetworks, "addresses": dict(members.addresses)})


def _from_json(session: int, replication_factor: int, text: str) -> SessionMembers:
    stored = json.loads(text)
    subnetworks = tuple(
        frozenset(Ed25519PublicKey(bytes.fromhex(key)) for key in keys) for keys in stored["subnetworks"]
    )
    return SessionMembers(Membership(session, replication_factor, subnetworks), stored["addresses"])
