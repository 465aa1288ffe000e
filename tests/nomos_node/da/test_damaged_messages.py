"""Whatever is changed in a share or a transaction: dispersal refuses it, replication drops it, nothing is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from da_members import Member, MemoryStream, announcement, da_genesis, da_settings, encoded, identity, make_member
from nomos_core.da.dispersal_messages import (
    DispersalError,
    DispersalErrorKind,
    DispersalResponse,
    ShareAccepted,
    ShareRequest,
    TxAccepted,
    request_to_wire,
    response_from_wire,
)
from nomos_core.da.encoding import EncodedBlob
from nomos_core.da.shares import Share
from nomos_core.da.verification import InvalidShare
from nomos_core.identifiers import BlobId
from nomos_node.da.dispersal_server import DispersalServer
from nomos_node.da.replication import Replication

NEIGHBOUR, STRANGER = identity(1).peer_id, identity(9).peer_id


class Lab:
    """One member without a network, spoken to through streams in memory."""

    def __init__(self, kzg_file: Path) -> None:
        self._runner = asyncio.Runner()
        self.blob = encoded(kzg_file)
        self.other_blob = encoded(kzg_file, bytes(range(2, 33)) * 5)
        self.member: Member = self._runner.run(self._made(kzg_file))

    async def _made(self, kzg_file: Path) -> Member:
        member = make_member(da_genesis([40_001, 40_002]), da_settings(kzg_file))
        await member.service.sessions.follow()
        service = member.service
        self.replication = Replication(
            service.swarm, service.sessions, service.verifier, service.kzg, da_settings(kzg_file).replication
        )
        self.dispersal = DispersalServer(service.kzg, service.verifier, self.replication)
        return member

    def disperse(self, *frames: bytes) -> list[DispersalResponse]:
        stream = MemoryStream(frames, STRANGER)
        self._runner.run(self.dispersal.serve(stream))  # type: ignore[arg-type]
        return [response_from_wire(answer) for answer in stream.answers]

    def replicate(self, *frames: bytes, peer: str = NEIGHBOUR) -> None:
        self._runner.run(self.replication.serve(MemoryStream(frames, peer)))  # type: ignore[arg-type]

    def verify(self, blob: BlobId, share: Share) -> None:
        self._runner.run(self.member.service.verifier.take_share(blob, share))

    def kept(self, blob: BlobId) -> list[int]:
        return list(self._runner.run(self.member.service.store.columns(blob)))

    def close(self) -> None:
        self._runner.run(self.replication.close())
        self._runner.run(self.member.service.kzg.close())
        self.member.node.close()
        self._runner.close()


@pytest.fixture
def lab(kzg_file: Path) -> Iterator[Lab]:
    lab = Lab(kzg_file)
    yield lab
    lab.close()


@pytest.fixture(scope="module")
def long_lived_lab(kzg_file: Path) -> Iterator[Lab]:
    """Keeps nothing that was refused, so that examples don't meet each other."""
    lab = Lab(kzg_file)
    yield lab
    lab.close()


def share_frame(blob: EncodedBlob, column: int = 0) -> bytes:
    return request_to_wire(ShareRequest.of(blob.share(column)))


