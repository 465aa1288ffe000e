"""The member's side of sampling: shares and commitments from the store, for whoever asks."""

from __future__ import annotations

import logging

from nomos_core.codec import CodecError
from nomos_core.da.sampling_messages import (
    CommitmentsNotFound,
    SampledCommitments,
    SampledShare,
    SampleRequest,
    SampleResponse,
    SampleShare,
    ShareNotFound,
    request_from_wire,
    response_to_wire,
)
from nomos_node.da.blob_store import BlobStore
from nomos_node.network.streams import Stream

_log = logging.getLogger("nomos_da_sampling")


class SamplingServer:
    def __init__(self, store: BlobStore) -> None:
        self._store = store

    async def serve(self, stream: Stream) -> None:
        """Answer the requests of a stream until its end, or until one that is none.

        Raises:
            StreamBroken: the connection was lost.
            StorageError: the database failed.
        """
        while (frame := await stream.read_frame()) is not None:
            try:
                request = request_from_wire(frame)
            except CodecError as error:
                _log.warning("peer %s sent no sampling request: %s", stream.peer_id, error)
                await stream.reset()
                return
            await stream.write_frame(response_to_wire(await self._answer(request)))

    async def _answer(self, request: SampleRequest) -> SampleResponse:
        blob = request.blob_id
        if isinstance(request, SampleShare):
            share = await self._store.share(blob, request.share_idx)
            if share is None:
                return ShareNotFound(blob, request.share_idx, "Share not found")
            return SampledShare(blob, share)
        commitments = await self._store.commitments(blob)
        if commitments is None:
            return CommitmentsNotFound(blob, "Commitments not found")
        return SampledCommitments(commitments)
