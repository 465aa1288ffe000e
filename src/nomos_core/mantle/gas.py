"""Fee of a transaction (Mantle specification, Gas): execution, storage of its signed bytes, and blobs.

Gas is multiplied by the prices that the transaction names; the result is in units of value. Sums and products wrap at
64 bits, as in the real node: an absurd price must not make two nodes disagree.
"""

from __future__ import annotations

from typing import Final

from nomos_core.mantle.operation_proofs import require_proof_kinds
from nomos_core.mantle.operations import ChannelBlob, Opcode, Operation
from nomos_core.mantle.transactions import MantleTx, SignedMantleTx
from nomos_core.mantle.transactions_binary import signed_size

LEDGER_TX: Final = 2705
"""Gas for the execution of the ledger part, which every transaction has."""
CHANNEL_BLOB_SIZED: Final = 100
"""Gas for each full ``BLOB_UNIT`` of a blob."""
BLOB_UNIT: Final = 1024 * 32
"""Bytes of a blob that cost ``CHANNEL_BLOB_SIZED`` more. Bytes of an incomplete unit are free."""
EXECUTION: Final = {
    Opcode.INSCRIBE: 22,
    Opcode.BLOB: 800,
    Opcode.SET_KEYS: 22,
    Opcode.SDP_DECLARE: 2727,
    Opcode.SDP_WITHDRAW: 2705,
    Opcode.SDP_ACTIVE: 2705,
    Opcode.LEADER_CLAIM: 1150,
}
"""Gas for the execution of each kind of operation. The numbers are the real node's mainnet constants."""

_U64_MASK: Final = (1 << 64) - 1


def gas_cost(tx: SignedMantleTx | MantleTx) -> int:
    """Return the fee of a transaction in units of value; for an unsigned one the fee it will have once it is signed.

    The fee is ``execution gas * execution_gas_price + signed bytes * storage_gas_price`` plus, for each blob,
    ``blob_size * da_storage_gas_price``.

    Raises:
        OperationProofError: an operation carries another kind of proof than it needs, or is a leader claim.
            (The real node panics; ours refuses the transaction.)
    """
    if isinstance(tx, SignedMantleTx):
        require_proof_kinds(tx)
        tx = tx.mantle_tx
    execution = LEDGER_TX + sum(map(execution_gas, tx.operations))
    blobs = sum(map(da_gas_cost, tx.operations))
    return (execution * tx.execution_gas_price + signed_size(tx) * tx.storage_gas_price + blobs) & _U64_MASK


def execution_gas(operation: Operation) -> int:
    """Return the execution gas of an operation. For a blob it grows with ``blob_size``."""
    gas = EXECUTION[operation.opcode]
    if isinstance(operation, ChannelBlob):
        gas += CHANNEL_BLOB_SIZED * (operation.blob_size // BLOB_UNIT)
    return gas


def da_gas_cost(operation: Operation) -> int:
    """Return the price of storing the blob that the operation names, in units of value; 0 for other operations."""
    if isinstance(operation, ChannelBlob):
        return operation.da_storage_gas_price * operation.blob_size & _U64_MASK
    return 0
