"""Keys off the beaten track: the laxer rules of the real node's Ed25519, peer ids, and what is refused."""

from __future__ import annotations

from hashlib import sha512

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nomos_core import edwards25519, keys
from nomos_core.identifiers import Ed25519PublicKey, Ed25519Signature
from nomos_core.node_identity import NodeIdentity
from nomos_core.peer_identity import base58_decode, base58_encode

GROUP_ORDER = 2**252 + 27742317777372353535851937790883648493
IDENTITY = Ed25519PublicKey((1).to_bytes(32, "little"))
NON_CANONICAL_IDENTITY = Ed25519PublicKey((2**255 - 18).to_bytes(32, "little"))


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=100))
def test_signatures_verify_by_both_ways(secret: bytes, message: bytes) -> None:
    key = keys.Ed25519Key(secret)
    signature = key.sign(message)
    assert keys.ed25519_verify(key.public, message, signature)
    assert edwards25519.verify(key.public, message, signature)
    assert not keys.ed25519_verify(key.public, message + b"!", signature)
    assert not edwards25519.verify(key.public, message + b"!", signature)


@pytest.mark.parametrize("public", [IDENTITY, NON_CANONICAL_IDENTITY], ids=["canonical", "not canonical"])
def test_a_key_of_small_order_is_taken_as_the_real_node_does(public: Ed25519PublicKey) -> None:
    """With the identity as key R = sB for any s: a signature that libsodium refuses on principle."""
    base = edwards25519.decompress(bytes.fromhex("58" + 31 * "66"))
    assert base is not None
    s = 12345
    signature = Ed25519Signature(edwards25519.compress(s * base) + s.to_bytes(32, "little"))
    assert keys.ed25519_verify(public, b"message", signature)


def test_a_commitment_of_small_order_is_taken_as_the_real_node_does() -> None:
    """R = identity and s = challenge * a: libsodium refuses R, the real node computes."""
    secret, message = bytes(32), b"message"
    key = keys.Ed25519Key(secret)
    scalar = int.from_bytes(sha512(secret).digest()[:32], "little") & ((1 << 254) - 8) | 1 << 254
    challenge = int.from_bytes(sha512(IDENTITY + key.public + message).digest(), "little")
    s = challenge * scalar % GROUP_ORDER
    signature = Ed25519Signature(IDENTITY + s.to_bytes(32, "little"))
    assert keys.ed25519_verify(key.public, message, signature)
    assert not keys.ed25519_verify(key.public, b"another", signature)


def test_a_scalar_at_or_above_the_order_is_refused() -> None:
    for s in (GROUP_ORDER, GROUP_ORDER + 1):
        assert not keys.ed25519_verify(IDENTITY, b"", Ed25519Signature(IDENTITY + s.to_bytes(32, "little")))
    assert keys.ed25519_verify(IDENTITY, b"", Ed25519Signature(IDENTITY + bytes(32)))


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=64, max_size=64), st.binary(max_size=8))
@example(bytes(32), bytes(64), b"R")  # a key of order four: a zero signature holds for every fourth message
def test_garbage_gets_the_verdict_of_the_plain_equation(public: bytes, signature: bytes, message: bytes) -> None:
    verdict = keys.ed25519_verify(Ed25519PublicKey(public), message, Ed25519Signature(signature))
    assert verdict == edwards25519.verify(public, message, signature)


@given(st.binary(min_size=32, max_size=32))
def test_compressed_points_come_back(data: bytes) -> None:
    point = edwards25519.decompress(data)
    if point is not None and not edwards25519.is_unusual(data):
        assert edwards25519.compress(point) == data


@pytest.mark.parametrize("size", [0, 31, 33])
def test_keys_of_another_length_are_refused(size: int) -> None:
    with pytest.raises(ValueError, match=f"32 bytes, got {size}"):
        keys.parse_ed25519_public(bytes(size))
    with pytest.raises(ValueError, match=f"32 bytes, got {size}"):
        keys.Ed25519Key(bytes(size))
    assert not keys.ed25519_verify(Ed25519PublicKey(bytes(size)), b"", Ed25519Signature(bytes(64)))


def test_a_key_does_not_show_its_secret() -> None:
    secret = bytes(range(32))
    assert secret.hex() not in repr(keys.Ed25519Key(secret))


@given(st.binary(max_size=50))
@example(b"\0\0\1")
def test_base58_reads_back(data: bytes) -> None:
    assert base58_decode(base58_encode(data)) == data


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("0OIl", "'0' at position 0"),
        ("", "is not the peer id"),
        ("QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N", "start with 12D3Koo"),
    ],
)
def test_other_texts_are_no_peer_ids(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        keys.peer_id_from_text(text)


def test_batched_zk_keys_equal_single_ones() -> None:
    secrets = [0, 1, 2**128]
    assert keys.zk_public_keys(secrets) == [keys.zk_public_key(secret) for secret in secrets]
    assert keys.zk_public_key(0) == keys.ZERO_ZK_PUBLIC


def test_a_node_identity_is_equal_by_its_id() -> None:
    assert NodeIdentity(bytes(32)) == NodeIdentity(bytes(32)) != NodeIdentity(b"\1" * 32)
