"""Blake2b with a digest of 32 bytes. The protocol uses it for everything that no circuit has to compute."""

from __future__ import annotations

from hashlib import blake2b


def blake2b_256(*parts: bytes) -> bytes:
    """Return the digest (32 bytes) of the parts, joined."""
    state = blake2b(digest_size=32)
    for part in parts:
        state.update(part)
    return state.digest()
