"""The genesis of a test network: which notes its nodes and wallets hold, and which services its nodes declare.

Notes and operations stand in the order of the original test framework, so that equal nodes give an equal genesis.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from nomos_core.mantle.genesis import GenesisDeclaration, genesis_transaction
from nomos_core.mantle.operations import ServiceType
from nomos_core.mantle.transactions import Note, SignedMantleTx
from nomos_core.node_identity import NodeIdentity
from nomos_core.proofs.prover import Prover

LEADER_STAKE: Final = 1000
SERVICE_STAKE: Final = 1

_DA_NOTE, _BLEND_NOTE = 1, 2
_NOTES_PER_NODE: Final = 3


@dataclass(frozen=True, slots=True)
class GenesisNode:
    """A node of a test network. A locator of None: the node does not declare that service, but has the note for it."""

    identity: NodeIdentity
    da_locator: str | None
    blend_locator: str | None


def network_genesis(
    nodes: Sequence[GenesisNode], wallet_notes: Sequence[Note], prover: Prover, *, workers: int = 1
) -> SignedMantleTx:
    """Per node a leader note of 1000 and two service notes of 1, then the wallet's notes.

    The data-availability providers are declared before the Blend providers, each in the order of the nodes. ``workers``
    threads sign the declarations.

    Raises:
        ValueError: a locator is no multiaddress, or too long.
        ProofError: the prover failed.
    """
    notes = [note for node in nodes for note in _node_notes(node.identity)]
    declarations = [*_da_declarations(nodes), *_blend_declarations(nodes)]
    return genesis_transaction([*notes, *wallet_notes], declarations, prover, workers=workers)


def _node_notes(identity: NodeIdentity) -> tuple[Note, Note, Note]:
    return (
        Note(LEADER_STAKE, identity.leader.public),
        Note(SERVICE_STAKE, identity.data_availability.public),
        Note(SERVICE_STAKE, identity.blend.public),
    )


def _da_declarations(nodes: Sequence[GenesisNode]) -> Iterator[GenesisDeclaration]:
    for index, node in enumerate(nodes):
        if node.da_locator is not None:
            yield GenesisDeclaration(
                ServiceType.DATA_AVAILABILITY,
                (node.da_locator,),
                node.identity.node_key,
                node.identity.provider.secret,
                _NOTES_PER_NODE * index + _DA_NOTE,
                node.identity.data_availability.secret,
            )


def _blend_declarations(nodes: Sequence[GenesisNode]) -> Iterator[GenesisDeclaration]:
    for index, node in enumerate(nodes):
        if node.blend_locator is not None:
            yield GenesisDeclaration(
                ServiceType.BLEND,
                (node.blend_locator,),
                node.identity.node_key,
                node.identity.provider.secret,
                _NOTES_PER_NODE * index + _BLEND_NOTE,
                node.identity.blend.secret,
            )
