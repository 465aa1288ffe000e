"""Routes of ``/da`` and ``/disperse-data``, and of ``/test/da`` in the API for tests: blobs, shares, members,
connections.

A request that can't be served is refused with a text. The status is 400 for data that is no blob and for a share that
does not belong to the blob. It is 500 when this node or the network can't serve the request. A network of one
subnetwork has no data availability: it has no peers, shares and members, and refuses the rest.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from nomos_core.codec import CodecError
from nomos_core.da.encoding import EncodingError
from nomos_core.da.kzg_params import KzgParamsError
from nomos_core.da.points import PointError
from nomos_core.da.shares_json import commitments_to_json, light_share_to_json, share_from_json
from nomos_core.da.verification import InvalidShare
from nomos_core.identifiers import BlobId
from nomos_core.mantle.json_reading import JsonError, u64
from nomos_core.proofs.prover import ProofError
from nomos_node.api.answers import JSON, Refusal, json_answer, json_text
from nomos_node.api.da_requests import (
    read_blob,
    read_blob_in_session,
    read_blob_message,
    read_historic_blobs,
    read_peer_id,
    read_selection,
    read_share_of_blob,
)
from nomos_node.api.requests import json_body
from nomos_node.da.blob_store import BlobStore
from nomos_node.da.dispersal import Dispersal, DispersalFailed
from nomos_node.da.encoding_process import EncodingProcessFailed
from nomos_node.da.peer_failures import Exchange
from nomos_node.da.sampling_client import SampleMissing, UnknownSession
from nomos_node.da.service import DataAvailability
from nomos_node.da.sessions import SessionMembers

_NO_SERVICE = "This network has one subnetwork, so there is no data availability in it"


class DaRoutes:
    """Routes of data availability. ``service`` is None in a network without data availability."""

    def __init__(self, service: DataAvailability | None) -> None:
        self._service = service

    def routes(self, *, executor: bool) -> list[Route]:
        return [
            Route("/da/add-share", self._add_share, methods=["POST"]),
            Route("/da/get-commitments", self._commitments, methods=["POST"]),
            Route("/da/get-storage-commitments", self._stored_commitments),
            Route("/da/get-share", self._share),
            Route("/da/sampling/shares", self._shares),
            Route("/da/block-peer", self._block, methods=["POST"]),
            Route("/da/unblock-peer", self._unblock, methods=["POST"]),
            Route("/da/blacklisted-peers", self._blocked),
            Route("/da/balancer-stats", self._connections),
            Route("/da/monitor-stats", self._failures),
            *([Route("/disperse-data", self._disperse, methods=["POST"])] if executor else []),
        ]

    def testing_routes(self) -> list[Route]:
        return [
            Route("/test/da/membership", self._membership, methods=["POST"]),
            Route("/test/da/historic-sampling", self._historic_sampling, methods=["POST"]),
        ]

    async def _disperse(self, request: Request) -> Response:
        message = await json_body(request, read_blob_message)
        try:
            return json_answer(list(await self._dispersal().disperse(message)))
        except EncodingError as error:
            raise Refusal(400, str(error)) from None
        except (DispersalFailed, KzgParamsError, EncodingProcessFailed, ProofError, CodecError) as error:
            raise Refusal(500, str(error)) from None

    async def _add_share(self, request: Request) -> Response:
        """Take a share. Reading its points takes time, so this is done away from the event loop."""
        service = self._present()
        value = await json_body(request, lambda value, _: value)
        try:
            share = await service.kzg.compute(share_from_json, value)
            blob = await service.kzg.compute(lambda: share.blob_id)
            await service.verifier.take_share(blob, share)
        except JsonError as error:
            text = f"Failed to deserialize the JSON body into the target type: {error}"
            raise Refusal(422, text) from None
        except (InvalidShare, PointError, CodecError) as error:
            raise Refusal(400, f"the share is refused: {error}") from None
        except KzgParamsError as error:
            raise Refusal(500, str(error)) from None
        return json_answer(None)

    async def _commitments(self, request: Request) -> Response:
        blob, session = await json_body(request, read_blob_in_session)
        try:
            return json_answer(commitments_to_json(await self._present().sampler.commitments(blob, session)))
        except UnknownSession as error:
            raise Refusal(500, str(error)) from None
        except SampleMissing:
            raise Refusal(500, "Failed to get range") from None

    async def _stored_commitments(self, request: Request) -> Response:
        commitments = await self._store().commitments(await json_body(request, read_blob))
        return json_answer(None if commitments is None else commitments_to_json(commitments))

    async def _share(self, request: Request) -> Response:
        share = await self._store().share(*await json_body(request, read_share_of_blob))
        return json_answer(None if share is None else light_share_to_json(share))

    async def _shares(self, request: Request) -> Response:
        selection = await json_body(request, read_selection)
        store = self._store()
        available = await store.columns(selection.blob)
        if not available:
            raise Refusal(500, "Blob index not found")
        wanted = [column for column in available if selection.has(column)]
        return StreamingResponse(_share_lines(store, selection.blob, wanted), headers={"content-type": JSON})

    async def _block(self, request: Request) -> Response:
        return json_answer(await self._present().swarm.block(await json_body(request, read_peer_id)))

    async def _unblock(self, request: Request) -> Response:
        return json_answer(self._present().swarm.unblock(await json_body(request, read_peer_id)))

    async def _blocked(self, request: Request) -> Response:
        return json_answer(sorted(self._service.swarm.blocked) if self._service else [])

    async def _connections(self, request: Request) -> Response:
        connections = self._service.balancer.connections() if self._service else {}
        return json_answer(
            {
                str(subnetwork): {"inbound": number.inbound, "outbound": number.outbound}
                for subnetwork, number in connections.items()
            }
        )

    async def _failures(self, request: Request) -> Response:
        rates = self._service.swarm.failures.rates() if self._service else {}
        names: list[tuple[str, Exchange]] = [(f"{exchange.value}_failure_rate", exchange) for exchange in Exchange]
        return json_answer({peer: {name: rate[exchange] for name, exchange in names} for peer, rate in rates.items()})

    async def _membership(self, request: Request) -> Response:
        session = await json_body(request, u64)
        return json_answer(_membership_json(self._service.sessions.members(session) if self._service else None))

    async def _historic_sampling(self, request: Request) -> Response:
        sessions = await json_body(request, read_historic_blobs)
        return json_answer(await self._service.sampler.sample_now(sessions) if self._service else not sessions)

    def _present(self) -> DataAvailability:
        if self._service is None:
            raise Refusal(500, _NO_SERVICE)
        return self._service

    def _store(self) -> BlobStore:
        return self._present().store

    def _dispersal(self) -> Dispersal:
        dispersal = self._present().dispersal
        assert dispersal is not None, "only executors have the path"
        return dispersal


async def _share_lines(store: BlobStore, blob: BlobId, columns: Sequence[int]) -> AsyncIterator[str]:
    for column in columns:
        share = await store.share(blob, column)
        if share is not None:
            yield json_text(light_share_to_json(share)) + "\n"


def _membership_json(members: SessionMembers | None) -> dict[str, Any]:
    assignations = {} if members is None else members.assignations()
    addresses = {} if members is None else members.addresses
    return {
        "assignations": {str(number): peers for number, peers in assignations.items()},
        "addressbook": dict(addresses),
    }
