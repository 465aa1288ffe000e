"""Client of sampling: asks members for a blob's row commitments, and for shares, which it verifies against them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from random import Random
from typing import Final

from nomos_core.codec import CodecError
from nomos_core.da.kzg_params import KzgParamsError
from nomos_core.da.points import decode_point
from nomos_core.da.sampling_messages import (
    SAMPLING_PROTOCOL,
    SampleCommitments,
    SampledCommitments,
    SampledShare,
    SampleRequest,
    SampleResponse,
    SampleShare,
    request_to_wire,
    response_from_wire,
)
from nomos_core.da.shares import LightShare, Share, blob_id_of
from nomos_core.da.verification import InvalidShare
from nomos_core.identifiers import BlobId
from nomos_node.da.blob_store import BlobStore
from nomos_node.da.kzg import Kzg
from nomos_node.da.peer_failures import Exchange
from nomos_node.da.sessions import SessionMembers
from nomos_node.da.settings import SamplingSettings
from nomos_node.da.swarm import DaSwarm
from nomos_node.network.errors import NetworkError
from nomos_node.telemetry.levels import TRACE

_log = logging.getLogger("nomos_da_sampling")
_LEAST_PATIENCE: Final = 2.0
"""Least seconds to wait for an answer, however short the slots are: the peer may have to be dialled first."""


class SampleMissing(Exception):
    """Error: no member gave the sample. The message has the reason of each member."""


class UnknownSession(SampleMissing):
    """Error: the chain has had no such session."""


class SamplingClient:
    """Client of sampling. ``rng`` draws the order in which members are asked."""

    def __init__(self, swarm: DaSwarm, kzg: Kzg, store: BlobStore, settings: SamplingSettings, rng: Random) -> None:
        self._swarm = swarm
        self._kzg = kzg
        self._store = store
        self._settings = settings
        self._rng = rng
        self._patience = max(settings.commitments_wait, _LEAST_PATIENCE)

    async def commitments(self, blob: BlobId, members: SessionMembers) -> tuple[bytes, ...]:
        """Return the row commitments of a blob, from the store or from any member.

        Raises:
            SampleMissing: nobody has them.
            StorageError: the database failed.
        """
        stored = await self._store.commitments(blob)
        if stored is not None:
            return stored
        columns = range(min(self._kzg.columns, len(members.membership.subnetworks)))
        peers = dict.fromkeys(peer for column in columns for peer in members.members_of(column))
        reasons: list[str] = []
        for _ in range(self._settings.commitments_retries + 1):
            reasons = []
            for peer in self._shuffled_others(peers):
                try:
                    return await self._commitments_of(peer, blob)
                except (NetworkError, _NotGiven) as error:
                    reasons.append(str(error))
        raise SampleMissing(f"no commitments: {'; '.join(reasons) or 'no other members'}")

    async def share(
        self, blob: BlobId, column: int, commitments: tuple[bytes, ...], members: SessionMembers
    ) -> LightShare:
        """Return a verified share from a member of its subnetwork, or from the own store if no other member has it.

        Raises:
            SampleMissing: nobody gave it.
            StorageError: the database failed.
            KzgParamsError: the parameters can't be used.
        """
        peers = members.members_of(column)
        reasons: list[str] = []
        for _ in range(self._settings.share_retries + 1):
            reasons = []
            for peer in self._shuffled_others(peers):
                try:
                    return await self._share_of(peer, blob, column, commitments)
                except (NetworkError, _NotGiven) as error:
                    reasons.append(str(error))
        own = await self._store.share(blob, column) if self._swarm.peer_id in peers else None
        if own is None:
            raise SampleMissing(f"share {column}: {'; '.join(reasons) or 'no other members'}")
        return own

    async def _share_of(self, peer: str, blob: BlobId, column: int, commitments: tuple[bytes, ...]) -> LightShare:
        response = await self._ask(peer, SampleShare(blob, column))
        if not isinstance(response, SampledShare):
            raise _NotGiven(f"peer {peer} has no share {column}")
        if response.blob_id != blob or response.share.share_idx != column:
            raise _NotGiven(f"peer {peer} gave another share than it was asked for")
        try:
            await self._kzg.verify(Share(response.share, commitments), blob)
        except InvalidShare as error:
            await self._swarm.record_failure(peer, Exchange.SAMPLING)
            raise _NotGiven(f"peer {peer} gave a bad share: {error}") from None
        return response.share

    async def _commitments_of(self, peer: str, blob: BlobId) -> tuple[bytes, ...]:
        response = await self._ask(peer, SampleCommitments(blob))
        if not isinstance(response, SampledCommitments):
            raise _NotGiven(f"peer {peer} has no commitments")
        if await self._kzg.compute(_blob_of, response.rows_commitments) != blob:
            await self._swarm.record_failure(peer, Exchange.SAMPLING)
            raise _NotGiven(f"peer {peer} gave the commitments of another blob")
        return response.rows_commitments

    async def _ask(self, peer: str, request: SampleRequest) -> SampleResponse:
        try:
            async with asyncio.timeout(self._patience):
                frame = await self._exchange(peer, request)
            if frame is None:
                raise _NotGiven(f"peer {peer} ended the stream without an answer")
            return await self._kzg.compute(response_from_wire, frame)
        except TimeoutError:
            await self._swarm.record_failure(peer, Exchange.SAMPLING)
            raise _NotGiven(f"peer {peer} did not answer within {self._patience:g} s") from None
        except NetworkError as error:
            await self._swarm.record_failure(peer, Exchange.SAMPLING, error)
            raise
        except CodecError as error:
            await self._swarm.record_failure(peer, Exchange.SAMPLING)
            raise _NotGiven(f"peer {peer} answered nonsense: {error}") from None

    async def _exchange(self, peer: str, request: SampleRequest) -> bytes | None:
        async with await self._swarm.open_stream(peer, SAMPLING_PROTOCOL) as stream:
            wire = request_to_wire(request)
            _log.log(TRACE, "out: %s of %d bytes to peer %s", type(request).__name__, len(wire), peer)
            await stream.write_frame(wire)
            answer = await stream.read_frame()
            _log.log(TRACE, "in: answer of %d bytes from peer %s", len(answer or b""), peer)
            return answer

    def _shuffled_others(self, peers: Iterable[str]) -> list[str]:
        others = [peer for peer in peers if peer != self._swarm.peer_id]
        return self._rng.sample(others, len(others))


class _NotGiven(Exception):
    """Error: a member answered, but not with the sample."""


def _blob_of(rows_commitments: tuple[bytes, ...]) -> BlobId:
    return blob_id_of([decode_point(commitment) for commitment in rows_commitments])


SamplingFailure = (SampleMissing, KzgParamsError)
