"""Development prover: signatures that bind keys and message but prove no knowledge of the secret keys.

Anybody can make one for any public key, in microseconds and without circuits. That is enough for a test network. A
signature with a changed key, message or byte is still refused. The real node accepts none of them, and this prover
accepts none of the real node's.

Layout (128 bytes): a tag of 64 bytes, then the 64-byte Blake2b of the tag, the 32 padded public keys and the message.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Final

from nomos_core import field
from nomos_core.identifiers import ZkPublicKey, ZkSignature
from nomos_core.keys import zk_public_keys
from nomos_core.proofs.prover import MAX_KEYS, ProverName, check_key_count, padded_public_keys

_TAG: Final = b"made by the development prover; proves no knowledge of any key\0\0"


class DevelopmentProver:
    """Prover without proofs, for test networks."""

    name: Final[ProverName] = "development"

    def sign(self, secret_keys: Sequence[int], message: int) -> ZkSignature:
        """Return the signature for the public keys of at most ``MAX_KEYS`` secret keys over a message.

        Raises:
            ValueError: more than ``MAX_KEYS`` keys.
        """
        check_key_count(len(secret_keys))
        return _signature(zk_public_keys(secret_keys), message)

    def verify(self, public_keys: Sequence[ZkPublicKey], message: int, signature: ZkSignature) -> bool:
        """Tell whether this prover made the signature for these public keys and this message."""
        return len(public_keys) <= MAX_KEYS and _signature(public_keys, message) == signature


def made_by_development_prover(signature: ZkSignature) -> bool:
    """Tell whether a signature has the development prover's tag, valid or not.

    Another prover uses this to say why it refuses the signature.
    """
    return signature.startswith(_TAG)


def _signature(public_keys: Sequence[ZkPublicKey], message: int) -> ZkSignature:
    binding = blake2b(_TAG)
    for element in (*padded_public_keys(public_keys), message):
        binding.update(field.to_bytes(element))
    return ZkSignature(_TAG + binding.digest())
