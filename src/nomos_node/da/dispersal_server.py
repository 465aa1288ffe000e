"""Server of dispersal: a member verifies, stores, answers and replicates what an executor sends."""

from __future__ import annotations

import logging

from nomos_core.da.dispersal_messages import (
    DispersalError,
    DispersalErrorKind,
    DispersalResponse,
    Request,
    ShareAccepted,
    ShareRequest,
    TxAccepted,
    blob_id_of_request,
    request_from_wire,
    response_to_wire,
)
from nomos_core.da.kzg_params import KzgParamsError
from nomos_core.da.verification import InvalidShare
from nomos_core.identifiers import BlobId
from nomos_core.mantle.transactions import SignedMantleTx
from nomos_node.da.kzg import Kzg
from nomos_node.da.replication import Replication, check_subnetwork
from nomos_node.da.verifier import TransactionRefused, Verifier
from nomos_node.network.peer_network import FrameStream
from nomos_node.telemetry.levels import TRACE

_log = logging.getLogger("nomos_da_verifier")
_NO_BLOB = BlobId(bytes(32))


class DispersalServer:
    """Member's side of dispersal."""

    def __init__(self, kzg: Kzg, verifier: Verifier, replication: Replication) -> None:
        self._kzg = kzg
        self._verifier = verifier
        self._replication = replication

    async def serve(self, stream: FrameStream) -> None:
        """Answer the requests of a stream one after the other, until its end or until a request that can't be read.

        Raises:
            StreamBroken: the connection was lost.
            StorageError: the database failed.
        """
        while (frame := await stream.read_frame()) is not None:
            _log.log(TRACE, "dispersal in: %d bytes from peer %s", len(frame), stream.peer_id)
            try:
                request = await self._kzg.compute(request_from_wire, frame)
            except ValueError as error:
                _log.warning("peer %s sent no dispersal request: %s", stream.peer_id, error)
                await stream.write_frame(response_to_wire(_refusal(None, DispersalErrorKind.CHUNK_SIZE, error)))
                return
            await stream.write_frame(response_to_wire(await self.take(request, stream.peer_id)))

    async def take(self, request: Request, peer: str) -> DispersalResponse:
        """Take in one request of a peer and return the answer.

        Raises:
            StorageError: the database failed.
        """
        response = await self._taken(request)
        if isinstance(response, DispersalError):
            _log.warning("refused blob %s of peer %s: %s", response.blob_id.hex(), peer, response.description)
        else:
            self._replication.pass_on(request, source=peer)
        return response

    async def _taken(self, request: Request) -> DispersalResponse:
        if isinstance(request, ShareRequest):
            return await self._take_share(request)
        return await self._take_transaction(request)

    async def _take_share(self, request: ShareRequest) -> DispersalResponse:
        try:
            check_subnetwork(request)
            await self._verifier.take_share(request.blob_id, request.share)
        except (InvalidShare, KzgParamsError, ValueError) as error:
            return _refusal(request.blob_id, DispersalErrorKind.BLOB_VERIFICATION, error)
        return ShareAccepted(request.blob_id)

    async def _take_transaction(self, transaction: SignedMantleTx) -> DispersalResponse:
        try:
            blob, _ = await self._verifier.take_transaction(transaction)
        except TransactionRefused as error:
            return _refusal(blob_id_of_request(transaction), DispersalErrorKind.TX_VERIFICATION, error)
        return TxAccepted(blob)


def _refusal(blob: BlobId | None, kind: DispersalErrorKind, error: Exception) -> DispersalError:
    return DispersalError(blob or _NO_BLOB, kind, str(error))