@given(data=st.data())
@settings(max_examples=150)
def test_a_flipped_bit_is_refused_by_dispersal_and_replication(long_lived_lab: Lab, data: st.DataObject) -> None:
    lab = long_lived_lab
    frame = bytearray(share_frame(lab.blob, data.draw(st.sampled_from([0, 1]), label="column")))
    bit = data.draw(st.integers(0, 8 * len(frame) - 1), label="bit")
    frame[bit // 8] ^= 1 << bit % 8
    (response,) = lab.disperse(bytes(frame))
    assert isinstance(response, DispersalError)
    assert response.description
    lab.replicate(bytes(frame))
    assert lab.kept(lab.blob.blob_id) == []


@given(frame=st.binary(max_size=300))
@settings(max_examples=100)
def test_garbage_is_refused(long_lived_lab: Lab, frame: bytes) -> None:
    (response,) = long_lived_lab.disperse(frame)
    assert isinstance(response, DispersalError)
    long_lived_lab.replicate(frame)


def _damaged(blob: EncodedBlob, other: EncodedBlob) -> dict[str, tuple[BlobId, Share]]:
    share = blob.share(0)
    light, other_light = share.light, other.share(0).light
    return {
        "wrong index": (blob.blob_id, replace(share, light=replace(light, share_idx=1))),
        "index beyond the columns": (blob.blob_id, replace(share, light=replace(light, share_idx=2))),
        "wrong commitments": (blob.blob_id, replace(share, rows_commitments=other.row_commitments)),
        "a commitment less": (blob.blob_id, replace(share, rows_commitments=share.rows_commitments[:-1])),
        "wrong proof": (
            blob.blob_id,
            replace(share, light=replace(light, combined_column_proof=other_light.combined_column_proof)),
        ),
        "wrong column": (blob.blob_id, replace(share, light=replace(light, column=other_light.column))),
        "a row less": (blob.blob_id, replace(share, light=replace(light, column=light.column[:-1]))),
        "wrong blob": (other.blob_id, share),
    }


@pytest.mark.parametrize(
    "damage",
    [
        "wrong index",
        "index beyond the columns",
        "wrong commitments",
        "a commitment less",
        "wrong proof",
        "wrong column",
        "a row less",
        "wrong blob",
    ],
)
def test_a_damaged_share_is_refused_by_all(long_lived_lab: Lab, damage: str) -> None:
    lab = long_lived_lab
    blob, share = _damaged(lab.blob, lab.other_blob)[damage]
    with pytest.raises(InvalidShare):
        lab.verify(blob, share)
    frame = request_to_wire(ShareRequest(blob, share, share.light.share_idx))
    (response,) = lab.disperse(frame)
    assert isinstance(response, DispersalError)
    assert response.kind is DispersalErrorKind.BLOB_VERIFICATION
    lab.replicate(frame)
    assert lab.kept(blob) == []


def test_a_share_of_another_subnetwork_is_refused(lab: Lab) -> None:
    share = lab.blob.share(0)
    (response,) = lab.disperse(request_to_wire(ShareRequest(lab.blob.blob_id, share, 1)))
    assert isinstance(response, DispersalError)
    assert "belongs to the subnetwork of the same number" in response.description


def test_good_messages_are_answered_kept_and_published_once(lab: Lab) -> None:
    blob = lab.blob.blob_id
    frames = [
        share_frame(lab.blob, 0),
        request_to_wire(announcement(blob)),
        share_frame(lab.blob, 1),
        share_frame(lab.blob, 1),
    ]
    assert lab.disperse(*frames) == [ShareAccepted(blob), TxAccepted(blob), ShareAccepted(blob), ShareAccepted(blob)]
    assert lab.kept(blob) == [0, 1]
    assert [transaction.mantle_tx for transaction in lab.member.pending] == [announcement(blob).mantle_tx]


def test_transactions_that_announce_no_blob_of_the_session_are_refused(lab: Lab) -> None:
    other_session = announcement(lab.blob.blob_id, session=3)
    (response,) = lab.disperse(request_to_wire(other_session))
    assert isinstance(response, DispersalError)
    assert response.kind is DispersalErrorKind.TX_VERIFICATION
    assert response.description == "the blob is of session 3, the current session is 0"
    lab.replicate(request_to_wire(other_session))
    assert not lab.member.pending


def test_shares_are_replicated_by_neighbours_only(lab: Lab) -> None:
    lab.replicate(share_frame(lab.blob), peer=STRANGER)
    assert lab.kept(lab.blob.blob_id) == []
    lab.replicate(share_frame(lab.blob))
    assert lab.kept(lab.blob.blob_id) == [0]
