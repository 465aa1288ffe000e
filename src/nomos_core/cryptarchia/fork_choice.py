"""Fork choice: the tree of headers that a node keeps, its tip, and the last irreversible block (LIB).

There are two rules. In mode *bootstrapping* it is ``maxvalid_bg`` of Ouroboros Genesis: a fork up to ``k`` blocks deep
wins by length, a deeper fork by its density in the ``s`` slots after the fork. The LIB does not move. In mode *online*
it is ``maxvalid_mc`` of Ouroboros Praos: a fork up to ``k`` blocks deep wins by length, a deeper fork never wins. The
LIB is the ``k``-th ancestor of the tip, and blocks behind it are pruned.

Of two equally good forks the one that came first stays. Nothing else than the order of arrival decides between them.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice, takewhile
from typing import Generic, TypeVar

from nomos_core.cryptarchia.epochs import ConsensusConfig

Id = TypeVar("Id", bound=Hashable)


class Mode(StrEnum):
    """Rule by which a node chooses between forks, as ``GET /cryptarchia/info`` names it."""

    BOOTSTRAPPING = "Bootstrapping"
    """The node is catching up: ``maxvalid_bg``, and the LIB does not move."""
    ONLINE = "Online"
    """The node follows the chain: ``maxvalid_mc``, and the LIB follows the tip."""


class ForkChoiceError(ValueError):
    """Refusal of a block that can't join the tree. The tree is unchanged."""


class UnknownParentError(ForkChoiceError):
    """Refusal of a block whose parent is not in the tree."""

    def __init__(self, parent: object) -> None:
        super().__init__(f"the parent block {_shown(parent)} is not in the tree: unknown, or pruned behind the LIB")
        self.parent = parent


class SlotOrderError(ForkChoiceError):
    """Refusal of a block whose slot is before its parent's."""

    def __init__(self, parent: object, parent_slot: int, slot: int) -> None:
        super().__init__(f"slot {slot} is before slot {parent_slot} of the parent block {_shown(parent)}")
        self.parent = parent


def _shown(block: object) -> str:
    return f"0x{block.hex()}" if isinstance(block, bytes) else str(block)


@dataclass(frozen=True, slots=True)
class Branch(Generic[Id]):
    """Block as the end of the chain that leads to it."""

    id: Id
    """Id of the block."""
    parent: Id
    """Id of its parent. The root of the tree names itself."""
    slot: int
    """Slot of the block."""
    height: int
    """Blocks between genesis and this one; genesis has height 0."""


@dataclass(frozen=True, slots=True)
class PrunedBlocks(Generic[Id]):
    """Blocks that a move of the LIB took out of the tree."""

    stale: frozenset[Id] = frozenset()
    """Blocks of forks that left the chain before the new LIB."""
    immutable: tuple[Branch[Id], ...] = ()
    """Blocks of the chain from the previous LIB to the one before the new LIB, oldest first."""


