"""Shares as they came and tampered with: what the real node's verifier and its reader of JSON say of each."""

from __future__ import annotations

import pytest

from nomos_core.da.kzg_params import KzgParams
from nomos_core.da.shares_json import share_from_json, share_to_json
from nomos_core.da.verification import InvalidShare, verify_column, verify_share
from nomos_core.identifiers import BlobId
from nomos_core.mantle.json_reading import JsonError
from support.inputs.golden import Golden, entries

LOOSELY_VALID = ("index_plus_domain_is_cyclic", "chunk_plus_modulus", "chunk_of_33_bytes", "chunk_of_31_bytes")
"""What the real verifier takes although it is another encoding of the share."""


@pytest.mark.parametrize("entry", entries("da.json", "tampered"))
def test_share(entry: Golden, real_params: KzgParams) -> None:
    key = real_params.verification_key
    share = share_from_json(entry["share_json"].value)
    domain_size, name = entry["domain_size"].value, entry["name"].value
    assert share_to_json(share) == entry["share_json"].value
    assert share.blob_id.hex() == entry["blob_id"].value
    if "panic" in entry["verify"]:
        assert entry["verify"]["panic"].value
        with pytest.raises(InvalidShare, match="row commitments: expected one for each"):
            verify_column(share.light, share.rows_commitments, domain_size, key)
        return
    holds = verify_column(share.light, share.rows_commitments, domain_size, key)
    assert holds is entry["verify"].value
    if holds and not name.startswith(LOOSELY_VALID):
        verify_share(share, share.blob_id, domain_size, key)
    else:
        with pytest.raises(InvalidShare):
            verify_share(share, BlobId(share.blob_id), domain_size, key)


@pytest.mark.parametrize("entry", entries("da.json", "share_json_decoding"))
def test_json_of_a_share(entry: Golden) -> None:
    value, result = entry["json"].value, entry["result"]
    if "err" in result:
        with pytest.raises(JsonError) as caught:
            share_from_json(value)
        assert caught.value.message == result["err"].value
        return
    assert result.value == "ok"
    share = share_from_json(value)
    assert list(share.light.column) == list(map(bytes, value["column"]))
    assert share.light.combined_column_proof == bytes(value["combined_column_proof"][:49])
