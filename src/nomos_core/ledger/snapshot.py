"""Ledger states as plain JSON data. A node stores the state of its LIB in this form, and starts from it again.

Field elements and bytes are hex. The three note trees of a state (the latest notes, and the aged notes of two epochs)
mostly hold the same notes. So each note is written once, and a tree is a list of pairs: the position of a leaf and the
index of its note.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from rpds import HashTrieMap, HashTrieSet

from nomos_core import field
from nomos_core.identifiers import (
    ChannelId,
    DeclarationId,
    Ed25519PublicKey,
    LedgerTxHash,
    MsgId,
    NoteId,
    ZkPublicKey,
)
from nomos_core.ledger.activity import BlendReports, DaReports, Session
from nomos_core.ledger.channels import Channel, Channels
from nomos_core.ledger.consensus import ConsensusState, EpochState
from nomos_core.ledger.declarations import Declaration, Declarations, LockedNote, LockedNotes, in_id_order
from nomos_core.ledger.sdp import SdpState, ServiceState
from nomos_core.ledger.state import LedgerState
from nomos_core.ledger.utxo_tree import UtxoTree
from nomos_core.mantle.notes import Utxo, note_ids
from nomos_core.mantle.operations import ServiceType
from nomos_core.mantle.transactions import Note

VERSION: Final = 1
"""Version of the form. A snapshot of another version is refused."""

Json = dict[str, Any]
"""JSON object."""


class SnapshotError(ValueError):
    """Refusal of data that is not a ledger state written by this version."""


def state_to_json(state: LedgerState) -> Json:
    """Return a ledger state as JSON data, which ``state_from_json`` reads back as an equal state."""
    trees = (state.utxos, state.epoch_state.utxos, state.next_epoch_state.utxos)
    notes = list({utxo.id: utxo for tree in dict.fromkeys(trees) for utxo in tree}.values())
    index_of = {utxo.id: index for index, utxo in enumerate(notes)}
    return {
        "version": VERSION,
        "block_number": state.block_number,
        "slot": state.slot,
        "nonce": field.to_hex(state.nonce),
        "notes": [_utxo_to_json(utxo) for utxo in notes],
        "utxos": _tree_to_json(state.utxos, index_of),
        "epoch_state": _epoch_to_json(state.epoch_state, index_of),
        "next_epoch_state": _epoch_to_json(state.next_epoch_state, index_of),
        "channels": _channels_to_json(state.channels),
        "services": {service.value: _service_to_json(held) for service, held in state.sdp.services.items()},
        "locked_notes": _locked_to_json(state.locked_notes),
    }


def state_from_json(data: Json) -> LedgerState:
    """Read a ledger state from the data that ``state_to_json`` returned.

    Raises:
        SnapshotError: the data has another version, or a key is missing or a value is wrong; the message names it.
    """
    version = data.get("version") if isinstance(data, dict) else None
    if version != VERSION:
        raise SnapshotError(f"expected a ledger snapshot of version {VERSION}, got version {version!r}")
    try:
        return _state_from_json(data)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise SnapshotError(f"not a ledger snapshot: {type(error).__name__}: {error}") from error


def _state_from_json(data: Json) -> LedgerState:
    notes = [_utxo_from_json(item) for item in data["notes"]]
    note_ids(notes)
    trees: dict[Any, UtxoTree] = {}

    def tree_from(placed: list[list[int]]) -> UtxoTree:
        """Return the tree of these leaves. Equal trees become one, so that they are hashed once."""
        key = tuple(map(tuple, placed))
        if key not in trees:
            trees[key] = UtxoTree.at_positions((position, notes[index]) for position, index in placed)
        return trees[key]

    def epoch_from(item: Json) -> EpochState:
        return EpochState(item["epoch"], field.from_hex(item["nonce"]), tree_from(item["utxos"]), item["total_stake"])

    services = {ServiceType(name): _service_from_json(item) for name, item in data["services"].items()}
    return LedgerState(
        block_number=data["block_number"],
        consensus=ConsensusState(
            slot=data["slot"],
            nonce=field.from_hex(data["nonce"]),
            utxos=tree_from(data["utxos"]),
            epoch_state=epoch_from(data["epoch_state"]),
            next_epoch_state=epoch_from(data["next_epoch_state"]),
        ),
        channels=_channels_from_json(data["channels"]),
        sdp=SdpState(services, _locked_from_json(data["locked_notes"])),
    )


def _note_to_json(note: Note) -> Json:
    return {"value": note.value, "pk": field.to_hex(note.public_key)}


def _note_from_json(item: Json) -> Note:
    return Note(item["value"], ZkPublicKey(field.from_hex(item["pk"])))


def _utxo_to_json(utxo: Utxo) -> Json:
    made = {"tx_hash": field.to_hex(utxo.tx_hash), "output_index": utxo.output_index}
    return made | _note_to_json(utxo.note)


def _utxo_from_json(item: Json) -> Utxo:
    return Utxo(LedgerTxHash(field.from_hex(item["tx_hash"])), item["output_index"], _note_from_json(item))


def _tree_to_json(tree: UtxoTree, index_of: Mapping[NoteId, int]) -> list[list[int]]:
    return [[position, index_of[utxo.id]] for position, utxo in tree.placed()]


def _epoch_to_json(epoch: EpochState, index_of: Mapping[NoteId, int]) -> Json:
    return {
        "epoch": epoch.epoch,
        "nonce": field.to_hex(epoch.nonce),
        "total_stake": epoch.total_stake,
        "utxos": _tree_to_json(epoch.utxos, index_of),
    }


def _channels_to_json(channels: Channels) -> Json:
    return {
        channel_id.hex(): {"tip": channel.tip.hex(), "keys": [key.hex() for key in channel.keys]}
        for channel_id, channel in channels.items()
    }


def _channels_from_json(data: Json) -> Channels:
    return HashTrieMap(
        {
            ChannelId(bytes.fromhex(channel_id)): Channel(
                MsgId(bytes.fromhex(item["tip"])), tuple(map(_key_from_hex, item["keys"]))
            )
            for channel_id, item in data.items()
        }
    )


def _locked_to_json(locked: LockedNotes) -> Json:
    return {
        field.to_hex(note_id): {"note": _note_to_json(entry.note), "services": sorted(entry.services)}
        for note_id, entry in locked.items()
    }


def _locked_from_json(data: Json) -> LockedNotes:
    return HashTrieMap(
        {
            NoteId(field.from_hex(note_id)): LockedNote(
                _note_from_json(item["note"]), frozenset(map(ServiceType, item["services"]))
            )
            for note_id, item in data.items()
        }
    )


def _service_to_json(service: ServiceState) -> Json:
    return {
        "declarations": _declarations_to_json(service.declarations),
        "active": _session_to_json(service.active),
        "forming": _session_to_json(service.forming),
        "reports": _reports_to_json(service.reports),
    }


def _service_from_json(item: Json) -> ServiceState:
    return ServiceState(
        reports=_reports_from_json(item["reports"]),
        declarations=_declarations_from_json(item["declarations"]),
        active=_session_from_json(item["active"]),
        forming=_session_from_json(item["forming"]),
    )


def _session_to_json(session: Session) -> Json:
    return {"number": session.number, "declarations": _declarations_to_json(session.declarations)}


def _session_from_json(item: Json) -> Session:
    return Session(item["number"], _declarations_from_json(item["declarations"]))


def _reports_to_json(reports: DaReports | BlendReports) -> Json:
    if isinstance(reports, BlendReports):
        return {"target": _session_to_json(reports.target) if reports.target else None}
    return {
        "target": _session_to_json(reports.target),
        "before_target": _session_to_json(reports.before_target),
        "reporters": sorted(provider.hex() for provider in reports.reporters),
    }


def _reports_from_json(item: Json) -> DaReports | BlendReports:
    if "reporters" not in item:
        return BlendReports(_session_from_json(item["target"]) if item["target"] else None)
    return DaReports(
        target=_session_from_json(item["target"]),
        before_target=_session_from_json(item["before_target"]),
        reporters=HashTrieSet(map(_key_from_hex, item["reporters"])),
    )


def _declarations_to_json(declarations: Declarations) -> Json:
    return {
        identifier.hex(): _declaration_to_json(declaration) for identifier, declaration in in_id_order(declarations)
    }


def _declarations_from_json(data: Json) -> Declarations:
    return HashTrieMap(
        {DeclarationId(bytes.fromhex(identifier)): _declaration_from_json(item) for identifier, item in data.items()}
    )


def _declaration_to_json(declaration: Declaration) -> Json:
    return {
        "service_type": declaration.service_type.value,
        "provider_id": declaration.provider_id.hex(),
        "locked_note_id": field.to_hex(declaration.locked_note_id),
        "locators": list(declaration.locators),
        "zk_id": field.to_hex(declaration.zk_id),
        "created": declaration.created,
        "active": declaration.active,
        "nonce": declaration.nonce,
    }


def _declaration_from_json(item: Json) -> Declaration:
    return Declaration(
        service_type=ServiceType(item["service_type"]),
        provider_id=_key_from_hex(item["provider_id"]),
        locked_note_id=NoteId(field.from_hex(item["locked_note_id"])),
        locators=tuple(item["locators"]),
        zk_id=ZkPublicKey(field.from_hex(item["zk_id"])),
        created=item["created"],
        active=item["active"],
        nonce=item["nonce"],
    )


def _key_from_hex(text: str) -> Ed25519PublicKey:
    return Ed25519PublicKey(bytes.fromhex(text))
