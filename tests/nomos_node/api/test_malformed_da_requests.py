"""An executor with data availability under bodies that are almost right: each is answered with a reason."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.processes.embedded_node import NodeProcess, ask, free_ports, leader_genesis, make_executor_config

pytestmark = pytest.mark.slow

_JSON = {"content-type": "application/json"}
_junk = st.none() | st.booleans() | st.integers(-1, 1 << 65) | st.text(max_size=5) | st.lists(st.integers(-1, 300))
_hex = st.binary(min_size=32, max_size=32).map(bytes.hex) | _junk
_bytes = st.binary(max_size=64).map(list) | _junk
_blob = st.binary(min_size=32, max_size=32).map(list) | _junk
_index = st.lists(st.integers(0, 255), min_size=2, max_size=2) | _junk
_session = st.integers(0, (1 << 64) - 1) | _junk
_indices = st.lists(_index, max_size=3) | _junk
_column = st.lists(st.binary(max_size=40).map(list), max_size=3) | _junk
_bodies: dict[tuple[bool, str, str], st.SearchStrategy[Any]] = {
    (False, "POST", "/disperse-data"): st.fixed_dictionaries(
        {"channel_id": _hex, "parent_msg_id": _hex, "signer": _hex, "data": _bytes}
    ),
    (False, "POST", "/da/add-share"): st.fixed_dictionaries(
        {
            "column": _column,
            "share_idx": st.integers(0, 3) | _junk,
            "combined_column_proof": _bytes,
            "rows_commitments": _column,
        }
    )
    | _junk,
    (False, "POST", "/da/get-commitments"): st.fixed_dictionaries({"blob_id": _blob, "session": _session}),
    (False, "GET", "/da/get-storage-commitments"): st.fixed_dictionaries({"blob_id": _blob}),
    (False, "GET", "/da/get-share"): st.fixed_dictionaries({"blob_id": _blob, "share_idx": _index}),
    (False, "GET", "/da/sampling/shares"): st.fixed_dictionaries(
        {
            "blob_id": _blob,
            "requested_shares": _indices,
            "filter_shares": _indices,
            "return_available": st.booleans() | _junk,
        }
    ),
    (False, "POST", "/da/block-peer"): _junk,
    (False, "POST", "/da/unblock-peer"): _junk,
    (True, "POST", "/test/da/membership"): _session,
    (True, "POST", "/test/da/historic-sampling"): st.fixed_dictionaries(
        {"block_id": _hex, "blob_ids": st.lists(st.tuples(_blob, _session).map(list) | _junk, max_size=3)}
    ),
}
_requests = st.sampled_from(sorted(_bodies)).flatmap(lambda request: st.tuples(st.just(request), _bodies[request]))


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, kzg_file: Path) -> Iterator[NodeProcess]:
    config = make_executor_config(
        leader_genesis(),
        da_network__membership__subnetwork_size=2,
        da_network__backend__validator_settings__listening_address=f"/ip4/127.0.0.1/udp/{free_ports(1)[0]}/quic-v1",
        da_verifier__share_verifier_settings__global_params_path=str(kzg_file),
        da_dispersal__backend__encoder_settings__global_params_path=str(kzg_file),
    )
    with NodeProcess(config, tmp_path_factory.mktemp("node")).start() as process:
        yield process.wait_ready()


@given(request=_requests)
@settings(max_examples=300)
def test_no_body_breaks_the_node(node: NodeProcess, request: tuple[tuple[bool, str, str], Any]) -> None:
    (is_testing, method, path), body = request
    listener = node.config.testing_http if is_testing else node.config.http
    answer = ask(listener.backend_settings.address, method, path, json.dumps(body).encode(), _JSON)
    if answer.status >= 400:
        assert answer.text, f"{answer.status} without a reason"
        assert "internal error" not in answer.text
    assert node.info(), "the node no longer answers"
