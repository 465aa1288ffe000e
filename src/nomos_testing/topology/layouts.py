"""The layouts of a network: which nodes each node dials when it starts.

In the star every node dials node 0. In the chain it dials the node before it, in the full layout all nodes before it. A
connection works in both directions, so a node's peers are those that it dials and those that dial it.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum


class Layout(StrEnum):
    """The name of a layout."""

    STAR = "star"
    CHAIN = "chain"
    FULL = "full"


def dialled_nodes(layout: Layout, nodes: int) -> tuple[tuple[int, ...], ...]:
    """Return for each node, by its position in the network, the positions of its initial peers."""
    match layout:
        case Layout.STAR:
            return tuple(() if node == 0 else (0,) for node in range(nodes))
        case Layout.CHAIN:
            return tuple(() if node == 0 else (node - 1,) for node in range(nodes))
        case Layout.FULL:
            return tuple(tuple(range(node)) for node in range(nodes))


def connected_pairs(dialled: Sequence[Sequence[int]]) -> frozenset[frozenset[int]]:
    """Return the pairs of connected nodes: the edges of the undirected graph."""
    return frozenset(frozenset((node, peer)) for node, peers in enumerate(dialled) for peer in peers if peer != node)


def peer_counts(dialled: Sequence[Sequence[int]]) -> tuple[int, ...]:
    """Return the number of peers of each node when all are connected: its degree in the undirected graph."""
    pairs = connected_pairs(dialled)
    return tuple(sum(node in pair for pair in pairs) for node in range(len(dialled)))
