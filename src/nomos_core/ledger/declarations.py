"""What a service provider declares, and the notes such declarations lock (Service Declaration Protocol, SDP).

A declaration names a provider's keys and addresses for one service and locks a note as its stake. A locked note can't
be spent until every service it is locked for was withdrawn from; it still takes part in the leader lottery.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

from rpds import HashTrieMap

from nomos_core.identifiers import DeclarationId, Ed25519PublicKey, NoteId, ZkPublicKey
from nomos_core.ledger import errors
from nomos_core.mantle.operations import SDPDeclare, ServiceType
from nomos_core.mantle.transactions import Note


@dataclass(frozen=True, slots=True)
class Declaration:
    """``created`` and ``active`` are block numbers: of the declaration and of the last accepted sign of activity."""

    service_type: ServiceType
    provider_id: Ed25519PublicKey
    locked_note_id: NoteId
    locators: tuple[str, ...]
    """Multiaddresses in their text form."""
    zk_id: ZkPublicKey
    created: int
    active: int
    nonce: int = 0
    """Messages must carry a greater one. The protocol does not raise it yet."""

    @classmethod
    def of(cls, operation: SDPDeclare, block_number: int) -> Declaration:
        return cls(
            service_type=operation.service_type,
            provider_id=operation.provider_id,
            locked_note_id=operation.locked_note_id,
            locators=operation.locators,
            zk_id=operation.zk_id,
            created=block_number,
            active=block_number,
        )


Declarations: TypeAlias = "HashTrieMap[DeclarationId, Declaration]"


def in_id_order(declarations: Declarations) -> Iterator[tuple[DeclarationId, Declaration]]:
    return iter(sorted(declarations.items(), key=lambda item: item[0]))


@dataclass(frozen=True, slots=True)
class LockedNote:
    note: Note
    services: frozenset[ServiceType]


LockedNotes: TypeAlias = "HashTrieMap[NoteId, LockedNote]"


def lock(locked: LockedNotes, note_id: NoteId, note: Note, service: ServiceType, minimum_stake: int) -> LockedNotes:
    """Lock a note for a service.

    Raises:
        LedgerError: ``Mantle.Sdp.LockingError.NoteInsufficientValue`` or ``...NoteAlreadyUsedForService``.
    """
    if note.value < minimum_stake:
        raise errors.note_insufficient_value(note_id, note.value)
    entry = locked.get(note_id) or LockedNote(note, frozenset())
    if service in entry.services:
        raise errors.note_already_used(note_id, service)
    return locked.insert(note_id, replace(entry, services=entry.services | {service}))


def unlock(locked: LockedNotes, note_id: NoteId, service: ServiceType) -> LockedNotes:
    """Release a note that is locked for ``service``; it can be spent once no service is left."""
    entry = locked[note_id]
    services = entry.services - {service}
    return locked.insert(note_id, replace(entry, services=services)) if services else locked.remove(note_id)
