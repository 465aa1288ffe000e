"""The protocol's two kinds of keys: Ed25519 (nodes, channels, leaders) and zero-knowledge keys (notes, providers).

A zero-knowledge secret key is a field element; its public key is its Poseidon2 compression with a fixed tag. A node's
libp2p peer id is the identity multihash of its Ed25519 public key.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from nomos_core import edwards25519, field, poseidon2
from nomos_core.identifiers import Ed25519PublicKey, Ed25519Signature, ZkPublicKey, bytes_from_hex
from nomos_core.peer_identity import peer_id, peer_id_from_text, peer_id_multihash

__all__ = [
    "KEY_BYTES",
    "SIGNATURE_BYTES",
    "ZERO_ZK_PUBLIC",
    "Ed25519Key",
    "ed25519_key_from_hex",
    "ed25519_public_from_hex",
    "ed25519_verify",
    "parse_ed25519_public",
    "peer_id",
    "peer_id_from_text",
    "peer_id_multihash",
    "zk_public_key",
    "zk_public_keys",
]

KEY_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64

_ZK_KEY_TAG: Final = field.from_tag("NOMOS_KDF")


def zk_public_key(secret: int) -> ZkPublicKey:
    """``compress("NOMOS_KDF", secret)``."""
    return ZkPublicKey(poseidon2.compress(_ZK_KEY_TAG, secret))


def zk_public_keys(secrets: Sequence[int]) -> list[ZkPublicKey]:
    """``zk_public_key`` of every secret, in one batch."""
    return [ZkPublicKey(key) for key in poseidon2.compress_pairs([(_ZK_KEY_TAG, secret) for secret in secrets])]


ZERO_ZK_PUBLIC: Final = zk_public_key(0)
"""The public key of secret 0; it pads the key list of a zero-knowledge signature."""


@dataclass(frozen=True, slots=True)
class Ed25519Key:
    """A secret key: the 32-byte seed."""

    public: Ed25519PublicKey
    _expanded: bytes
    """Seed and public key, as libsodium wants them."""

    def __init__(self, secret: bytes) -> None:
        from nacl.bindings import crypto_sign_seed_keypair

        if len(secret) != KEY_BYTES:
            raise ValueError(f"an Ed25519 secret key has {KEY_BYTES} bytes, got {len(secret)}")
        public, expanded = crypto_sign_seed_keypair(secret)
        object.__setattr__(self, "public", Ed25519PublicKey(public))
        object.__setattr__(self, "_expanded", expanded)

    @property
    def secret(self) -> bytes:
        return self._expanded[:KEY_BYTES]

    def sign(self, message: bytes) -> Ed25519Signature:
        from nacl.bindings import crypto_sign

        return Ed25519Signature(crypto_sign(message, self._expanded)[:SIGNATURE_BYTES])

    def __repr__(self) -> str:
        return f"Ed25519Key(public={self.public.hex()})"


def ed25519_verify(public: Ed25519PublicKey, message: bytes, signature: Ed25519Signature) -> bool:
    """Whether the real node would take the signature.

    libsodium answers in microseconds. What it refuses is looked at again only if a key or commitment of small order or
    non-canonical form may be the reason: there the real node is laxer.
    """
    from nacl.bindings import crypto_sign_open
    from nacl.exceptions import BadSignatureError

    if len(public) != KEY_BYTES or len(signature) != SIGNATURE_BYTES:
        return False
    try:
        crypto_sign_open(signature + message, public)
    except BadSignatureError:
        return _refused_on_principle(public, signature) and edwards25519.verify(public, message, signature)
    return True


def _refused_on_principle(public: bytes, signature: bytes) -> bool:
    return any(edwards25519.is_unusual(point) for point in (public, signature[:KEY_BYTES]))


def parse_ed25519_public(data: bytes) -> Ed25519PublicKey:
    """Accept exactly the bytes that the real node accepts: any encoding of a curve point, canonical or not.

    Raises:
        ValueError: in the real node's words, which its HTTP answers quote.
    """
    if len(data) != KEY_BYTES:
        raise ValueError(f"an Ed25519 public key has {KEY_BYTES} bytes, got {len(data)}")
    if not _is_point(data):
        raise ValueError("Invalid Ed25519 public key bytes.")
    return Ed25519PublicKey(data)


@lru_cache(maxsize=4096)
def _is_point(data: bytes) -> bool:
    return edwards25519.decompress(data) is not None


def ed25519_public_from_hex(text: str) -> Ed25519PublicKey:
    """The JSON and YAML form: 64 hex digits, with or without ``0x``.

    Raises:
        ValueError: no hex of 32 bytes, or no curve point.
    """
    return parse_ed25519_public(bytes_from_hex(text, KEY_BYTES))


def ed25519_key_from_hex(text: str) -> Ed25519Key:
    """The secret seed from 64 hex digits, with or without ``0x``."""
    return Ed25519Key(bytes_from_hex(text, KEY_BYTES))
