"""Declarations of service providers, and the notes that they lock (Service Declaration Protocol, SDP).

A declaration names a provider's keys and addresses for one service, and locks a note as its stake. A locked note can't
be spent until it is unlocked for every service. It still takes part in the leader lottery.
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
    """Declaration of one provider for one service, with the blocks of its last changes."""

    service_type: ServiceType
    """Service that the provider offers."""
    provider_id: Ed25519PublicKey
    """Ed25519 public key of the provider; its libp2p peer id is derived from this key."""
    locked_note_id: NoteId
    """Note that is locked as the stake, worth at least ``minimum_stake``."""
    locators: tuple[str, ...]
    """Addresses of the provider: multiaddresses in text form, each at most 329 bytes in binary form."""
    zk_id: ZkPublicKey
    """Zero-knowledge public key of the provider. It signs activity and withdrawal together with the note's key."""
    created: int
    """Number of the block with the declaration."""
    active: int
    """Number of the block with the last accepted activity; at first ``created``."""
    nonce: int = 0
    """A message on the declaration needs a greater nonce. At this revision nothing ever raises it from 0."""

    @classmethod
    def of(cls, operation: SDPDeclare, block_number: int) -> Declaration:
        """Return the declaration that ``operation`` makes in block ``block_number``."""
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
"""Declarations of one service by their id. Persistent: a changed copy shares the rest."""


def in_id_order(declarations: Declarations) -> Iterator[tuple[DeclarationId, Declaration]]:
    """Return ids and declarations in ascending order of the ids, so that every node sees the same order."""
    return iter(sorted(declarations.items(), key=lambda item: item[0]))


@dataclass(frozen=True, slots=True)
class LockedNote:
    """Note that at least one declaration locks."""

    note: Note
    """Value and owner of the note. Its owner's key signs the messages on its declarations."""
    services: frozenset[ServiceType]
    """Services it is locked for, at least one. A note backs at most one declaration of each service."""


LockedNotes: TypeAlias = "HashTrieMap[NoteId, LockedNote]"
"""Locked notes by their id. Persistent: a changed copy shares the rest."""


def lock(locked: LockedNotes, note_id: NoteId, note: Note, service: ServiceType, minimum_stake: int) -> LockedNotes:
    """Lock a note for a service.

    The note must be worth ``minimum_stake`` or more, and not be locked for that service yet.

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
    """Release a note that is locked for ``service``. It can be spent once it is locked for no service."""
    entry = locked[note_id]
    services = entry.services - {service}
    return locked.insert(note_id, replace(entry, services=services)) if services else locked.remove(note_id)
