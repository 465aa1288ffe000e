"""Whatever is changed in a share or a transaction: dispersal refuses it, replication drops it, nothing is kept."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import assume, given, reject, settings
from hypothesis import strategies as st
from py_arkworks_bls12381 import G1Point, Scalar

from nomos_core.codec import CodecError
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
from nomos_core.da.domain import MODULUS
from nomos_core.da.encoding import EncodedBlob
from nomos_core.da.points import encode_point
from nomos_core.da.shares import Share, proof_to_bytes
from nomos_core.da.shares_wire import share_from_wire, share_to_wire
from nomos_core.da.verification import InvalidShare
from nomos_core.identifiers import BlobId
from nomos_node.da.dispersal_server import DispersalServer
from nomos_node.da.replication import Replication
from support.processes.da_members import (
    Member,
    MemoryStream,
    announcement,
    da_genesis,
    da_settings,
    encoded,
    identity,
    make_member,
)

NEIGHBOUR, STRANGER = identity(1).peer_id, identity(9).peer_id
COLUMN = st.integers(0, 1)
SCALAR = st.integers(0, MODULUS - 1)


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

    def refuse(self, blob: BlobId, share: Share, subnetwork: int) -> None:
        """Expect verifier, dispersal and replication to refuse a share and to keep nothing, under whatever id."""
        with pytest.raises(InvalidShare) as caught:
            self.verify(blob, share)
        frame = request_to_wire(ShareRequest(blob, share, subnetwork))
        (response,) = self.disperse(frame)
        assert response == DispersalError(blob, DispersalErrorKind.BLOB_VERIFICATION, str(caught.value))
        self.replicate(frame)
        assert self.shares_kept() == 0

    def kept(self, blob: BlobId) -> list[int]:
        return list(self._runner.run(self.member.service.store.columns(blob)))

    def shares_kept(self) -> int:
        def count(connection: sqlite3.Connection) -> int:
            return int(connection.execute("SELECT count(*) FROM da_shares").fetchone()[0])

        return self._runner.run(self.member.node.database.run(count))

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
    assert lab.shares_kept() == 0


@given(data=st.data())
@settings(max_examples=100)
def test_a_flipped_bit_of_a_share_is_refused_by_all(long_lived_lab: Lab, data: st.DataObject) -> None:
    """Where the changed bytes still have the form of a share, so that only the verifier can tell."""
    lab = long_lived_lab
    column = data.draw(COLUMN, label="column")
    wire = bytearray(share_to_wire(lab.blob.share(column)))
    bit = data.draw(st.integers(0, 8 * len(wire) - 1), label="bit")
    wire[bit // 8] ^= 1 << bit % 8
    try:
        share = share_from_wire(bytes(wire))
    except CodecError:
        reject()
    lab.refuse(lab.blob.blob_id, share, share.light.share_idx)


@given(column=COLUMN, index=st.integers(0, 65_535))
@settings(max_examples=50)
def test_a_wrong_index_is_refused_by_all(long_lived_lab: Lab, column: int, index: int) -> None:
    assume(index != column)
    share = long_lived_lab.blob.share(column)
    moved = replace(share, light=replace(share.light, share_idx=index))
    long_lived_lab.refuse(long_lived_lab.blob.blob_id, moved, index)


@given(column=COLUMN, row=st.integers(0, 4), factor=SCALAR)
@settings(max_examples=50)
def test_a_wrong_commitment_is_refused_by_all(long_lived_lab: Lab, column: int, row: int, factor: int) -> None:
    """Also under the id that the wrong commitments make, where only the proof tells."""
    share = long_lived_lab.blob.share(column)
    commitments = list(share.rows_commitments)
    commitments[row] = encode_point(G1Point() * Scalar(factor))
    forged = replace(share, rows_commitments=tuple(commitments))
    for blob in (long_lived_lab.blob.blob_id, forged.blob_id):
        long_lived_lab.refuse(blob, forged, column)


@given(column=COLUMN, factor=SCALAR)
@settings(max_examples=50)
def test_a_wrong_proof_is_refused_by_all(long_lived_lab: Lab, column: int, factor: int) -> None:
    share = long_lived_lab.blob.share(column)
    proof = proof_to_bytes(G1Point() * Scalar(factor))
    wrong = replace(share, light=replace(share.light, combined_column_proof=proof))
    long_lived_lab.refuse(long_lived_lab.blob.blob_id, wrong, column)


@given(frame=st.binary(max_size=300))
@settings(max_examples=100)
def test_garbage_is_refused(long_lived_lab: Lab, frame: bytes) -> None:
    (response,) = long_lived_lab.disperse(frame)
    assert isinstance(response, DispersalError)
    long_lived_lab.replicate(frame)


def _damaged(blob: EncodedBlob, other: EncodedBlob) -> dict[str, tuple[BlobId, Share]]:
    share = blob.share(0)
    light, other_light = share.light, other.share(0).light
    first, *others = light.column
    unreduced = (int.from_bytes(first, "little") + MODULUS).to_bytes(32, "little")
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
        "a chunk that is not reduced": (
            blob.blob_id,
            replace(share, light=replace(light, column=(unreduced, *others))),
        ),
        "a longer chunk": (blob.blob_id, replace(share, light=replace(light, column=(first + b"\0", *others)))),
        "a shorter chunk": (blob.blob_id, replace(share, light=replace(light, column=(first[:31], *others)))),
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
        "a chunk that is not reduced",
        "a longer chunk",
        "a shorter chunk",
        "wrong blob",
    ],
)
def test_a_damaged_share_is_refused_by_all(long_lived_lab: Lab, damage: str) -> None:
    lab = long_lived_lab
    blob, share = _damaged(lab.blob, lab.other_blob)[damage]
    lab.refuse(blob, share, share.light.share_idx)


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
