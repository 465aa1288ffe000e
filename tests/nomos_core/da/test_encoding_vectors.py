"""Blobs encoded, and refused, as the real node's encoder does it with the real parameters."""

from __future__ import annotations

import random

import pytest

from nomos_core.da.encoding import EncodedBlob, EncodingError, chunk_rows, encode
from nomos_core.da.kzg_generator import TEST_POWERS
from nomos_core.da.kzg_params import G1_BYTES, KzgParams
from nomos_core.da.points import decode_point, uncompressed
from nomos_core.da.reconstruction import reconstruct, reconstruct_blob
from nomos_core.da.shares import LightShare, row_commitments_hash
from nomos_core.da.shares_json import (
    light_share_from_json,
    light_share_to_json,
    share_from_json,
    share_index_from_json,
    share_index_to_json,
    share_to_json,
)
from nomos_core.da.shares_wire import (
    commitments_from_wire,
    commitments_to_wire,
    light_share_from_wire,
    light_share_to_wire,
    share_from_wire,
    share_to_wire,
)
from nomos_core.da.verification import verify_column, verify_share
from support.inputs.golden import Golden, entries, load


def hexes(items: tuple[bytes, ...]) -> list[str]:
    return [item.hex() for item in items]


def agrees(found: object, entry: Golden) -> bool:
    """The file leaves long values of the larger blobs out."""
    return entry.value is None or found == entry.value


def test_what_is_read_of_the_parameters_file(real_params: KzgParams) -> None:
    entry = load("da.json")["params"]
    key = real_params.verification_key
    assert entry["powers_of_g_count"].value == TEST_POWERS
    assert [point.to_compressed_bytes().hex() for point in real_params.powers(3)] == entry["powers_of_g_first3"].value
    assert key.gamma_g.to_compressed_bytes().hex() == entry["gamma_g0"].value
    assert key.h.to_compressed_bytes().hex() == entry["h"].value
    assert key.beta_h.to_compressed_bytes().hex() == entry["beta_h"].value
    assert key.g == real_params.powers(1)[0]
    assert len(uncompressed(key.g)) == G1_BYTES


@pytest.mark.parametrize("entry", entries("da.json", "cases"))
def test_blob(entry: Golden, real_params: KzgParams) -> None:
    data, columns = bytes.fromhex(entry["data"].value), entry["columns"].value
    basis = real_params.basis(columns)
    blob = encode(data, basis)
    commitments = [decode_point(commitment) for commitment in blob.row_commitments]
    assert len(data) == entry["data_len"].value
    assert [len(row) for row in chunk_rows(data, columns)] == entry["chunked_row_lengths"].value
    assert len(blob.rows) == entry["rows"].value
    assert [hexes(row) for row in blob.rows] == entry["extended_rows"].value
    assert hexes(blob.row_commitments) == entry["row_commitments"].value
    assert agrees([uncompressed(point).hex() for point in commitments], entry["row_commitments_uncompressed"])
    assert row_commitments_hash(commitments).hex() == entry["row_commitments_hash31"].value
    assert blob.blob_id.hex() == entry["blob_id"].value
    assert hexes(blob.column_proofs) == entry["combined_column_proofs"].value
    assert (encode(data, basis) == blob) is entry["with_toeplitz_cache_equal"].value
    verdicts = [
        verify_column(share.light, share.rows_commitments, columns, real_params.verification_key)
        for share in blob.shares()
    ]
    assert verdicts == entry["verify_each_share"].value
    check_reconstruction(entry, blob, data)
    check_shares(entry, blob, real_params)


def check_reconstruction(entry: Golden, blob: EncodedBlob, data: bytes) -> None:
    lights = [share.light for share in blob.shares()]
    half = lights[: blob.columns // 2]
    assert reconstruct(half).hex() == entry["reconstruct_from_first_half"].value
    assert agrees(reconstruct(lights).hex(), entry["reconstruct_from_all_columns"])
    assert (reconstruct(half) == data) is entry["reconstruct_equals_data"].value
    assert reconstruct_blob(lights, blob.columns, len(data)) == data
    mixed = random.Random(entry["columns"].value).sample(half, len(half))
    assert (reconstruct(mixed) == reconstruct(half)) is entry["reconstruct_order_independent"].value


def check_shares(entry: Golden, blob: EncodedBlob, params: KzgParams) -> None:
    shares = list(blob.shares())
    assert len(shares) == len(entry["shares"])
    for share, expected in zip(shares, entry["shares"], strict=True):
        light = share.light
        verify_share(share, blob.blob_id, blob.columns, params.verification_key)
        assert light.share_idx == expected["share_idx"].value
        assert share_index_to_json(light.share_idx) == expected["share_idx_api"].value
        assert share_index_from_json(expected["share_idx_api"].value) == light.share_idx
        assert hexes(light.column) == expected["column"].value
        assert light.column_id.hex() == expected["column_id"].value
        assert share_to_wire(share).hex() == expected["bincode"].value
        assert share_from_wire(bytes.fromhex(expected["bincode"].value)) == share
        assert agrees(share_to_json(share), expected["json"])
        assert share_from_json(share_to_json(share)) == share
        assert light_share_to_wire(light).hex() == expected["light_share_bincode"].value
        assert light_share_from_wire(bytes.fromhex(expected["light_share_bincode"].value)) == light
        assert agrees(light_share_to_json(light), expected["light_share_json"])
        assert light_share_from_json(light_share_to_json(light)) == light
        assert commitments_to_wire(share.rows_commitments).hex() == expected["commitments_bincode"].value
        assert commitments_from_wire(bytes.fromhex(expected["commitments_bincode"].value)) == share.rows_commitments


@pytest.mark.parametrize("entry", entries("da.json", "edge_inputs"))
def test_data_at_the_edge(entry: Golden, real_params: KzgParams) -> None:
    data, columns, result = bytes.fromhex(entry["data"].value), entry["columns"].value, entry["result"]
    if "panic" in result:
        assert result["panic"].value
        with pytest.raises(EncodingError):
            encode(data, real_params.basis(columns))
        return
    blob, expected = encode(data, real_params.basis(columns)), result["ok"]
    lights: list[LightShare] = [share.light for share in blob.shares()]
    assert blob.blob_id.hex() == expected["blob_id"].value
    assert hexes(blob.row_commitments) == expected["row_commitments"].value
    assert hexes(blob.column_proofs) == expected["proofs"].value
    assert len(lights) == expected["shares"].value
    assert reconstruct(lights[: columns // 2]).hex() == expected["reconstructed"].value
    key = real_params.verification_key
    assert [verify_column(light, blob.row_commitments, columns, key) for light in lights] == expected["verify"].value
    for share in blob.shares():
        verify_share(share, blob.blob_id, columns, key)
