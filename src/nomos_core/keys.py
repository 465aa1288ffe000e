"""The two kinds of keys of the protocol: Ed25519 keys (nodes, channels, leaders) and zero-knowledge keys (notes,
providers).

A zero-knowledge secret key is a field element, and its public key is the Poseidon2 compression of a fixed tag and the
secret. The libp2p peer id of a node is the identity multihash of its Ed25519 public key.
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
"""Length of an Ed25519 public key, and of the seed of a secret key."""
SIGNATURE_BYTES: Final = 64
"""Length of an Ed25519 signature."""

_ZK_KEY_TAG: Final = field.from_tag("NOMOS_KDF")


def zk_public_key(secret: int) -> ZkPublicKey:
    """Return the public key of a secret: ``compress("NOMOS_KDF", secret)``. Both are field elements."""
    return ZkPublicKey(poseidon2.compress(_ZK_KEY_TAG, secret))


def zk_public_keys(secrets: Sequence[int]) -> list[ZkPublicKey]:
    """Return the public key of every secret, computed in one batch."""
    return [ZkPublicKey(key) for key in poseidon2.compress_pairs([(_ZK_KEY_TAG, secret) for secret in secrets])]


ZERO_ZK_PUBLIC: Final = zk_public_key(0)
"""Public key of secret 0. It fills up the list of keys of a zero-knowledge signature."""


@dataclass(frozen=True, slots=True)
class Ed25519Key:
    """Secret key, given by its 32-byte seed, with its public key.

    Raises:
        ValueError: the seed has another length.
    """

    public: Ed25519PublicKey
    """Public key, 32 bytes."""
    _expanded: bytes
    """Seed and public key, the form that libsodium takes."""

    def __init__(self, secret: bytes) -> None:
        from nacl.bindings import crypto_sign_seed_keypair

        if len(secret) != KEY_BYTES:
            raise ValueError(f"an Ed25519 secret key has {KEY_BYTES} bytes, got {len(secret)}")
        public, expanded = crypto_sign_seed_keypair(secret)
        object.__setattr__(self, "public", Ed25519PublicKey(public))
        object.__setattr__(self, "_expanded", expanded)

    @property
    def secret(self) -> bytes:
        """Seed, 32 bytes."""
        return self._expanded[:KEY_BYTES]

    def sign(self, message: bytes) -> Ed25519Signature:
        """Return the signature (64 bytes) over a message."""
        from nacl.bindings import crypto_sign

        return Ed25519Signature(crypto_sign(message, self._expanded)[:SIGNATURE_BYTES])

    def __repr__(self) -> str:
        return f"Ed25519Key(public={self.public.hex()})"


def ed25519_verify(public: Ed25519PublicKey, message: bytes, signature: Ed25519Signature) -> bool:
    """Tell whether the real node would accept the signature.

    libsodium answers in microseconds. A signature that it refuses is checked again only if a key or commitment of small
    order or non-canonical form may be the reason. There the real node accepts more.
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
    """Accept exactly the bytes that the real node accepts: every encoding of a curve point, canonical or not.

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
    """Read a public key from JSON or YAML: 64 hex digits, with or without ``0x``.

    Raises:
        ValueError: no hex of 32 bytes, or no curve point.
    """
    return parse_ed25519_public(bytes_from_hex(text, KEY_BYTES))


def ed25519_key_from_hex(text: str) -> Ed25519Key:
    """Read a secret key from the hex digits of its seed, 64 digits with or without ``0x``.

    Raises:
        ValueError: the text has other characters or another length.
    """
    return Ed25519Key(bytes_from_hex(text, KEY_BYTES))
