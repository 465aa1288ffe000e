"""Zero-knowledge signatures (zksign): what every maker and checker of them offers.

A signature proves knowledge of the secret keys behind at most 32 public keys and is bound to a message, in practice a
transaction's hash. Shorter key lists are padded with the public key of secret 0, so a list and the same list with that
key appended have the same signatures. The order of the keys matters.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, Protocol

from nomos_core.identifiers import ZkPublicKey, ZkSignature
from nomos_core.keys import ZERO_ZK_PUBLIC

MAX_KEYS: Final = 32
SIGNATURE_BYTES: Final = 128

ProverName = Literal["development", "groth16"]


class ProofError(Exception):
    """A signature could not be made; the text says at which step and what the step reported."""


class Verifier(Protocol):
    @property
    def name(self) -> ProverName: ...

    def verify(self, public_keys: Sequence[ZkPublicKey], message: int, signature: ZkSignature) -> bool:
        """Never raises for a bad signature, whatever its bytes; false for more than ``MAX_KEYS`` keys."""
        ...


class Prover(Verifier, Protocol):
    def sign(self, secret_keys: Sequence[int], message: int) -> ZkSignature:
        """
        Raises:
            ValueError: more than ``MAX_KEYS`` keys.
            ProofError: the proof could not be made.
        """
        ...


def padded_public_keys(public_keys: Sequence[ZkPublicKey]) -> list[ZkPublicKey]:
    """The 32 public keys that a signature is bound to.

    Raises:
        ValueError: more than ``MAX_KEYS`` keys.
    """
    check_key_count(len(public_keys))
    return [*public_keys, *(MAX_KEYS - len(public_keys)) * [ZERO_ZK_PUBLIC]]


def check_key_count(count: int) -> None:
    if count > MAX_KEYS:
        raise ValueError(f"a zero-knowledge signature takes at most {MAX_KEYS} keys, got {count}")
