"""Transactions as values: the ledger part, the Mantle part around it, and the signed whole (Mantle specification).

A transaction knows its hash: it is computed on first use and kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from nomos_core.identifiers import LedgerTxHash, NoteId, TxHash, ZkPublicKey, ZkSignature
from nomos_core.mantle.operations import Operation, OperationProof


@dataclass(frozen=True, slots=True)
class Note:
    value: int
    public_key: ZkPublicKey


@dataclass(frozen=True)
class LedgerTx:
    inputs: tuple[NoteId, ...] = ()
    outputs: tuple[Note, ...] = ()

    @cached_property
    def hash(self) -> LedgerTxHash:
        from nomos_core.mantle.hashes import ledger_tx_hash

        return ledger_tx_hash(self)


@dataclass(frozen=True)
class MantleTx:
    operations: tuple[Operation, ...] = ()
    ledger_tx: LedgerTx = LedgerTx()
    execution_gas_price: int = 0
    storage_gas_price: int = 0

    @cached_property
    def hash(self) -> TxHash:
        from nomos_core.mantle.hashes import tx_hash

        return tx_hash(self)


@dataclass(frozen=True)
class SignedMantleTx:
    mantle_tx: MantleTx
    operation_proofs: tuple[OperationProof, ...]
    ledger_tx_proof: ZkSignature

    @property
    def hash(self) -> TxHash:
        return self.mantle_tx.hash
