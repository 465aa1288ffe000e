"""Fork choice: the tree of headers a node keeps, its tip, and the last irreversible block (LIB).

Two rules. While *bootstrapping*, ``maxvalid_bg`` of Ouroboros Genesis: a fork up to ``k`` blocks deep wins by length, a
deeper one by its density in the ``s`` slots after the fork; the LIB does not move. When *online*, ``maxvalid_mc`` of
Ouroboros Praos: a fork at most ``k`` blocks deep wins by length, deeper ones never; the LIB is the ``k``-th ancestor of
the tip, and what lies behind it is pruned.

Which of two equally good forks wins never depends on anything but the order in which the blocks came: the first stays.
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
    BOOTSTRAPPING = "Bootstrapping"
    ONLINE = "Online"


class ForkChoiceError(ValueError):
    """The block can't join the tree; the tree is unchanged."""


class UnknownParentError(ForkChoiceError):
    def __init__(self, parent: object) -> None:
        super().__init__(f"the parent block {_shown(parent)} is not in the tree: unknown, or pruned behind the LIB")
        self.parent = parent


class SlotOrderError(ForkChoiceError):
    def __init__(self, parent: object, parent_slot: int, slot: int) -> None:
        super().__init__(f"slot {slot} is before slot {parent_slot} of the parent block {_shown(parent)}")
        self.parent = parent


def _shown(block: object) -> str:
    return f"0x{block.hex()}" if isinstance(block, bytes) else str(block)


@dataclass(frozen=True, slots=True)
class Branch(Generic[Id]):
    """A block as the end of the chain that leads to it."""

    id: Id
    parent: Id
    slot: int
    height: int
    """Blocks between genesis and this one."""


@dataclass(frozen=True, slots=True)
class PrunedBlocks(Generic[Id]):
    """What a move of the LIB took out of the tree."""

    stale: frozenset[Id] = frozenset()
    """Blocks of forks that had left the chain before the LIB."""
    immutable: tuple[Branch[Id], ...] = ()
    """The chain's blocks from the previous LIB to the one before the new LIB, oldest first."""


@dataclass(slots=True)
class ForkChoice(Generic[Id]):
    """The block tree above the LIB. Made by ``from_lib``; changes only by ``receive_block`` and ``go_online``.

    ``from_lib`` takes the root's true slot and height, so heights stay absolute when a node restarts from a later LIB.
    """

    config: ConsensusConfig
    mode: Mode
    tip: Branch[Id]
    lib: Branch[Id]
    _branches: dict[Id, Branch[Id]] = field(repr=False)
    _tips: dict[Id, None] = field(repr=False)
    """The ends of all forks, in order of arrival."""
    _outrun: set[Id] = field(default_factory=set, repr=False)
    """Ends of deep forks that are not denser than the tip's chain, and can't become so while that chain only grows."""

    @classmethod
    def from_lib(
        cls, lib: Id, config: ConsensusConfig, mode: Mode, *, slot: int = 0, height: int = 0
    ) -> ForkChoice[Id]:
        root = Branch(lib, lib, slot, height)
        return cls(config, mode, root, root, {lib: root}, {lib: None})

    def __contains__(self, block: object) -> bool:
        return block in self._branches

    def __len__(self) -> int:
        return len(self._branches)

    def branch(self, block: Id) -> Branch[Id] | None:
        return self._branches.get(block)

    def forks(self) -> tuple[Branch[Id], ...]:
        """The ends of all forks, the tip included."""
        return tuple(self._branches[block] for block in self._tips)

    def ancestors(self, branch: Branch[Id]) -> Iterator[Branch[Id]]:
        """The branch itself, then parent after parent down to the oldest block kept."""
        current: Branch[Id] | None = branch
        while current is not None:
            yield current
            current = self._branches.get(current.parent) if current.parent != current.id else None

    def lowest_common_ancestor(self, one: Branch[Id], other: Branch[Id]) -> Branch[Id]:
        while one.height > other.height:
            one = self._branches[one.parent]
        while other.height > one.height:
            other = self._branches[other.parent]
        while one.id != other.id:
            one, other = self._branches[one.parent], self._branches[other.parent]
        return one

    def path(self, ancestor: Branch[Id], descendant: Branch[Id]) -> list[Branch[Id]]:
        """The blocks after ``ancestor`` up to and including ``descendant``, oldest first."""
        length = descendant.height - ancestor.height
        return list(islice(self.ancestors(descendant), length))[::-1]

    def receive_block(self, block: Id, parent: Id, slot: int) -> PrunedBlocks[Id]:
        """Add a block, choose the tip anew and, when online, move the LIB.

        A slot equal to the parent's and a block that is already there are accepted: the ledger forbids the first, and
        the caller knows the second.

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
        """Switch to the online rule: from now on the LIB follows the tip."""
        self.mode = Mode.ONLINE
        self._outrun.clear()
        return self._advance_lib()

    def _chosen_tip(self) -> Branch[Id]:
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
        """``maxvalid_mc``."""
        return fork.height > best.height and self._fork_depth(best, fork) <= self.config.security_param

    def _prefers_denser(self, best: Branch[Id], fork: Branch[Id]) -> bool:
        """``maxvalid_bg``."""
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
