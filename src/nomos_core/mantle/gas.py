"""What a transaction must pay (Mantle specification, Gas): execution, storage of its signed bytes, and blobs.

Sums and products wrap at 64 bits, as in the real node: an absurd price must not make two nodes disagree.
"""

from __future__ import annotations

from typing import Final

from nomos_core.mantle.operation_proofs import require_proof_kinds
from nomos_core.mantle.operations import ChannelBlob, Opcode, Operation
from nomos_core.mantle.transactions import MantleTx, SignedMantleTx
from nomos_core.mantle.transactions_binary import signed_size

LEDGER_TX: Final = 2705
CHANNEL_BLOB_SIZED: Final = 100
BLOB_UNIT: Final = 1024 * 32
"""Bytes of a blob that cost ``CHANNEL_BLOB_SIZED`` more; a blob's started unit is free."""
EXECUTION: Final = {
    Opcode.INSCRIBE: 22,
    Opcode.BLOB: 800,
    Opcode.SET_KEYS: 22,
    Opcode.SDP_DECLARE: 2727,
    Opcode.SDP_WITHDRAW: 2705,
    Opcode.SDP_ACTIVE: 2705,
    Opcode.LEADER_CLAIM: 1150,
}

_U64_MASK: Final = (1 << 64) - 1


def gas_cost(tx: SignedMantleTx | MantleTx) -> int:
    """The cost in units of value; of an unsigned transaction, what it will be once it is signed.

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
    gas = EXECUTION[operation.opcode]
    if isinstance(operation, ChannelBlob):
        gas += CHANNEL_BLOB_SIZED * (operation.blob_size // BLOB_UNIT)
    return gas


def da_gas_cost(operation: Operation) -> int:
    if isinstance(operation, ChannelBlob):
        return operation.da_storage_gas_price * operation.blob_size & _U64_MASK
    return 0
