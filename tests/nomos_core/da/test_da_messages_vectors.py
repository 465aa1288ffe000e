"""The messages of dispersal, replication and sampling as the real node writes them on a stream."""

from __future__ import annotations

from typing import Any

import pytest

from nomos_core.cryptarchia.sync_messages import frame
from nomos_core.da import dispersal_messages as dispersal
from nomos_core.da import sampling_messages as sampling
from nomos_core.da.dispersal_messages import (
    DISPERSAL_PROTOCOL,
    REPLICATION_PROTOCOL,
    DispersalError,
    DispersalErrorKind,
    ShareAccepted,
    ShareRequest,
    TxAccepted,
)
from nomos_core.da.encoding import encode
from nomos_core.da.kzg_params import KzgParams
from nomos_core.da.sampling_messages import (
    SAMPLING_PROTOCOL,
    CloseReason,
    CommitmentsNotFound,
    SampleCommitments,
    SampledCommitments,
    SampledShare,
    SampleShare,
    ShareNotFound,
)
from nomos_core.da.shares import Share
from nomos_core.da.shares_json import (
    commitments_from_json,
    commitments_to_json,
    light_share_to_json,
    share_from_json,
    share_to_json,
)
from nomos_core.identifiers import BlobId
from nomos_core.mantle.transactions_json import transaction_from_json, transaction_to_json
from support.inputs.golden import Golden, load


def named(name: str) -> Golden:
    return next(message for message in load("protocol_messages.json")["messages"] if message["name"].value == name)


def check(entry: Golden, protocol: str, wire: bytes) -> None:
    assert entry["protocol"].value == protocol
    assert wire.hex() == entry["bincode"].value
    assert frame(wire).hex() == entry["framed"].value


def known_blob() -> BlobId:
    return BlobId(bytes.fromhex(load("protocol_messages.json")["da_context"]["blob_id"].value))


def golden_share(index: int) -> Share:
    """A share of the blob that all messages are about."""
    return share_from_json(named(f"dispersal_share_{index}")["content"]["share"].value)


def test_the_blob_of_the_messages(real_params: KzgParams) -> None:
    context = load("protocol_messages.json")["da_context"]
    blob = encode(bytes.fromhex(context["data"].value), real_params.basis(context["columns"].value))
    assert blob.blob_id == known_blob()
    assert list(blob.shares()) == [golden_share(index) for index in range(blob.columns)]


@pytest.mark.parametrize("index", [0, 1])
@pytest.mark.parametrize(
    ("protocol", "prefix"), [(DISPERSAL_PROTOCOL, "dispersal"), (REPLICATION_PROTOCOL, "replication")]
)
def test_share_request(protocol: str, prefix: str, index: int) -> None:
    entry = named(f"{prefix}_share_{index}")
    share, content = golden_share(index), entry["content"]
    request = ShareRequest.of(share)
    assert request == ShareRequest(known_blob(), share, content["subnetwork_id"].value)
    assert content["blob_id"].value == request.blob_id.hex()
    payload = {"share": {"blob_id": list(request.blob_id), "data": share_to_json(share)}, "subnetwork_id": index}
    assert entry["serde_json"].value == {content["request"].value: payload} == {"Share": payload}
    check(entry, protocol, dispersal.request_to_wire(request))
    assert dispersal.request_from_wire(bytes.fromhex(entry["bincode"].value)) == request


@pytest.mark.parametrize(
    ("protocol", "prefix"), [(DISPERSAL_PROTOCOL, "dispersal"), (REPLICATION_PROTOCOL, "replication")]
)
def test_transaction_request(protocol: str, prefix: str) -> None:
    entry = named(f"{prefix}_tx")
    tx = transaction_from_json(entry["content"]["tx"].value)
    assert entry["serde_json"].value == {entry["content"]["request"].value: transaction_to_json(tx)}
    assert entry["content"]["request"].value == "Tx"
    check(entry, protocol, dispersal.request_to_wire(tx))
    assert dispersal.request_from_wire(bytes.fromhex(entry["bincode"].value)) == tx


@pytest.mark.parametrize(
    ("name", "variant", "response"),
    [("tx", "Tx", TxAccepted), ("blob_id", "BlobId", ShareAccepted)],
)
def test_accepted(name: str, variant: str, response: type[TxAccepted | ShareAccepted]) -> None:
    entry = named(f"dispersal_response_{name}")
    accepted = response(known_blob())
    assert entry["content"].value == {"blob_id": known_blob().hex(), "response": variant}
    assert entry["serde_json"].value == {variant: list(known_blob())}
    check(entry, DISPERSAL_PROTOCOL, dispersal.response_to_wire(accepted))
    assert dispersal.response_from_wire(bytes.fromhex(entry["bincode"].value)) == accepted


