"""The forks of a run: the branches around each reorganisation, from the common ancestor on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nomos_testing.evidence.propagation import Block
from nomos_testing.journal.events import Reorganised, Sample, TipChanged
from nomos_testing.journal.journal import Entry


@dataclass(frozen=True, slots=True)
class Reorganisation:
    """A node left a branch for another branch."""

    at: float
    """When it was seen, on the journal's clock."""
    node: str
    """Name of the node."""
    old_tip: str
    """Id of the tip that it left."""
    new_tip: str
    """Id of its new tip."""
    ancestor: str
    """Id of the last block that both branches share. Genesis is no block of ``blocks``."""
    abandoned: int
    """Number of blocks that it left."""
    adopted: int
    """Number of blocks of the new branch."""


@dataclass(frozen=True, slots=True)
class ForkTree:
    """The branches that grew from one block, with every reorganisation between them."""

    ancestor: str
    """Id of the block that all branches share. Genesis is no block of ``blocks``."""
    blocks: tuple[Block, ...]
    """The blocks above the ancestor, of the branches that were left or taken, by height and slot."""
    reorganisations: tuple[Reorganisation, ...]
    """The reorganisations with this ancestor, in order."""
    tips: Mapping[str, str]
    """The tip of each node just before the first of them: ``{node: block}``. A tip need not be in ``blocks``."""

    @property
    def abandoned(self) -> frozenset[str]:
        """The ids of the blocks that no node kept: they are on no branch that a node went to last."""
        parents = {block.id: block.parent for block in self.blocks}
        last = {item.node: item.new_tip for item in self.reorganisations}
        kept: set[str] = set()
        for tip in last.values():
            block = tip
            while block in parents and block not in kept:
                kept.add(block)
                block = parents[block]
        return frozenset(parents) - kept


class Forks:
    """Collects reorganisations, and the nodes' tips before them, from the entries of a journal."""

    def __init__(self) -> None:
        self.reorganisations: list[Reorganisation] = []
        """Every reorganisation, in order."""
        self._tips: dict[str, str] = {}
        self._tips_before: dict[str, dict[str, str]] = {}

    def take(self, entry: Entry) -> None:
        """Take the next entry."""
        match entry.event:
            case TipChanged() as changed:
                self._tips[changed.node] = changed.tip
            case Sample(nodes=nodes):
                self._tips.update((name, node.tip) for name, node in nodes.items() if node.tip is not None)
            case Reorganised() as event:
                self._take(event, entry.at)

    def trees(self, blocks: Mapping[str, Block]) -> tuple[ForkTree, ...]:
        """Return a tree for each common ancestor, in the order of the first reorganisations.

        Args:
            blocks: every block of the run, by id.
        """
        grouped: dict[str, list[Reorganisation]] = {}
        for item in self.reorganisations:
            grouped.setdefault(item.ancestor, []).append(item)
        return tuple(
            ForkTree(ancestor, _branches(ancestor, items, blocks), tuple(items), self._tips_before[ancestor])
            for ancestor, items in grouped.items()
        )

    def _take(self, event: Reorganised, at: float) -> None:
        self.reorganisations.append(
            Reorganisation(
                at,
                event.node,
                event.old_tip,
                event.new_tip,
                event.common_ancestor,
                event.abandoned,
                event.adopted,
            )
        )
        if event.common_ancestor not in self._tips_before:
            self._tips_before[event.common_ancestor] = {**self._tips, event.node: event.old_tip}


def _branches(ancestor: str, items: list[Reorganisation], blocks: Mapping[str, Block]) -> tuple[Block, ...]:
    found: dict[str, Block] = {}
    for tip in (tip for item in items for tip in (item.old_tip, item.new_tip)):
        block = blocks.get(tip)
        while block is not None and block.id not in found and block.id != ancestor:
            found[block.id] = block
            block = blocks.get(block.parent)
    return tuple(sorted(found.values(), key=lambda block: (block.height, block.slot, block.id)))
