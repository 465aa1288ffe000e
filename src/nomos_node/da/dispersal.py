"""Dispersal of a blob by an executor: encode it, announce it by a transaction, give its columns to the subnetworks.

Column ``i`` goes to one other member of subnetwork ``i``. If that fails, the next member is asked. Members replicate
the column among themselves. The executor also stores the columns of its own subnetworks. Columns that no member
accepted are sent again after a cool-down.

The transaction is signed with a key that everybody knows, whatever signer the request names. This is so at this
revision of the protocol.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from random import Random
from typing import Final

from nomos_core.da.dispersal_messages import ShareRequest
from nomos_core.da.encoding import EncodedBlob
from nomos_core.identifiers import BlobId, ChannelId, MsgId
from nomos_core.keys import Ed25519Key
from nomos_core.mantle.operations import ChannelBlob
from nomos_core.mantle.signing import Ed25519Signer, sign_transaction
from nomos_core.mantle.transactions import MantleTx, SignedMantleTx
from nomos_core.proofs.prover import Prover
from nomos_node.da.delivery import Delivery
from nomos_node.da.kzg import Kzg
from nomos_node.da.replication import Replication
from nomos_node.da.sessions import SessionMembers, Sessions
from nomos_node.da.settings import DispersalSettings
from nomos_node.da.swarm import DaSwarm
from nomos_node.da.verifier import Verifier
from nomos_node.telemetry.traces import NO_TRACES, OpenSpan, Tracer, about_blob
from nomos_node.time.monotonic import monotonic
from nomos_node.workers import Worker

_log = logging.getLogger("nomos_da_dispersal")
_LEAST_TIMEOUT: Final = 5.0
"""Least seconds of an attempt, however short the slots are: a lost connection is noticed after three seconds."""
_SIGNER = Ed25519Signer(Ed25519Key(bytes(32)))


class DispersalFailed(Exception):
    """Error: the blob is not dispersed. The message says what is missing."""


@dataclass(frozen=True, slots=True)
class BlobMessage:
    """Data that a client wants to publish in a channel."""

    channel: ChannelId
    parent: MsgId
    data: bytes


class Dispersal:
    """Disperses blobs. ``worker`` signs their transactions. ``rng`` draws the order in which members are asked."""

    def __init__(
        self,
        kzg: Kzg,
        swarm: DaSwarm,
        sessions: Sessions,
        *,
        verifier: Verifier,
        replication: Replication,
        prover: Prover,
        settings: DispersalSettings,
        worker: Worker,
        rng: Random,
        tracer: Tracer = NO_TRACES,
    ) -> None:
        self._kzg = kzg
        self._swarm = swarm
        self._sessions = sessions
        self._verifier = verifier
        self._replication = replication
        self._prover = prover
        self._settings = settings
        self._worker = worker
        self._rng = rng
        self._tracer = tracer

    async def disperse(self, message: BlobMessage) -> BlobId:
        """Disperse a blob.

        A block contains it later: after its members have published its transaction, and after it was sampled.

        Raises:
            EncodingError: the data is no blob.
            DispersalFailed: no session to disperse in, or members can't be reached or refuse.
            KzgParamsError, EncodingProcessFailed, ProofError, StorageError: this node can't do its part.
        """
        with self._tracer.span("blob.dispersal") as span:
            span.note(bytes=len(message.data), channel=message.channel.hex())
            return await self._disperse(message, self._session(), span)

    async def _disperse(self, message: BlobMessage, members: SessionMembers, span: OpenSpan) -> BlobId:
        began = monotonic()
        with self._tracer.span("blob.encoding"):
            blob = await self._kzg.encode(message.data)
        span.is_about(about_blob(blob.blob_id), origin=True)
        span.note(columns=blob.columns)
        encoded_in = (monotonic() - began) * 1000
        _log.debug("blob %s: encoded %d bytes in %.1f ms", blob.blob_id.hex(), len(message.data), encoded_in)
        transaction = await self._worker.run(self._transaction, message, blob.blob_id, members.session)
        _log.info("blob %s: dispersing %d columns", blob.blob_id.hex(), blob.columns)
        with self._tracer.span("blob.delivery"):
            await self._deliver(Delivery(blob, transaction, members, self._swarm, self._rng))
        await self._keep(blob, transaction, members)
        _log.info("blob %s: dispersed in %.2f s", blob.blob_id.hex(), monotonic() - began)
        return blob.blob_id

    def _session(self) -> SessionMembers:
        members = self._sessions.current
        if members is None:
            raise DispersalFailed("Current session info is not available")
        if not members.is_sufficient:
            raise DispersalFailed(f"session {members.session} has too few data availability providers")
        subnetworks = len(members.membership.subnetworks)
        if subnetworks < self._kzg.columns:
            raise DispersalFailed(f"a blob has {self._kzg.columns} columns, the session {subnetworks} subnetworks")
        return members

    def _transaction(self, message: BlobMessage, blob: BlobId, session: int) -> SignedMantleTx:
        operation = ChannelBlob(
            channel=message.channel,
            session=session,
            blob=blob,
            blob_size=len(message.data),
            da_storage_gas_price=0,
            parent=message.parent,
            signer=_SIGNER.key.public,
        )
        return sign_transaction(MantleTx((operation,)), operation_signers=(_SIGNER,), prover=self._prover)

    async def _deliver(self, delivery: Delivery) -> None:
        patience = max(self._settings.timeout, _LEAST_TIMEOUT)
        for attempt in range(self._settings.retries + 1):
            if attempt:
                await asyncio.sleep(self._settings.retry_cooldown)
                _log.warning("Retrying dispersal, attempt %d/%d...", attempt, self._settings.retries)
            try:
                async with asyncio.timeout(patience):
                    failures = await delivery.attempt()
            except TimeoutError:
                missing = delivery.missing_text()
                raise DispersalFailed(f"deadline has elapsed: within {patience:g} s no member took {missing}") from None
            if not failures:
                return
        _log.error("Dispersal failed after all retry attempts")
        raise DispersalFailed(f"Retry limit reached: no member took {delivery.missing_text()}: {failures[0]}")

    async def _keep(self, blob: EncodedBlob, transaction: SignedMantleTx, members: SessionMembers) -> None:
        """Store and replicate this node's own columns, as the other members do.

        This comes last, so that nothing is published that was not dispersed.
        """
        own = [number for number in members.subnetworks_of(self._swarm.peer_id) if number < blob.columns]
        for column in own:
            await self._verifier.take_share(blob.blob_id, blob.share(column))
            self._replication.pass_on(ShareRequest.of(blob.share(column)))
        if own:
            await self._verifier.take_transaction(transaction)
            self._replication.pass_on(transaction)