@pytest.mark.parametrize("kind", DispersalErrorKind)
def test_dispersal_error(kind: DispersalErrorKind) -> None:
    name = kind.name.lower()
    entry = named(f"dispersal_response_error_{name}")
    found = entry["serde_json"]["Error"].value
    error = DispersalError(BlobId(bytes(found["blob_id"])), kind, found["error_description"])
    assert error.blob_id == known_blob()
    assert found["error_type"] == name.title().replace("_", "")
    assert entry["content"].value == {"error": name, "response": "Error"}
    check(entry, DISPERSAL_PROTOCOL, dispersal.response_to_wire(error))
    assert dispersal.response_from_wire(bytes.fromhex(entry["bincode"].value)) == error


@pytest.mark.parametrize("index", [0, 1])
def test_sample_share_request(index: int) -> None:
    entry = named(f"sample_request_share_{index}")
    content, request = entry["content"], SampleShare(known_blob(), index)
    assert content.value == {"blob_id": known_blob().hex(), "request": "Share", "share_idx": index}
    assert entry["serde_json"].value == {"Share": {"blob_id": list(known_blob()), "share_idx": index}}
    check(entry, SAMPLING_PROTOCOL, sampling.request_to_wire(request))
    assert sampling.request_from_wire(bytes.fromhex(entry["bincode"].value)) == request


def test_sample_commitments_request() -> None:
    entry, request = named("sample_request_commitments"), SampleCommitments(known_blob())
    assert entry["content"].value == {"blob_id": known_blob().hex(), "request": "Commitments"}
    assert entry["serde_json"].value == {"Commitments": {"blob_id": list(known_blob())}}
    check(entry, SAMPLING_PROTOCOL, sampling.request_to_wire(request))
    assert sampling.request_from_wire(bytes.fromhex(entry["bincode"].value)) == request


def check_sample_response(entry: Golden, response: sampling.SampleResponse, as_json: dict[str, Any]) -> None:
    assert entry["serde_json"].value == as_json
    check(entry, SAMPLING_PROTOCOL, sampling.response_to_wire(response))
    assert sampling.response_from_wire(bytes.fromhex(entry["bincode"].value)) == response


@pytest.mark.parametrize("index", [0, 1])
def test_sampled_share(index: int) -> None:
    entry, light = named(f"sample_response_share_{index}"), golden_share(index).light
    assert entry["content"].value == {"blob_id": known_blob().hex(), "response": "Share"}
    as_json = {"Share": {"blob_id": list(known_blob()), "data": light_share_to_json(light)}}
    check_sample_response(entry, SampledShare(known_blob(), light), as_json)


def test_sampled_commitments() -> None:
    entry, commitments = named("sample_response_commitments"), golden_share(0).rows_commitments
    as_json = commitments_to_json(commitments)
    assert entry["content"].value == {"commitments": as_json, "response": "Commitments"}
    assert commitments_from_json(as_json) == commitments
    check_sample_response(entry, SampledCommitments(commitments), {"Commitments": as_json})


def test_share_not_found() -> None:
    entry = named("sample_response_share_not_found")
    found = entry["serde_json"]["Error"]["Share"].value
    error = ShareNotFound(known_blob(), found["column_idx"], found["error_description"])
    assert entry["content"].value == {"column_idx": error.column, "response": "Error.Share.NotFound"}
    payload = {
        "blob_id": list(known_blob()),
        "column_idx": 5,
        "error_type": "NotFound",
        "error_description": "Blob not found",
    }
    check_sample_response(entry, error, {"Error": {"Share": payload}})


def test_commitments_not_found() -> None:
    entry = named("sample_response_commitments_not_found")
    error = CommitmentsNotFound(known_blob(), entry["serde_json"]["Error"]["Commitments"]["error_description"].value)
    assert entry["content"].value == {"response": "Error.Commitments.NotFound"}
    payload = {"blob_id": list(known_blob()), "error_type": "NotFound", "error_description": "no"}
    check_sample_response(entry, error, {"Error": {"Commitments": payload}})


@pytest.mark.parametrize(
    ("name", "reason", "in_json"),
    [
        ("close_graceful", CloseReason.GRACEFUL_SHUTDOWN, "GracefulShutdown"),
        ("close_subnet_change", CloseReason.SUBNET_CHANGE, "SubnetChange"),
        ("close_sample_failure", CloseReason.SUBNET_SAMPLE_FAILURE, "SubnetSampleFailure"),
    ],
)
def test_closing(name: str, reason: CloseReason, in_json: str) -> None:
    entry = named(name)
    assert entry["content"].value == {}
    assert entry["serde_json"].value == {"reason": in_json}
    check(entry, "(CloseMessage)", sampling.close_to_wire(reason))
    assert sampling.close_from_wire(bytes.fromhex(entry["bincode"].value)) is reason
