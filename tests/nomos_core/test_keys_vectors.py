"""Keys, peer ids and node identities against the real node's."""

from __future__ import annotations

import pytest

from nomos_core import field, keys
from nomos_core.codec import Writer
from nomos_core.identifiers import Ed25519Signature
from nomos_core.node_identity import NodeIdentity, ZkKeyPair
from support.inputs.golden import Golden, entries


@pytest.mark.parametrize("entry", entries("keys.json", "ed25519"))
def test_ed25519(entry: Golden) -> None:
    key = keys.Ed25519Key(bytes.fromhex(entry["secret"].value))
    message = bytes.fromhex(entry["message"].value)
    signature = key.sign(message)

    assert key.secret.hex() == entry["secret"].value
    assert key.public.hex() == entry["public"].value == entry["public_json"].value
    assert Writer().byte_string(key.public).take().hex() == entry["public_bincode"].value
    assert signature.hex() == entry["signature"].value == entry["signature_bincode"].value
    assert list(signature) == entry["signature_json"].value
    assert keys.ed25519_verify(key.public, message, signature)
    assert keys.ed25519_public_from_hex(entry["public_json"].value) == key.public
    assert keys.ed25519_key_from_hex("0x" + entry["secret"].value) == key

    assert keys.peer_id_multihash(key.public).hex() == entry["peer_id_multihash"].value
    assert keys.peer_id(key.public) == entry["peer_id"].value
    assert keys.peer_id_from_text(entry["peer_id"].value) == key.public


@pytest.mark.parametrize("entry", entries("keys.json", "ed25519_public_key_parsing"))
def test_ed25519_public_keys_are_accepted_exactly_as_the_node_does(entry: Golden) -> None:
    text = entry["bytes"].value if "bytes" in entry else entry["text"].value
    try:
        keys.ed25519_public_from_hex(text)
        result = "ok"
    except ValueError as error:
        result = str(error)
    assert result == entry["json_result"].value
    if "accepted" in entry:
        assert (result == "ok") == entry["accepted"].value


@pytest.mark.parametrize("entry", entries("keys.json", "zk"))
def test_zk_keys(entry: Golden) -> None:
    secret = int(entry["secret_dec"].value)
    public = keys.zk_public_key(secret)
    assert field.to_hex(secret) == entry["secret"].value
    assert str(public) == entry["public_dec"].value
    assert field.to_hex(public) == entry["public"].value == entry["public_json"].value
    assert Writer().field(public).take().hex() == entry["public_bincode"].value


@pytest.mark.parametrize("entry", entries("keys.json", "nodes"))
def test_node_identities(entry: Golden) -> None:
    node = NodeIdentity(bytes.fromhex(entry["id"].value))
    assert node.node_key.public.hex() == entry["ed25519_public"].value
    assert node.peer_id == entry["peer_id"].value
    assert_note_key(node.leader, entry["leader"])
    assert_note_key(node.data_availability, entry["da_note"])
    assert_note_key(node.blend, entry["blend_note"])
    assert field.to_hex(node.provider.secret) == entry["provider_zk_sk"].value
    assert field.to_hex(node.provider.public) == entry["provider_zk_id"].value


def assert_note_key(pair: ZkKeyPair, expected: Golden) -> None:
    assert field.to_hex(pair.secret) == expected["sk"].value
    assert str(pair.secret) == expected["sk_dec"].value
    assert field.to_hex(pair.public) == expected["pk"].value


@pytest.mark.parametrize("entry", entries("keys.json", "ed25519")[:3])
def test_a_changed_signature_or_message_is_refused(entry: Golden) -> None:
    key = keys.Ed25519Key(bytes.fromhex(entry["secret"].value))
    message = bytes.fromhex(entry["message"].value)
    signature = key.sign(message)
    assert not keys.ed25519_verify(key.public, message + b"\0", signature)
    for position in (0, 31, 32, 63):
        changed = bytearray(signature)
        changed[position] ^= 1
        assert not keys.ed25519_verify(key.public, message, Ed25519Signature(bytes(changed)))
