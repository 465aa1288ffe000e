"""Unspent notes and their ids (Mantle specification, Note id).

The id of a note is the Poseidon2 sponge, without the final ONE, over the tag ``NOMOS_NOTE_ID_V1``, the hash of the
ledger transaction that made it, its position among the outputs, its value and its owner's key.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from nomos_core import field, poseidon2
from nomos_core.identifiers import LedgerTxHash, NoteId
from nomos_core.mantle.transactions import LedgerTx, Note

_TAG: Final = field.from_tag("NOMOS_NOTE_ID_V1")


@dataclass(frozen=True)
class Utxo:
    """Unspent note, and the output that made it."""

    tx_hash: LedgerTxHash
    """Hash of the ledger transaction, not of the Mantle transaction around it."""
    output_index: int
    """Position among the outputs of that transaction, from 0."""
    note: Note
    """Value and owner."""

    @cached_property
    def id(self) -> NoteId:
        """Id of the note, a field element; computed once."""
        return note_ids((self,))[0]


def note_ids(utxos: Sequence[Utxo]) -> list[NoteId]:
    """Return the ids of many notes, computed in one batch.

    The ids are also stored in the notes, so ``Utxo.id`` costs nothing afterwards.
    """
    rows = [(_TAG, utxo.tx_hash, utxo.output_index, utxo.note.value, utxo.note.public_key) for utxo in utxos]
    ids = [NoteId(value) for value in poseidon2.absorb_many(rows)]
    for utxo, note_id in zip(utxos, ids, strict=True):
        utxo.__dict__["id"] = note_id
    return ids


def utxos_of(ledger_tx: LedgerTx) -> tuple[Utxo, ...]:
    """Return the notes that a ledger transaction makes, in the order of its outputs, with their ids computed."""
    utxos = tuple(Utxo(ledger_tx.hash, index, note) for index, note in enumerate(ledger_tx.outputs))
    note_ids(utxos)
    return utxos
