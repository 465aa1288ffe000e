"""The note tree against the golden roots, positions and paths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import pytest

from nomos_core import field
from nomos_core.identifiers import LedgerTxHash, NoteId, ZkPublicKey
from nomos_core.ledger.utxo_tree import HEIGHT, UtxoTree, empty_subtree_root
from nomos_core.mantle.notes import Utxo
from nomos_core.mantle.transactions import Note
from support.inputs.golden import Golden, entries, load


@dataclass(frozen=True)
class Named:
    """A note of which only the id is known."""

    id: NoteId


def named(note_id: str) -> Utxo:
    return cast("Utxo", Named(NoteId(field.from_hex(note_id))))


def parse_utxo(data: dict[str, Any]) -> Utxo:
    note = Note(data["note"]["value"], ZkPublicKey(field.from_hex(data["note"]["pk"])))
    return Utxo(LedgerTxHash(field.from_hex(data["tx_hash"])), data["output_index"], note)


def step(tree: UtxoTree, entry: Golden) -> UtxoTree:
    utxo = named(entry["note_id"].value)
    if entry["op"].value == "insert":
        tree = tree.updated(inserted=[utxo])
        assert tree.position(utxo.id) == entry["position"].value
        return tree
    if "error" not in entry:
        return tree.updated(removed=[utxo.id])
    assert entry["error"].value
    with pytest.raises(KeyError):
        tree.updated(removed=[utxo.id])
    return tree


def replay(entry: Golden) -> UtxoTree:
    tree = UtxoTree()
    for change in entry["steps"]:
        tree = step(tree, change)
    return tree


def test_empty_subtree_roots() -> None:
    expected = load("utxo_tree.json")["empty_subtree_roots"].value
    assert [field.to_hex(empty_subtree_root(height)) for height in range(HEIGHT + 1)] == expected
    assert field.to_hex(UtxoTree().root) == expected[HEIGHT]


@pytest.mark.parametrize("entry", entries("utxo_tree.json", "scenarios"))
def test_each_change_gives_the_root_and_size(entry: Golden) -> None:
    tree = UtxoTree()
    for change in entry["steps"]:
        tree = step(tree, change)
        assert field.to_hex(tree.root) == change["root"].value
        assert len(tree) == change["size"].value


@pytest.mark.parametrize("entry", entries("utxo_tree.json", "scenarios"))
def test_hashing_only_at_the_end_gives_the_same(entry: Golden) -> None:
    tree = replay(entry)
    assert field.to_hex(tree.root) == entry["steps"][len(entry["steps"]) - 1]["root"].value
    positions = [[position, field.to_hex(utxo.id)] for position, utxo in tree.placed()]
    assert positions == entry["final_positions"].value


@pytest.mark.parametrize("entry", entries("utxo_tree.json", "scenarios"))
def test_stored_tree(entry: Golden) -> None:
    """The reference node's serial form is the notes by position; the tree made from it has the same root."""
    stored = entry["final_serde_json"].value
    if stored is None:
        return
    for note_id, utxo in stored.values():
        assert field.to_hex(parse_utxo(utxo).id) == note_id
    restored = UtxoTree.at_positions((int(position), parse_utxo(utxo)) for position, (_, utxo) in stored.items())
    tree = replay(entry)
    assert restored == tree
    assert restored.updated(inserted=[named("11" * 31 + "00")]) == tree.updated(inserted=[named("11" * 31 + "00")])


@pytest.mark.parametrize("entry", entries("utxo_tree.json", "scenarios"))
def test_merkle_paths(entry: Golden) -> None:
    tree = replay(entry)
    for path in entry["merkle_paths"].value:
        note_id = named(path["leaf"]).id
        position = tree.position(note_id)
        assert position == path["position"]
        found = [
            {"sibling": field.to_hex(sibling), "side": "left" if position >> height & 1 else "right"}
            for height, sibling in enumerate(tree.merkle_path(note_id))
        ]
        assert found == path["path_bottom_up"]


@pytest.mark.parametrize("entry", entries("utxo_tree.json", "utxo_ids"))
def test_note_ids(entry: Golden) -> None:
    note = Note(entry["value"].value, ZkPublicKey(field.from_hex(entry["pk"].value)))
    utxo = Utxo(LedgerTxHash(field.from_hex(entry["tx_hash"].value)), entry["output_index"].value, note)
    assert field.to_hex(utxo.id) == entry["note_id"].value
    assert parse_utxo(entry["utxo_json"].value) == utxo
