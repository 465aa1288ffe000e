"""Ledger part of a transaction: notes spent, notes made, and the value left over for the fee.

The checks follow the order of the protocol: each input in turn (locked, then unspent), then the one proof over the keys
of all inputs, then each output.
"""

from __future__ import annotations

from nomos_core.identifiers import NoteId, ZkPublicKey
from nomos_core.ledger import errors
from nomos_core.ledger.declarations import LockedNotes
from nomos_core.ledger.utxo_tree import UtxoTree
from nomos_core.mantle.notes import utxos_of
from nomos_core.mantle.transactions import Note, SignedMantleTx
from nomos_core.proofs.prover import Verifier


def apply_transfer(
    utxos: UtxoTree, locked: LockedNotes, tx: SignedMantleTx, verifier: Verifier
) -> tuple[UtxoTree, int]:
    """Return the notes after the transaction, and the value of its inputs less that of its outputs.

    That balance may be negative. The new notes take the positions that the spent ones free.

    Raises:
        LedgerError: ``LockedNote``, ``InvalidNote``, ``InvalidProof`` or ``ZeroValueNote``.
    """
    ledger_tx = tx.mantle_tx.ledger_tx
    spent = _spent_notes(utxos, locked, ledger_tx.inputs)
    keys: list[ZkPublicKey] = [note.public_key for note in spent]
    if not verifier.verify(keys, tx.hash, tx.ledger_tx_proof):
        raise errors.invalid_proof()
    if any(note.value == 0 for note in ledger_tx.outputs):
        raise errors.zero_value_note()
    balance = sum(note.value for note in spent) - sum(note.value for note in ledger_tx.outputs)
    return utxos.updated(removed=ledger_tx.inputs, inserted=utxos_of(ledger_tx)), balance


def _spent_notes(utxos: UtxoTree, locked: LockedNotes, inputs: tuple[NoteId, ...]) -> list[Note]:
    spent: dict[NoteId, Note] = {}
    for note_id in inputs:
        if note_id in locked:
            raise errors.locked_note(note_id)
        utxo = utxos.get(note_id)
        if utxo is None or note_id in spent:
            raise errors.invalid_note(note_id)
        spent[note_id] = utxo.note
    return list(spent.values())
