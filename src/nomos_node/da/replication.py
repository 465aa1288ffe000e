"""Replication: members pass verified messages on to each other, each message once.

A share goes to the other members of its subnetwork. A transaction goes to all connected peers and to all neighbours:
the members of this node's subnetworks. Shares are accepted only from neighbours. Refused messages are not passed on.
Streams stay open, and messages on them are not answered.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable

from nomos_core.da.dispersal_messages import (
    REPLICATION_PROTOCOL,
    Request,
    ShareRequest,
    replication_id,
    request_from_wire,
    request_to_wire,
)
from nomos_core.da.kzg_params import KzgParamsError
from nomos_node.da.kzg import Kzg
from nomos_node.da.peer_failures import Exchange
from nomos_node.da.sessions import Sessions
from nomos_node.da.settings import ReplicationSettings
from nomos_node.da.swarm import DaSwarm
from nomos_node.da.tasks import TaskSet
from nomos_node.da.verifier import TransactionRefused, Verifier
from nomos_node.network.errors import NetworkClosed, NetworkError
from nomos_node.network.peer_network import FrameStream
from nomos_node.time.monotonic import monotonic

_log = logging.getLogger("nomos_da_network")
_WAITING_LIMIT = 1000
_ATTEMPTS = 2


class SeenMessages:
    """Messages that were passed on lately. The time counts from the last arrival."""

    def __init__(self, settings: ReplicationSettings, clock: Callable[[], float] = monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self._last_met: OrderedDict[bytes, float] = OrderedDict()

    def meet(self, message: bytes) -> bool:
        """Note a message. Return whether it is new."""
        now = self._clock()
        met = self._last_met.pop(message, None)
        self._last_met[message] = now
        if len(self._last_met) > self._settings.seen_limit:
            self._last_met.popitem(last=False)
        return met is None or now - met > self._settings.seen_seconds


class Replication:
    """Replication of one node."""

    def __init__(
        self, swarm: DaSwarm, sessions: Sessions, verifier: Verifier, kzg: Kzg, settings: ReplicationSettings
    ) -> None:
        self._swarm = swarm
        self._sessions = sessions
        self._verifier = verifier
        self._kzg = kzg
        self._seen = SeenMessages(settings)
        self._outboxes: dict[str, _Outbox] = {}
        self._tasks = TaskSet()

    async def close(self) -> None:
        await self._tasks.close()

    def pass_on(self, request: Request, *, source: str | None = None) -> None:
        """Send a verified message in the background to those who need it, except ``source``, which has it already."""
        if not self._seen.meet(replication_id(request)):
            return
        receivers = [peer for peer in self._interested(request) if peer not in {source, self._swarm.peer_id}]
        if receivers:
            frame = request_to_wire(request)
            _log.debug("passing a message of %d bytes on to %d members", len(frame), len(receivers))
            for peer in receivers:
                self._outbox(peer).put(frame)

    async def serve(self, stream: FrameStream) -> None:
        """Take in the messages of a peer until it ends the stream.

        Raises:
            StreamBroken: the connection was lost.
        """
        while (frame := await stream.read_frame()) is not None:
            try:
                request = await self._kzg.compute(request_from_wire, frame)
                await self._take(request, stream.peer_id)
            except (ValueError, TransactionRefused, KzgParamsError) as error:
                _log.warning("refused a message of peer %s: %s", stream.peer_id, error)

    async def _take(self, request: Request, peer: str) -> None:
        if isinstance(request, ShareRequest):
            self._check_neighbour(peer)
            check_subnetwork(request)
            await self._verifier.take_share(request.blob_id, request.share)
        else:
            await self._verifier.take_transaction(request)
        self.pass_on(request, source=peer)

    def _check_neighbour(self, peer: str) -> None:
        current = self._sessions.current
        if current is None or not set(current.subnetworks_of(peer)) & set(current.subnetworks_of(self._swarm.peer_id)):
            raise ValueError("shares are taken from members of this node's subnetworks only")

    def _interested(self, request: Request) -> list[str]:
        """Return the peers that need a message, in the order in which they get it."""
        members = self._sessions.current
        if members is None:
            return []
        if isinstance(request, ShareRequest):
            return members.members_of(request.subnetwork)
        own = [number for number in members.subnetworks_of(self._swarm.peer_id) if number < self._kzg.columns]
        neighbours = (peer for number in own for peer in members.members_of(number))
        return list(dict.fromkeys((*self._swarm.connected, *neighbours)))

    def _outbox(self, peer: str) -> _Outbox:
        if peer not in self._outboxes:
            self._outboxes[peer] = _Outbox(peer, self._swarm)
            self._tasks.spawn(self._outboxes[peer].run())
        return self._outboxes[peer]


class _Outbox:
    """Messages for one peer, on one stream."""

    def __init__(self, peer: str, swarm: DaSwarm) -> None:
        self._peer = peer
        self._swarm = swarm
        self._waiting: asyncio.Queue[bytes] = asyncio.Queue(_WAITING_LIMIT)
        self._stream: FrameStream | None = None

    def put(self, frame: bytes) -> None:
        if self._waiting.full():
            _log.warning("peer %s takes no replicas: dropping one", self._peer)
            return
        self._waiting.put_nowait(frame)

    async def run(self) -> None:
        """Send messages for ever."""
        while True:
            frame = await self._waiting.get()
            try:
                await self._send(frame)
            except NetworkClosed:
                return
            except NetworkError as error:
                _log.debug("no replica for peer %s: %s", self._peer, error)
                await self._swarm.record_failure(self._peer, Exchange.REPLICATION, error)

    async def _send(self, frame: bytes) -> None:
        """Send a message. If the stream of the last message is broken, try a new one."""
        for attempt in range(_ATTEMPTS):
            try:
                if self._stream is None:
                    self._stream = await self._swarm.open_stream(self._peer, REPLICATION_PROTOCOL)
                await self._stream.write_frame(frame)
                return
            except NetworkError:
                self._stream = None
                if attempt == _ATTEMPTS - 1:
                    raise


def check_subnetwork(request: ShareRequest) -> None:
    """Check that a share belongs to the subnetwork of the request.

    Raises:
        ValueError: the share is not that of its subnetwork.
    """
    if request.subnetwork != request.share.light.share_idx:
        raise ValueError(
            f"share {request.share.light.share_idx} belongs to the subnetwork of the same number, "
            f"not to {request.subnetwork}"
        )
