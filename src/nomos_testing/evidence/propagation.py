"""The blocks of a run, and how long each took to reach each node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nomos_testing.journal.events import BlockSeen, NodeStarted, TipChanged
from nomos_testing.journal.journal import Entry
from nomos_testing.percentiles import Percentiles, percentiles_of


@dataclass(frozen=True, slots=True)
class Block:
    """A block that any node has shown, on the canonical chain or beside it."""

    id: str
    """Its id, hex."""
    parent: str
    """Id of its parent, hex."""
    slot: int
    """Its slot."""
    height: int
    """Its height; genesis has 0."""
    transactions: int
    """Number of its transactions."""
    first_node: str
    """The node that showed it first. This need not be the proposer."""
    first_seen: float
    """When it was first seen, on the journal's clock."""


class Propagation:
    """Collects blocks and their ways through the network from the entries of a journal.

    The measure is the time from a block's first sighting on any node to its arrival at the node. A block has arrived
    when the node's tip is the block or one of its descendants. The node that shows a block first counts with 0.
    Nodes are asked about their tips once in each interval of the block feed, so that no time is more exact than that.

    A block that was first seen before the node's latest start is not counted: the node fetches it when it catches up.
    A block that reaches a paused or cut off node late is counted, because this is an effect on the network.
    """

    def __init__(self) -> None:
        self.blocks: dict[str, Block] = {}
        """Every block by its id, in the order of the first sightings."""
        self._arrivals: dict[str, dict[str, float]] = {}
        self._started: dict[str, float] = {}
        self._latencies: dict[str, list[float]] = {}
        self._of_blocks: dict[str, list[float]] = {}

    def take(self, entry: Entry) -> None:
        """Take the next entry."""
        match entry.event:
            case BlockSeen() as seen:
                if seen.block not in self.blocks:
                    self.blocks[seen.block] = Block(
                        seen.block, seen.parent, seen.slot, seen.height, seen.transactions, seen.node, entry.at
                    )
            case TipChanged() as changed:
                self._arrive(changed.node, changed.tip, entry.at)
            case NodeStarted(node=node):
                self._started[node] = entry.at

    @property
    def arrivals(self) -> Mapping[str, Mapping[str, float]]:
        """When each block reached each node: ``{node: {block: at}}``, with the blocks of a node's catching up."""
        return self._arrivals

    @property
    def latencies(self) -> Mapping[str, tuple[float, ...]]:
        """The measurements of each node, in seconds, in the order of the arrivals."""
        return {node: tuple(values) for node, values in self._latencies.items()}

    @property
    def of_blocks(self) -> tuple[tuple[float, ...], ...]:
        """The same measurements in groups: one for each block, with its arrivals at all nodes."""
        return tuple(map(tuple, self._of_blocks.values()))

    def percentiles(self) -> dict[str, Percentiles]:
        """Return the percentiles of each node that has measurements."""
        found = {node: percentiles_of(values) for node, values in self._latencies.items()}
        return {node: percentiles for node, percentiles in found.items() if percentiles is not None}

    def _arrive(self, node: str, tip: str, at: float) -> None:
        arrived = self._arrivals.setdefault(node, {})
        since = self._started.get(node, 0.0)
        block = self.blocks.get(tip)
        # The walk ends at a block that has arrived, so that all walks of a node take one step for each block.
        while block is not None and block.id not in arrived:
            arrived[block.id] = at
            if block.first_seen >= since:
                self._latencies.setdefault(node, []).append(at - block.first_seen)
                self._of_blocks.setdefault(block.id, []).append(at - block.first_seen)
            block = self.blocks.get(block.parent)
