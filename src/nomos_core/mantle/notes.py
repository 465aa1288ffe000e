"""Unspent notes and their ids (Mantle specification, Note id).

A note's id is the Poseidon2 sponge, without the final ONE, over a tag, the hash of the ledger transaction that made it,
its place among the outputs, its value and its owner's key.
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
    """An unspent note and where it was made."""

    tx_hash: LedgerTxHash
    """Of the ledger transaction, not of the Mantle transaction around it."""
    output_index: int
    note: Note

    @cached_property
    def id(self) -> NoteId:
        return note_ids((self,))[0]


def note_ids(utxos: Sequence[Utxo]) -> list[NoteId]:
    """The ids of many notes in one batch. ``Utxo.id`` of each then costs nothing."""
    rows = [(_TAG, utxo.tx_hash, utxo.output_index, utxo.note.value, utxo.note.public_key) for utxo in utxos]
    ids = [NoteId(value) for value in poseidon2.absorb_many(rows)]
    for utxo, note_id in zip(utxos, ids, strict=True):
        utxo.__dict__["id"] = note_id
    return ids


def utxos_of(ledger_tx: LedgerTx) -> tuple[Utxo, ...]:
    """The notes that a ledger transaction makes, in the order of its outputs, with their ids computed."""
    utxos = tuple(Utxo(ledger_tx.hash, index, note) for index, note in enumerate(ledger_tx.outputs))
    note_ids(utxos)
    return utxos
