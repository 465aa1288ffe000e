"""Kind of proof that each operation needs, and the checks that every reader of a signed transaction makes.

When the real node reads a transaction, it checks only what it can check without a ledger: that there is a proof for
each operation, and the Ed25519 signatures of inscriptions and blobs. The ledger checks the rest.
"""

from __future__ import annotations

from typing import Final

from nomos_core import field
from nomos_core.keys import ed25519_verify
from nomos_core.mantle.operations import (
    ChannelBlob,
    ChannelInscribe,
    Ed25519Proof,
    LeaderClaim,
    Opcode,
    Operation,
    OperationProof,
    ZkAndEd25519Proof,
    ZkProof,
)
from nomos_core.mantle.transactions import SignedMantleTx

PROOF_KINDS: Final[dict[Opcode, type[OperationProof]]] = {
    Opcode.INSCRIBE: Ed25519Proof,
    Opcode.BLOB: Ed25519Proof,
    Opcode.SET_KEYS: Ed25519Proof,
    Opcode.SDP_DECLARE: ZkAndEd25519Proof,
    Opcode.SDP_WITHDRAW: ZkProof,
    Opcode.SDP_ACTIVE: ZkProof,
}
"""Kind of proof for each operation. A leader claim has none: the protocol does not define its encoding yet."""


class OperationProofError(ValueError):
    """Refusal of a proof that does not fit its operation or does not hold."""


class UnprovableOperation(OperationProofError):
    """Refusal of a leader claim: its proof has no encoding.

    The transaction can be neither signed nor priced nor included in a block.
    """


def verify_operation_proofs(tx: SignedMantleTx) -> None:
    """Check that there is a proof for each operation, and the signatures of inscriptions and blobs over the hash.

    As in the real node, an inscription or a blob with ``NoProof`` passes here; ``require_proof_kinds`` refuses it.

    Raises:
        OperationProofError: in the real node's words.
    """
    pairs = operations_with_proofs(tx)
    message = field.signing_bytes(tx.hash)
    for index, (operation, proof) in enumerate(pairs):
        if isinstance(operation, ChannelInscribe | ChannelBlob):
            _verify_signer(operation, proof, message, index)


def require_proof_kinds(tx: SignedMantleTx) -> None:
    """Check that each operation has the kind of proof from whose size its gas is computed.

    The real node panics where this refuses.

    Raises:
        UnprovableOperation: the transaction has a leader claim.
        OperationProofError: a proof is of another kind, or missing.
    """
    for index, (operation, proof) in enumerate(operations_with_proofs(tx)):
        expected = proof_kind(operation)
        if type(proof) is not expected:
            raise OperationProofError(
                "Mismatch between proof type and operation type: "
                f"{type(operation).__name__} at index {index} carries {type(proof).__name__}, "
                f"expected {expected.__name__}"
            )


def operations_with_proofs(tx: SignedMantleTx) -> list[tuple[Operation, OperationProof]]:
    """Return each operation with its proof.

    Raises:
        OperationProofError: there are more or fewer proofs than operations.
    """
    operations, proofs = tx.mantle_tx.operations, tx.operation_proofs
    if len(operations) != len(proofs):
        raise OperationProofError(
            f"Number of proofs ({len(proofs)}) does not match number of operations ({len(operations)})"
        )
    return list(zip(operations, proofs, strict=True))


def proof_kind(operation: Operation) -> type[OperationProof]:
    """Return the kind of proof that an operation needs.

    Raises:
        UnprovableOperation: the operation is a leader claim.
    """
    if isinstance(operation, LeaderClaim):
        raise UnprovableOperation("LeaderClaim operations are not supported: their proof has no encoding yet")
    return PROOF_KINDS[operation.opcode]


def _verify_signer(operation: ChannelInscribe | ChannelBlob, proof: OperationProof, message: bytes, index: int) -> None:
    match proof:
        case Ed25519Proof(signature):
            if not ed25519_verify(operation.signer, message, signature):
                raise OperationProofError(f"Invalid signature for operation at index {index}")
        case ZkProof():
            raise OperationProofError(f"Incorrect proof type for {type(operation).__name__} operation at index {index}")
