"""The keys of a test network's node, all derived from one 32-byte id, as the original test framework derives them.

The id is the node's Ed25519 seed. Its notes for leadership and for service declarations have secret keys made of a
two-letter prefix and the id's first 14 bytes; the provider's zero-knowledge key is the Ed25519 public key read as a
field element.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from nomos_core import field
from nomos_core.identifiers import ZkPublicKey
from nomos_core.keys import Ed25519Key, zk_public_key
from nomos_core.peer_identity import peer_id

_ID_PART = 14


@dataclass(frozen=True, slots=True)
class ZkKeyPair:
    secret: int
    public: ZkPublicKey

    @classmethod
    def of(cls, secret: int) -> ZkKeyPair:
        return cls(secret, zk_public_key(secret))


@dataclass(frozen=True)
class NodeIdentity:
    """``id`` is 32 bytes; everything else follows from it."""

    id: bytes

    @cached_property
    def node_key(self) -> Ed25519Key:
        return Ed25519Key(self.id)

    @cached_property
    def peer_id(self) -> str:
        return peer_id(self.node_key.public)

    @cached_property
    def leader(self) -> ZkKeyPair:
        return self._note_key(b"ld")

    @cached_property
    def data_availability(self) -> ZkKeyPair:
        return self._note_key(b"da")

    @cached_property
    def blend(self) -> ZkKeyPair:
        return self._note_key(b"bn")

    @cached_property
    def provider(self) -> ZkKeyPair:
        """The key behind the ``zk_id`` of the node's service declarations."""
        return ZkKeyPair.of(field.from_bytes_reduced(self.node_key.public))

    def _note_key(self, prefix: bytes) -> ZkKeyPair:
        return ZkKeyPair.of(field.from_bytes(prefix + self.id[:_ID_PART]))