@dataclass(slots=True)
class ForkChoice(Generic[Id]):
    """Tree of the blocks above the LIB, with its tip.

    Make it with ``from_lib``. Only ``receive_block`` and ``go_online`` change it.

    ``from_lib`` takes the slot and the height of the root, so heights stay absolute when a node restarts from a later
    LIB.
    """

    config: ConsensusConfig
    """``k`` and ``f``."""
    mode: Mode
    """Rule in force."""
    tip: Branch[Id]
    """End of the chosen chain."""
    lib: Branch[Id]
    """Last irreversible block: the root of the tree."""
    _branches: dict[Id, Branch[Id]] = field(repr=False)
    _tips: dict[Id, None] = field(repr=False)
    """Ends of all forks, in order of arrival."""
    _outrun: set[Id] = field(default_factory=set, repr=False)
    """Ends of deep forks that are not denser than the tip's chain, and can't become so while that chain only grows."""

    @classmethod
    def from_lib(
        cls, lib: Id, config: ConsensusConfig, mode: Mode, *, slot: int = 0, height: int = 0
    ) -> ForkChoice[Id]:
        """Return a tree that holds only its root.

        Args:
            lib: id of the root, the last irreversible block (at first genesis).
            config: ``k`` and ``f``.
            mode: rule to start with.
            slot: slot of the root.
            height: blocks between genesis and the root.
        """
        root = Branch(lib, lib, slot, height)
        return cls(config, mode, root, root, {lib: root}, {lib: None})

    def __contains__(self, block: object) -> bool:
        return block in self._branches

    def __len__(self) -> int:
        return len(self._branches)

    def branch(self, block: Id) -> Branch[Id] | None:
        """Return the block with this id; None if it is not in the tree."""
        return self._branches.get(block)

    def forks(self) -> tuple[Branch[Id], ...]:
        """Return the ends of all forks, the tip included, in order of arrival."""
        return tuple(self._branches[block] for block in self._tips)

    def ancestors(self, branch: Branch[Id]) -> Iterator[Branch[Id]]:
        """Yield the branch itself, then parent after parent down to the oldest block kept."""
        current: Branch[Id] | None = branch
        while current is not None:
            yield current
            current = self._branches.get(current.parent) if current.parent != current.id else None

    def lowest_common_ancestor(self, one: Branch[Id], other: Branch[Id]) -> Branch[Id]:
        """Return the last block that two branches of this tree have in common."""
        while one.height > other.height:
            one = self._branches[one.parent]
        while other.height > one.height:
            other = self._branches[other.parent]
        while one.id != other.id:
            one, other = self._branches[one.parent], self._branches[other.parent]
        return one

    def path(self, ancestor: Branch[Id], descendant: Branch[Id]) -> list[Branch[Id]]:
        """Return the blocks after ``ancestor`` up to and including ``descendant``, oldest first."""
        length = descendant.height - ancestor.height
        return list(islice(self.ancestors(descendant), length))[::-1]

    def receive_block(self, block: Id, parent: Id, slot: int) -> PrunedBlocks[Id]:
        """Add a block, choose the tip anew and, when online, move the LIB.

        A slot equal to the parent's is accepted: the ledger refuses it. So is a block that is in the tree already: the
        caller knows that.

        Raises:
            UnknownParentError: the parent is not in the tree.
            SlotOrderError: the slot is before the parent's.
        """
        before = self._branches.get(parent)
        if before is None:
            raise UnknownParentError(parent)
        if before.slot > slot:
            raise SlotOrderError(parent, before.slot, slot)
        self._branches[block] = Branch(block, parent, slot, before.height + 1)
        self._tips.pop(parent, None)
        self._tips[block] = None
        self._move_tip(self._chosen_tip())
        return self._advance_lib()

    def go_online(self) -> PrunedBlocks[Id]:
        """Switch to the online rule. From now on the LIB follows the tip."""
        self.mode = Mode.ONLINE
        self._outrun.clear()
        return self._advance_lib()

    def _chosen_tip(self) -> Branch[Id]:
        # A fork must be better, not only as good: of equal forks the one that came first stays.
        prefers = self._prefers_longer if self.mode is Mode.ONLINE else self._prefers_denser
        best = self.tip
        for fork in self.forks():
            if (best is not self.tip or fork.id not in self._outrun) and prefers(best, fork):
                best = fork
        return best

    def _move_tip(self, tip: Branch[Id]) -> None:
        if self.tip.id not in (tip.id, tip.parent):
            self._outrun.clear()
        self.tip = tip

    def _prefers_longer(self, best: Branch[Id], fork: Branch[Id]) -> bool:
        """Compare by ``maxvalid_mc``."""
        return fork.height > best.height and self._fork_depth(best, fork) <= self.config.security_param

    def _prefers_denser(self, best: Branch[Id], fork: Branch[Id]) -> bool:
        """Compare by ``maxvalid_bg``."""
        if self._fork_depth(best, fork) <= self.config.security_param:
            return fork.height > best.height
        last_slot = self.lowest_common_ancestor(best, fork).slot + self.config.density_window
        denser = self._height_at(fork, last_slot) > self._height_at(best, last_slot)
        if not denser and best is self.tip:
            self._outrun.add(fork.id)
        return denser

    def _fork_depth(self, best: Branch[Id], fork: Branch[Id]) -> int:
        return best.height - self.lowest_common_ancestor(best, fork).height

    def _height_at(self, branch: Branch[Id], slot: int) -> int:
        return next(ancestor.height for ancestor in self.ancestors(branch) if ancestor.slot <= slot)

    def _advance_lib(self) -> PrunedBlocks[Id]:
        if self.mode is Mode.BOOTSTRAPPING:
            return PrunedBlocks()
        *_, lib = islice(self.ancestors(self.tip), self.config.security_param + 1)
        if lib.id == self.lib.id:
            return PrunedBlocks()
        self.lib = lib
        return PrunedBlocks(self._prune_stale_forks(), self._prune_immutable_blocks())

    def _prune_stale_forks(self) -> frozenset[Id]:
        chain = {branch.id for branch in self.ancestors(self.tip)}
        stale: set[Id] = set()
        for fork in self.forks():
            own = list(takewhile(lambda branch: branch.id not in chain, self.ancestors(fork)))
            meeting_height = own[-1].height - 1 if own else fork.height
            if meeting_height < self.lib.height:
                stale.update(branch.id for branch in own)
                del self._tips[fork.id]
        for block in stale:
            del self._branches[block]
        return frozenset(stale)

    def _prune_immutable_blocks(self) -> tuple[Branch[Id], ...]:
        immutable = list(islice(self.ancestors(self.lib), 1, None))[::-1]
        for branch in immutable:
            del self._branches[branch.id]
        return tuple(immutable)
