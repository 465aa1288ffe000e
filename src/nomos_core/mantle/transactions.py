"""Transactions as values: the ledger part, the Mantle part around it, and the signed whole (Mantle specification).

The hash of a transaction is computed on first use and then kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from nomos_core.identifiers import LedgerTxHash, NoteId, TxHash, ZkPublicKey, ZkSignature
from nomos_core.mantle.operations import Operation, OperationProof


@dataclass(frozen=True, slots=True)
class Note:
    """Value that belongs to a key. It is an output of a ledger transaction."""

    value: int
    """Units of value, from 0 to 2^64 - 1. Only the genesis transaction may make a note of value 0."""
    public_key: ZkPublicKey
    """Owner. Who spends the note must prove that they know its secret key."""


@dataclass(frozen=True)
class LedgerTx:
    """Ledger part of a transaction: notes that it spends and notes that it makes."""

    inputs: tuple[NoteId, ...] = ()
    """Ids of the notes to spend, each unspent and not locked. More than 255 have no readable binary form."""
    outputs: tuple[Note, ...] = ()
    """Notes to make. More than 255 have no readable binary form; the genesis of a large test network has more."""

    @cached_property
    def hash(self) -> LedgerTxHash:
        """Hash of the canonical bytes (``ledger_tx_hash``). The ids of the outputs are derived from it."""
        from nomos_core.mantle.hashes import ledger_tx_hash  # here, because that module imports this one

        return ledger_tx_hash(self)


@dataclass(frozen=True)
class MantleTx:
    """Transaction without its proofs: operations, ledger part and gas prices."""

    operations: tuple[Operation, ...] = ()
    """Operations in the order in which the ledger applies them. More than 255 have no readable binary form."""
    ledger_tx: LedgerTx = LedgerTx()
    """Ledger part, which is applied before the operations."""
    execution_gas_price: int = 0
    """Units of value for each unit of execution gas, from 0 to 2^64 - 1."""
    storage_gas_price: int = 0
    """Units of value for each byte of the signed transaction, from 0 to 2^64 - 1."""

    @cached_property
    def hash(self) -> TxHash:
        """Hash of the canonical bytes (``tx_hash``). It names the transaction, and all proofs sign it."""
        from nomos_core.mantle.hashes import tx_hash  # here, because that module imports this one

        return tx_hash(self)


@dataclass(frozen=True)
class SignedMantleTx:
    """Transaction with its proofs, as it is sent, stored and put into blocks."""

    mantle_tx: MantleTx
    """Transaction that the proofs sign."""
    operation_proofs: tuple[OperationProof, ...]
    """One proof for each operation, in their order."""
    ledger_tx_proof: ZkSignature
    """Zero-knowledge signature of the keys of all inputs over the hash; needed also without inputs."""

    @property
    def hash(self) -> TxHash:
        """Hash of ``mantle_tx``: proofs do not change it."""
        return self.mantle_tx.hash
