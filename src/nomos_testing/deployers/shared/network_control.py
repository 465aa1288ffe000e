"""Cuts and impairs the links between nodes through the relay, and verifies that healed links work."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict

from nomos_testing.cluster.interfaces import NetworkControlError, NodeHandle
from nomos_testing.cluster.link_effects import LinkEffect
from nomos_testing.cluster.links import ALL_LINKS, Impairment, Link, Links, LinkVerification, links_across
from nomos_testing.cluster.network_events import NetworkImpaired, NetworkRestored, NetworkVerified
from nomos_testing.deployers.shared.errors import LaunchError
from nomos_testing.deployers.shared.link_verification import Scope, WholeNetwork
from nomos_testing.deployers.shared.relay_client import RelayClient
from nomos_testing.journal.journal import Journal
from nomos_testing.relay.proxy_sockets import NodeSockets
from nomos_testing.surroundings import monotonic
from nomos_testing.waiting.machine import Patience
from nomos_testing.waiting.waiting import WaitTimeout, wait_until

VERIFY_SLOTS = 20
"""How long links may take to be whole again. A lost peer is noticed after seconds and dialled every six at most."""
POLL_SECONDS = 0.1

_log = logging.getLogger(__name__)


class RelayNetworkControl:
    """A ``NetworkControl``."""

    def __init__(
        self,
        relay: RelayClient,
        nodes: Callable[[], Sequence[NodeHandle]],
        *,
        connected: Collection[frozenset[str]],
        answering: Callable[[], Collection[str]],
        journal: Journal,
        patience: Patience,
    ) -> None:
        """
        Args:
            nodes: all nodes of the cluster, at the moment it is asked.
            connected: the pairs of nodes that the layout connects.
            answering: names the nodes that can be expected to answer at the moment.
        """
        self._relay = relay
        self._nodes = nodes
        self._connected = set(connected)
        self._answering = answering
        self._journal = journal
        self._patience = patience
        self._active: dict[int, frozenset[Link]] = {}
        self._last_number = 0

    async def add(self, name: str, sockets: NodeSockets, *, dialled: Collection[str]) -> None:
        """Relay for a node that joins, and expect it to be connected with the nodes that it dials.

        What is in force already does not concern its links.
        """
        await self._relay.add(name, sockets)
        self._connected |= {frozenset((name, peer)) for peer in dialled}

    async def partition(self, groups: Sequence[Collection[str]], *, one_way: bool = False) -> Impairment:
        with _as_refusal():
            links = links_across(groups, self._names(), one_way=one_way)
        shown = (" > " if one_way else " | ").join(", ".join(sorted(group)) for group in groups)
        return await self._impair(f"partition {shown}", links, LinkEffect(cut=True))

    async def impair(self, effect: LinkEffect, links: Links = ALL_LINKS) -> Impairment:
        with _as_refusal():
            chosen = links.among(self._names())
        return await self._impair(f"{effect} on {links}", chosen, effect)

    async def lift(self, impairment: Impairment) -> None:
        if impairment.number not in self._active:
            return
        started = monotonic()
        done = await self._relay.lift([impairment.number])
        self._active.pop(impairment.number, None)
        self._journal.write(NetworkRestored(numbers=(impairment.number,), seconds=round(done - started, 6)))

    async def verify(self, *, timeout: float | None = None) -> LinkVerification:
        started = monotonic()
        seconds = self._patience.slots(VERIFY_SLOTS) if timeout is None else timeout
        reason = None
        _log.debug("looking whether every link is whole, no longer than %g s", seconds)
        try:
            network = WholeNetwork(self._relay, self._nodes, self._connected, before=await self._relay.counters())
            await wait_until("whole links", lambda: network.look(self._scope()), timeout=seconds, poll=POLL_SECONDS)
        except WaitTimeout as error:
            reason = f"not whole after {seconds:g} s: {error.last_seen}"
        except (LaunchError, NetworkControlError, OSError) as error:
            reason = str(error)
        return self._verified(reason, monotonic() - started)

    async def heal(self) -> LinkVerification:
        started = monotonic()
        try:
            done = await self._relay.clear()
        except NetworkControlError as error:
            return self._verified(str(error), monotonic() - started)
        if self._active:
            self._journal.write(NetworkRestored(numbers=tuple(sorted(self._active)), seconds=round(done - started, 6)))
            self._active.clear()
        return await self.verify()

    async def _impair(self, description: str, links: frozenset[Link], effect: LinkEffect) -> Impairment:
        started = monotonic()
        self._last_number = number = self._last_number + 1
        self._active[number] = links  # before the request, so that one that was interrupted is healed too
        since = await self._relay.impose(number, links, effect)
        shown = tuple(sorted(map(str, links)))
        event = NetworkImpaired(number=number, description=description, links=shown, seconds=round(since - started, 6))
        self._journal.write(event)
        return Impairment(number, description, since)

    def _names(self) -> list[str]:
        return [node.name for node in self._nodes()]

    def _scope(self) -> Scope:
        impaired = frozenset(link for links in self._active.values() for link in links)
        return Scope(frozenset(self._answering()), impaired)

    def _verified(self, reason: str | None, seconds: float) -> LinkVerification:
        verification = LinkVerification(
            verified=reason is None,
            seconds=round(seconds, 6),
            reason=reason,
            left_out=self._scope().left_out(self._names()),
        )
        self._journal.write(NetworkVerified(**asdict(verification)))
        return verification


@contextmanager
def _as_refusal() -> Iterator[None]:
    """Turn the ``ValueError`` of a bad argument into an error of the control."""
    try:
        yield
    except ValueError as error:
        raise NetworkControlError(str(error)) from None
