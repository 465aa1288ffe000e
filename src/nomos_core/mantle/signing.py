"""Signing of a transaction: a proof for each operation and one for the ledger part, all over the transaction's hash.

Ed25519 signs the Montgomery form of the hash (``field.signing_bytes``). Zero-knowledge signatures take the hash as a
field element.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nomos_core import field
from nomos_core.identifiers import TxHash
from nomos_core.keys import Ed25519Key
from nomos_core.mantle.operation_proofs import OperationProofError, proof_kind
from nomos_core.mantle.operations import Ed25519Proof, Operation, OperationProof, ZkAndEd25519Proof, ZkProof
from nomos_core.mantle.transactions import MantleTx, SignedMantleTx
from nomos_core.proofs.prover import Prover


@dataclass(frozen=True, slots=True)
class Ed25519Signer:
    """Signer of a channel operation."""

    key: Ed25519Key
    """Key of the operation's signer; for ``ChannelSetKeys`` the first key of the channel."""


@dataclass(frozen=True, slots=True)
class ZkSigner:
    """Signer of a withdrawal or an activity report."""

    secret_keys: tuple[int, ...]
    """Secret key of the locked note, then that of the provider's ``zk_id``; field elements."""


@dataclass(frozen=True, slots=True)
class ZkAndEd25519Signer:
    """Signer of a declaration."""

    secret_keys: tuple[int, ...]
    """Secret key of the locked note, then that of the provider's ``zk_id``; field elements."""
    key: Ed25519Key
    """Key of the ``provider_id``."""


OperationSigner = Ed25519Signer | ZkSigner | ZkAndEd25519Signer
"""Any signer of an operation."""


def sign_transaction(
    mantle_tx: MantleTx,
    *,
    operation_signers: Sequence[OperationSigner] = (),
    ledger_keys: Sequence[int] = (),
    prover: Prover,
) -> SignedMantleTx:
    """Sign a transaction: each operation, and the spending of its inputs.

    Args:
        mantle_tx: transaction to sign.
        operation_signers: one for each operation, in their order.
        ledger_keys: secret keys of the notes that are spent, in the order of the inputs.
        prover: maker of zero-knowledge signatures.

    Raises:
        OperationProofError: there are more or fewer signers than operations, or a signer can't sign its operation.
        ValueError: there are more or fewer keys than inputs, or more than the prover takes.
        ProofError: the prover failed.
    """
    if len(operation_signers) != len(mantle_tx.operations):
        raise OperationProofError(
            f"{len(mantle_tx.operations)} operations need as many signers, got {len(operation_signers)}"
        )
    if len(ledger_keys) != len(mantle_tx.ledger_tx.inputs):
        raise ValueError(f"{len(mantle_tx.ledger_tx.inputs)} inputs need as many keys, got {len(ledger_keys)}")
    proofs = tuple(
        sign_operation(operation, signer, mantle_tx.hash, prover)
        for operation, signer in zip(mantle_tx.operations, operation_signers, strict=True)
    )
    return SignedMantleTx(mantle_tx, proofs, prover.sign(ledger_keys, mantle_tx.hash))


def sign_operation(operation: Operation, signer: OperationSigner, tx_hash: TxHash, prover: Prover) -> OperationProof:
    """Return the proof of an operation of the transaction with this hash.

    Raises:
        OperationProofError: the operation needs another kind of signer.
        ProofError: the prover failed.
    """
    expected = proof_kind(operation)
    if _PROOF_OF_SIGNER[type(signer)] is not expected:
        raise OperationProofError(
            f"{type(operation).__name__} needs {expected.__name__}, which {type(signer).__name__} does not make"
        )
    match signer:
        case Ed25519Signer(key):
            return Ed25519Proof(key.sign(field.signing_bytes(tx_hash)))
        case ZkSigner(secret_keys):
            return ZkProof(prover.sign(secret_keys, tx_hash))
        case ZkAndEd25519Signer(secret_keys, key):
            return ZkAndEd25519Proof(prover.sign(secret_keys, tx_hash), key.sign(field.signing_bytes(tx_hash)))


_PROOF_OF_SIGNER: dict[type[OperationSigner], type[OperationProof]] = {
    Ed25519Signer: Ed25519Proof,
    ZkSigner: ZkProof,
    ZkAndEd25519Signer: ZkAndEd25519Proof,
}
