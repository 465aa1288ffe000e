"""Zero-knowledge signatures (zksign): the interface of their makers and verifiers.

A signature proves knowledge of the secret keys of at most 32 public keys. It is bound to a message, in practice the
hash of a transaction. Shorter lists of keys are filled up with the public key of secret 0, so a list, and the same list
with that key appended, have the same signatures. The order of the keys matters.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, Protocol

from nomos_core.identifiers import ZkPublicKey, ZkSignature
from nomos_core.keys import ZERO_ZK_PUBLIC

MAX_KEYS: Final = 32
"""Public keys of a signature."""
SIGNATURE_BYTES: Final = 128
"""Length of a signature."""

ProverName = Literal["development", "groth16"]
"""Name of a prover, as ``NOMOS_PROVER`` takes it."""


class ProofError(Exception):
    """Failure to make a signature. The text names the step and what it reported."""


class Verifier(Protocol):
    """Verifier of zero-knowledge signatures."""

    @property
    def name(self) -> ProverName:
        """Name of the prover whose signatures it accepts."""
        ...

    def verify(self, public_keys: Sequence[ZkPublicKey], message: int, signature: ZkSignature) -> bool:
        """Tell whether a signature holds for these public keys and this message (a field element).

        It is False, and never an error, for a signature of any other bytes, and for more than ``MAX_KEYS`` keys.
        """
        ...


class Prover(Verifier, Protocol):
    """Maker and verifier of zero-knowledge signatures."""

    def sign(self, secret_keys: Sequence[int], message: int) -> ZkSignature:
        """Make a signature with these secret keys over a message. Keys and message are field elements.

        Raises:
            ValueError: more than ``MAX_KEYS`` keys.
            ProofError: the proof could not be made.
        """
        ...


def padded_public_keys(public_keys: Sequence[ZkPublicKey]) -> list[ZkPublicKey]:
    """Return the 32 public keys that a signature is bound to: the given ones, filled up with that of secret 0.

    Raises:
        ValueError: more than ``MAX_KEYS`` keys.
    """
    check_key_count(len(public_keys))
    return [*public_keys, *(MAX_KEYS - len(public_keys)) * [ZERO_ZK_PUBLIC]]


def check_key_count(count: int) -> None:
    """Check the number of keys of a signature.

    Raises:
        ValueError: more than ``MAX_KEYS`` keys.
    """
    if count > MAX_KEYS:
        raise ValueError(f"a zero-knowledge signature takes at most {MAX_KEYS} keys, got {count}")
