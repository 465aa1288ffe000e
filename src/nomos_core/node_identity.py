"""Keys of a test network's node, all derived from one id of 32 bytes, as the original test framework derives them.

The id is the seed of the node's Ed25519 key. The secret key of each note (for leadership and for the service
declarations) is a prefix of two letters and the first 14 bytes of the id. The provider's zero-knowledge secret key is
the Ed25519 public key, read as a field element.
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
    """Zero-knowledge secret key with its public key."""

    secret: int
    """Secret key, a field element."""
    public: ZkPublicKey
    """Public key, a field element."""

    @classmethod
    def of(cls, secret: int) -> ZkKeyPair:
        """Return the key pair of a secret key."""
        return cls(secret, zk_public_key(secret))


@dataclass(frozen=True)
class NodeIdentity:
    """Keys of one node. All follow from ``id`` and are computed when first read."""

    id: bytes
    """32 bytes, different for each node."""

    @cached_property
    def node_key(self) -> Ed25519Key:
        """Ed25519 key of the node, for libp2p, data availability and Blend. Its public key is the ``provider_id``."""
        return Ed25519Key(self.id)

    @cached_property
    def peer_id(self) -> str:
        """libp2p peer id of ``node_key``."""
        return peer_id(self.node_key.public)

    @cached_property
    def leader(self) -> ZkKeyPair:
        """Keys of the note with which the node plays in the leader lottery."""
        return self._note_key(b"ld")

    @cached_property
    def data_availability(self) -> ZkKeyPair:
        """Keys of the note that backs the declaration for data availability."""
        return self._note_key(b"da")

    @cached_property
    def blend(self) -> ZkKeyPair:
        """Keys of the note that backs the declaration for Blend."""
        return self._note_key(b"bn")

    @cached_property
    def provider(self) -> ZkKeyPair:
        """Keys of the ``zk_id`` of the node's service declarations."""
        return ZkKeyPair.of(field.from_bytes_reduced(self.node_key.public))

    def _note_key(self, prefix: bytes) -> ZkKeyPair:
        return ZkKeyPair.of(field.from_bytes(prefix + self.id[:_ID_PART]))
