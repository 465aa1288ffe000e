"""Messages of dispersal and sampling: round trips, refusals, and the largest blob whose shares fit in a frame."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from py_arkworks_bls12381 import G1Point, Scalar

from nomos_core.codec import WIRE_LIMIT, CodecError, Writer
from nomos_core.cryptarchia.sync_messages import MAX_FRAME, frame
from nomos_core.da import dispersal_messages as dispersal
from nomos_core.da import sampling_messages as sampling
from nomos_core.da.dispersal_messages import (
    MAX_ROWS,
    DispersalError,
    DispersalErrorKind,
    ShareAccepted,
    ShareRequest,
    TxAccepted,
    blob_id_of_request,
    max_blob_bytes,
    replication_id,
)
from nomos_core.da.encoding import chunk_rows
from nomos_core.da.sampling_messages import (
    CloseReason,
    CommitmentsNotFound,
    SampleCommitments,
    SampledCommitments,
    SampledShare,
    SampleShare,
    ShareNotFound,
)
from nomos_core.da.shares import LightShare, Share, proof_to_bytes
from nomos_core.da.shares_wire import commitments_from_wire, light_share_from_wire, share_from_wire
from nomos_core.identifiers import BlobId, ZkSignature
from nomos_core.mantle.operation_proofs import OperationProofError
from nomos_core.mantle.operations import ChannelBlob
from nomos_core.mantle.transactions import MantleTx, SignedMantleTx
from support.inputs.mantle_strategies import signed_txs

POINTS = [G1Point() * Scalar(factor) for factor in range(5)]

blob_ids = st.binary(min_size=32, max_size=32).map(BlobId)
indices = st.integers(0, 65_535)
commitments = st.lists(st.sampled_from(POINTS).map(G1Point.to_compressed_bytes), max_size=5).map(tuple)
lights = st.builds(
    LightShare,
    indices,
    st.lists(st.binary(max_size=40), max_size=5).map(tuple),
    st.sampled_from(POINTS).map(proof_to_bytes),
)
shares = st.builds(Share, lights, commitments)
texts = st.text(max_size=40)
share_requests = st.builds(ShareRequest, blob_ids, shares, indices)


@given(share_requests)
def test_share_requests_come_back(request: ShareRequest) -> None:
    assert dispersal.request_from_wire(dispersal.request_to_wire(request)) == request
    assert blob_id_of_request(request) == request.blob_id
    assert replication_id(request) == request.blob_id + request.subnetwork.to_bytes(2, "little")


@given(signed_txs)
def test_transaction_requests_come_back(tx: SignedMantleTx) -> None:
    assert dispersal.request_from_wire(dispersal.request_to_wire(tx)) == tx
    first = tx.mantle_tx.operations[:1]
    assert blob_id_of_request(tx) == (first[0].blob if first and isinstance(first[0], ChannelBlob) else None)
    assert len(replication_id(tx)) == 34


@given(
    st.one_of(
        st.builds(TxAccepted, blob_ids),
        st.builds(ShareAccepted, blob_ids),
        st.builds(DispersalError, blob_ids, st.sampled_from(DispersalErrorKind), texts),
    )
)
def test_dispersal_responses_come_back(response: dispersal.DispersalResponse) -> None:
    assert dispersal.response_from_wire(dispersal.response_to_wire(response)) == response


@given(st.one_of(st.builds(SampleShare, blob_ids, indices), st.builds(SampleCommitments, blob_ids)))
def test_sampling_requests_come_back(request: sampling.SampleRequest) -> None:
    assert sampling.request_from_wire(sampling.request_to_wire(request)) == request


@given(
    st.one_of(
        st.builds(SampledShare, blob_ids, lights),
        st.builds(SampledCommitments, commitments),
        st.builds(ShareNotFound, blob_ids, indices, texts),
        st.builds(CommitmentsNotFound, blob_ids, texts),
    )
)
def test_sampling_responses_come_back(response: sampling.SampleResponse) -> None:
    assert sampling.response_from_wire(sampling.response_to_wire(response)) == response


@pytest.mark.parametrize("reason", CloseReason)
def test_closing_comes_back(reason: CloseReason) -> None:
    assert sampling.close_from_wire(sampling.close_to_wire(reason)) is reason


READERS = [
    dispersal.request_from_wire,
    dispersal.response_from_wire,
    sampling.request_from_wire,
    sampling.response_from_wire,
    sampling.close_from_wire,
    share_from_wire,
    light_share_from_wire,
    commitments_from_wire,
]


@pytest.mark.parametrize("read", READERS)
@given(data=st.binary(max_size=200))
def test_arbitrary_bytes_are_read_or_refused(read: Callable[[bytes], object], data: bytes) -> None:
    with suppress(CodecError, OperationProofError):
        read(data)


@pytest.mark.parametrize("read", READERS)
def test_an_unknown_tag_is_named(read: Callable[[bytes], object]) -> None:
    with pytest.raises(CodecError):
        read(Writer().u32(77).raw(bytes(40)).take())


@pytest.mark.parametrize(
    ("read", "wire"),
    [
        (dispersal.response_from_wire, Writer().u32(2).raw(bytes(32)).u32(9).byte_string(b"").take()),
        (dispersal.response_from_wire, Writer().u32(2).raw(bytes(32)).u32(0).byte_string(b"\xff").take()),
        (sampling.response_from_wire, Writer().u32(2).u32(0).raw(bytes(34)).u32(1).byte_string(b"").take()),
        (sampling.response_from_wire, Writer().u32(2).u32(5).take()),
        (commitments_from_wire, Writer().u64(1 << 60).take()),
        (share_from_wire, Writer().u64(1 << 60).take()),
    ],
)
def test_a_wrong_part_is_refused(read: Callable[[bytes], object], wire: bytes) -> None:
    with pytest.raises(CodecError):
        read(wire)


@given(share_requests, st.data())
def test_a_request_that_is_cut_or_longer_is_refused(request: ShareRequest, data: st.DataObject) -> None:
    wire = dispersal.request_to_wire(request)
    with pytest.raises(CodecError):
        dispersal.request_from_wire(wire[: data.draw(st.integers(0, len(wire) - 1))])
    with pytest.raises(CodecError):
        dispersal.request_from_wire(wire + b"\0")


def request_of(rows: int) -> ShareRequest:
    light = LightShare(0, (bytes(32),) * rows, proof_to_bytes(POINTS[1]))
    return ShareRequest(BlobId(bytes(32)), Share(light, (POINTS[2].to_compressed_bytes(),) * rows), 0)


def test_the_most_rows_just_fit_in_a_frame() -> None:
    wire = dispersal.request_to_wire(request_of(MAX_ROWS))
    assert dispersal.request_from_wire(wire) == request_of(MAX_ROWS)
    assert frame(wire)
    assert MAX_FRAME - 96 < len(wire) <= MAX_FRAME
    with pytest.raises(CodecError, match="at most"):
        frame(dispersal.request_to_wire(request_of(MAX_ROWS + 1)))


def test_a_message_of_exactly_the_wire_limit_is_refused_by_the_frame() -> None:
    """Its length would wrap to 0."""
    with pytest.raises(CodecError, match=f"at most {MAX_FRAME} bytes, got {WIRE_LIMIT}"):
        frame(bytes(WIRE_LIMIT))


@pytest.mark.parametrize("columns", [2, 8, 2048])
def test_the_largest_blob_has_the_most_rows(columns: int) -> None:
    assert len(chunk_rows(bytes(max_blob_bytes(columns)), columns)) == MAX_ROWS
    assert len(chunk_rows(bytes(max_blob_bytes(columns) + 31), columns)) == MAX_ROWS + 1


def test_a_transaction_without_operations_has_no_blob() -> None:
    assert blob_id_of_request(SignedMantleTx(MantleTx(), (), ZkSignature(bytes(128)))) is None
