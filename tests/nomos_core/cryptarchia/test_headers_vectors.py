"""Headers of the real node in every form: ids, wire, JSON, the signature over the wire form; genesis headers too."""

import json

import pytest

from nomos_core import field
from nomos_core.cryptarchia.block_root import block_root
from nomos_core.cryptarchia.block_validity import sign_header
from nomos_core.cryptarchia.header import Header, genesis_header
from nomos_core.cryptarchia.header_json import header_from_json, header_to_json
from nomos_core.cryptarchia.header_wire import header_from_wire, header_to_wire
from nomos_core.identifiers import TxHash
from nomos_core.keys import Ed25519Key, ed25519_verify
from support.inputs.golden import Golden, entries, load

ZERO_SEED = Ed25519Key(bytes(32))


def tx_hash(text: str) -> TxHash:
    return TxHash(field.from_hex(text))


def check_forms(header: Header, wire: Golden, json_value: Golden) -> None:
    assert header_to_wire(header).hex() == wire.value
    assert header_from_wire(bytes.fromhex(wire.value)) == header
    assert header_to_json(header) == json_value.value
    assert header_from_json(json_value.value) == header


@pytest.mark.parametrize("entry", entries("blocks.json", "headers"))
def test_header(entry: Golden) -> None:
    header = header_from_json(entry["json"].value)
    assert header.id.hex() == entry["id"].value
    check_forms(header, entry["bincode"], entry["json"])
    assert json.dumps(header_to_json(header), separators=(",", ":")) == entry["json_text"].value
    signature = sign_header(header, ZERO_SEED)
    assert signature.hex() == entry["signature_by_zero_seed"].value
    assert list(signature) == entry["signature_json"].value
    assert ed25519_verify(ZERO_SEED.public, header_to_wire(header), signature)


def test_key_that_signs_every_block() -> None:
    assert ZERO_SEED.public.hex() == load("blocks.json")["zero_seed_public_key"].value


@pytest.mark.parametrize("entry", entries("blocks.json", "block_roots"))
def test_block_root(entry: Golden) -> None:
    assert block_root([tx_hash(text) for text in entry["tx_hashes"].value]).hex() == entry["block_root"].value


@pytest.mark.parametrize("entry", entries("genesis.json", "genesis"))
def test_genesis_header(entry: Golden) -> None:
    header = genesis_header(tx_hash(entry["tx_hash"].value))
    assert header.id.hex() == entry["genesis_block_id"].value
    assert header.block_root.hex() == entry["block_root"].value
    check_forms(header, entry["header_bincode"], entry["header_json"])
