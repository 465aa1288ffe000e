"""Blake2b with a 32-byte digest: the protocol's hash of everything that no circuit has to recompute."""

from __future__ import annotations

from hashlib import blake2b


def blake2b_256(*parts: bytes) -> bytes:
    """The digest of the concatenated parts."""
    state = blake2b(digest_size=32)
    for part in parts:
        state.update(part)
    return state.digest()
