"""Sampling: a blob is sampled while its transaction waits in the mempool. Blocks may contain it after enough good
samples.

Sampling starts some time after the transaction arrived. It draws subnetworks of the blob's session and asks one after
the other for its column, until enough samples were good. A blob that fails is tried again until its time is over. Each
attempt asks the same subnetworks: otherwise a withheld column could be avoided by drawing again.

A subnetwork whose column does not exist ends sampling at once: the session has more subnetworks than a blob has
columns, and nobody will ever serve the share. Blobs of downloaded blocks are sampled at once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence, Set
from random import Random
from typing import Final

from nomos_core.cryptarchia.block import Block
from nomos_core.identifiers import BlobId
from nomos_core.mantle.operations import ChannelBlob
from nomos_core.mantle.transactions import SignedMantleTx
from nomos_node.da.sampling_client import SampleMissing, SamplingClient, SamplingFailure, UnknownSession
from nomos_node.da.sessions import SessionMembers, Sessions
from nomos_node.da.settings import SamplingSettings
from nomos_node.da.tasks import TaskSet
from nomos_node.mempool.mempool import Mempool
from nomos_node.telemetry.traces import NO_TRACES, Tracer, about_blob
from nomos_node.time.monotonic import monotonic

_log = logging.getLogger("nomos_da_sampling")
HISTORIC_PATIENCE: Final = 30.0
"""Seconds to sample the blobs of a downloaded block."""
_REMEMBERED: Final = 65_536
_RIPENING: Final = 0.25
"""Part of the sampling delay. A proposer waits so much longer after its own sampling, because other nodes sample later.
"""
_LOT_BITS: Final = 64


class NoSuchColumn(Exception):
    """Error: a drawn subnetwork has a number that is no column of a blob. Asking again is useless."""


class Sampler:
    """Implementation of ``BlobSampling`` for a node with data availability. ``rng`` draws the subnetworks."""

    def __init__(
        self,
        client: SamplingClient,
        sessions: Sessions,
        mempool: Mempool,
        *,
        columns: int,
        settings: SamplingSettings,
        rng: Random,
        tracer: Tracer = NO_TRACES,
    ) -> None:
        self._client = client
        self._sessions = sessions
        self._mempool = mempool
        self._columns = columns
        self._settings = settings
        self._rng = rng
        self._tracer = tracer
        self._sampled: dict[BlobId, float] = {}
        """Times of sampling, by the monotonic clock, oldest first."""
        self._pending: set[BlobId] = set()
        self._tasks = TaskSet()

    async def close(self) -> None:
        await self._tasks.close()

    async def run(self) -> None:
        """Sample the blobs of all transactions in the mempool. Ends with the mempool."""
        async with self._mempool.new_transactions.subscribe() as arrivals:
            for pending in self._mempool.pending():
                self._schedule(pending.transaction)
            async for arrived in arrivals:
                self._schedule(arrived.transaction)

    def validated_blobs(self) -> Set[BlobId]:
        return self._sampled.keys()

    def proposable_blobs(self) -> Set[BlobId]:
        ripe = monotonic() - _RIPENING * self._settings.delay
        return {blob for blob, sampled in self._sampled.items() if sampled <= ripe}

    async def samples_all(self, block: Block, blobs: Set[BlobId]) -> bool:
        return await self.sample_now(dict(_sessions_of(block.transactions)))

    def mark_in_block(self, blobs: Set[BlobId]) -> None:
        """Do nothing: another fork may contain the blobs too, so they stay known as sampled."""

    async def sample_now(self, sessions: Mapping[BlobId, int]) -> bool:
        """Sample these blobs, each with its session. Return whether all of them are available."""
        wanted = {blob: session for blob, session in sessions.items() if blob not in self._sampled}
        try:
            async with asyncio.timeout(HISTORIC_PATIENCE):
                outcomes = await asyncio.gather(*(self._try_now(*item) for item in wanted.items()))
        except TimeoutError:
            _log.warning("sampling %d blobs took longer than %g s", len(wanted), HISTORIC_PATIENCE)
            return False
        return all(outcomes)

    async def commitments(self, blob: BlobId, session: int) -> tuple[bytes, ...]:
        """Return the row commitments of a blob.

        Raises:
            SampleMissing: nobody has them.
            UnknownSession: the session has not begun, or is of another chain.
        """
        return await self._client.commitments(blob, self._members(session))

    def _schedule(self, transaction: SignedMantleTx) -> None:
        for blob, session in _sessions_of([transaction]):
            if blob not in self._sampled and blob not in self._pending:
                _log.debug("blob_id %s is to be sampled in %g s", blob.hex(), self._settings.delay)
                self._pending.add(blob)
                self._tasks.spawn(self._sample_in_time(blob, session))

    async def _sample_in_time(self, blob: BlobId, session: int) -> None:
        await asyncio.sleep(self._settings.delay)
        deadline = monotonic() + self._settings.validity
        lot = self._new_lot()
        try:
            while not await self._succeeds(blob, session, lot):
                if monotonic() + self._settings.retry_interval > deadline:
                    _log.error("blob_id %s could not be sampled and is given up", blob.hex())
                    return
                await asyncio.sleep(self._settings.retry_interval)
        except NoSuchColumn as error:
            _log.error("blob_id %s could not be sampled and is given up: %s", blob.hex(), error)
        finally:
            self._pending.discard(blob)

    async def _try_now(self, blob: BlobId, session: int) -> bool:
        try:
            return await self._succeeds(blob, session, self._new_lot())
        except NoSuchColumn as error:
            _log.warning("blob_id %s was not sampled: %s", blob.hex(), error)
            return False

    async def _succeeds(self, blob: BlobId, session: int, lot: int) -> bool:
        """Try to sample a blob with the subnetworks of a lot. Return whether it succeeded.

        Raises:
            NoSuchColumn: it can't ever succeed with this lot.
        """
        try:
            with self._tracer.span("blob.sampling", about_blob(blob)) as span:
                span.note(session=session, samples=self._settings.samples)
                await self._sample(blob, session, lot)
        except SamplingFailure as error:
            _log.warning("blob_id %s was not sampled: %s", blob.hex(), error)
            return False
        self._remember(blob)
        _log.info("blob_id %s has been successfully sampled", blob.hex())
        return True

    async def _sample(self, blob: BlobId, session: int, lot: int) -> None:
        members = self._members(session)
        columns = self._drawn(members, lot)
        _log.debug("blob_id %s: %d samples of subnetworks %s", blob.hex(), self._settings.samples, columns)
        commitments = await self._client.commitments(blob, members)
        wanted = self._settings.samples
        spare = len(columns) - wanted
        for column in columns:
            try:
                await self._client.share(blob, column, commitments, members)
            except SampleMissing as error:
                if not spare:
                    raise
                spare -= 1
                _log.debug("blob_id %s: %s; another subnetwork is asked", blob.hex(), error)
                continue
            _log.info("subnet %d for blob id %s has been successfully sampled", column, blob.hex())
            wanted -= 1
            if not wanted:
                return

    def _members(self, session: int) -> SessionMembers:
        members = self._sessions.members(session)
        if members is None:
            raise UnknownSession(f"session {session} is not one that this node knows")
        if not members.is_sufficient:
            raise SampleMissing(f"session {session} has too few members")
        return members

    def _drawn(self, members: SessionMembers, lot: int) -> Sequence[int]:
        subnetworks = range(len(members.membership.subnetworks))
        if len(subnetworks) < self._settings.samples:
            raise SampleMissing(
                f"{self._settings.samples} samples are needed, there are {len(subnetworks)} subnetworks"
            )
        drawn = Random(lot).sample(subnetworks, min(self._settings.subnetworks, len(subnetworks)))
        if any(each >= self._columns for each in drawn):
            raise NoSuchColumn(
                f"share {max(drawn)}: Share not found: blobs have {self._columns} columns, session {members.session} "
                f"{len(subnetworks)} subnetworks (da_network.membership.subnetwork_size)"
            )
        return drawn

    def _remember(self, blob: BlobId) -> None:
        self._sampled[blob] = monotonic()
        if len(self._sampled) > _REMEMBERED:
            del self._sampled[next(iter(self._sampled))]

    def _new_lot(self) -> int:
        """Draw a lot. Equal lots give equal subnetworks."""
        return self._rng.getrandbits(_LOT_BITS)


def _sessions_of(transactions: Iterable[SignedMantleTx]) -> Iterable[tuple[BlobId, int]]:
    for transaction in transactions:
        for operation in transaction.mantle_tx.operations:
            if isinstance(operation, ChannelBlob):
                yield operation.blob, operation.session
