"""Server of sampling: a member gives shares and commitments from its store to anyone."""

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
from nomos_node.network.peer_network import FrameStream
from nomos_node.telemetry.levels import TRACE

_log = logging.getLogger("nomos_da_sampling")


class SamplingServer:
    """Member's side of sampling."""

    def __init__(self, store: BlobStore) -> None:
        self._store = store

    async def serve(self, stream: FrameStream) -> None:
        """Answer the requests of a stream until its end, or until a message that is no request.

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
            response = await self._answer(request)
            _log.debug("peer %s asks for %s: %s", stream.peer_id, _shown(request), type(response).__name__)
            wire = response_to_wire(response)
            _log.log(TRACE, "answering peer %s: %d bytes in, %d bytes out", stream.peer_id, len(frame), len(wire))
            await stream.write_frame(wire)

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


def _shown(request: SampleRequest) -> str:
    what = f"share {request.share_idx}" if isinstance(request, SampleShare) else "the commitments"
    return f"{what} of blob_id {request.blob_id.hex()}"
