"""Genesis of a test network: the notes of its nodes and wallets, and the services that its nodes declare.

Notes and operations stand in the order of the original test framework, so equal nodes give an equal genesis.
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
"""Units of value of a node's leader note."""
SERVICE_STAKE: Final = 1
"""Units of value of each note that backs a service declaration."""

_DA_NOTE, _BLEND_NOTE = 1, 2
_NOTES_PER_NODE: Final = 3


@dataclass(frozen=True, slots=True)
class GenesisNode:
    """Node of a test network."""

    identity: NodeIdentity
    """Keys of the node."""
    da_locator: str | None
    """Multiaddress of its data availability service; None: the node has the note but does not declare."""
    blend_locator: str | None
    """Multiaddress of its Blend service; None: the node has the note but does not declare."""


def network_genesis(
    nodes: Sequence[GenesisNode], wallet_notes: Sequence[Note], prover: Prover, *, workers: int = 1
) -> SignedMantleTx:
    """Make the genesis transaction of a test network.

    Each node gets a leader note of 1000 and two service notes of 1 (data availability, Blend). The wallets' notes
    follow. The data availability providers are declared before the Blend providers, each in the order of the nodes.
    ``workers`` threads sign the declarations.

    Raises:
        ValueError: a locator is not a multiaddress, or too long.
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
