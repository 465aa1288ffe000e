"""Links between nodes, the impairments of links, and the result of checking that every link delivers packets.

A link is directed: from the node that sends to the node that receives. Nodes are given by name (``validator-0``). So
links can be planned before there is a cluster, written to a journal, and mean the same on every deployer.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Self


@dataclass(frozen=True, slots=True)
class Link:
    """A link from one node to another."""

    source: str
    """Name of the node that sends."""
    target: str
    """Name of the node that receives."""

    @property
    def reversed(self) -> Link:
        """The link back."""
        return Link(self.target, self.source)

    def __str__(self) -> str:
        return f"{self.source} -> {self.target}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """A choice of links: from any of ``sources`` to any of ``targets``, and back unless ``one_way``.

    None stands for every node of the cluster.
    """

    sources: frozenset[str] | None = None
    """Names of the sending nodes."""
    targets: frozenset[str] | None = None
    """Names of the receiving nodes."""
    one_way: bool = False
    """True: only from sources to targets."""

    @classmethod
    def every(cls) -> Self:
        """Choose all links of the cluster."""
        return cls()

    @classmethod
    def of(cls, *nodes: str) -> Self:
        """Choose all links that begin or end at one of ``nodes``."""
        return cls(sources=frozenset(nodes))

    @classmethod
    def between(cls, left: Collection[str], right: Collection[str]) -> Self:
        """Choose both directions between two sets of nodes."""
        return cls(sources=frozenset(left), targets=frozenset(right))

    @classmethod
    def towards(cls, sources: Collection[str], targets: Collection[str]) -> Self:
        """Choose the links from ``sources`` to ``targets`` only."""
        return cls(sources=frozenset(sources), targets=frozenset(targets), one_way=True)

    def among(self, nodes: Sequence[str]) -> frozenset[Link]:
        """Return the links chosen in a cluster of ``nodes``.

        Raises:
            ValueError: a node is named that the cluster does not have, or no link is left.
        """
        sources, targets = (_known(chosen, nodes) for chosen in (self.sources, self.targets))
        forward = {Link(source, target) for source in sources for target in targets if source != target}
        backward = set() if self.one_way else {link.reversed for link in forward}
        if not forward:
            raise ValueError(f"{self}: there is no link between different nodes among {', '.join(nodes)}")
        return frozenset(forward | backward)

    def chooses_among(self, nodes: Sequence[str]) -> bool:
        """Return whether at least one chosen link exists among ``nodes``."""
        sources, targets = (frozenset(nodes) if side is None else side for side in (self.sources, self.targets))
        return any(source != target for source in sources for target in targets)

    def __str__(self) -> str:
        if self.sources is None and self.targets is None:
            return "all links"
        arrow = "->" if self.one_way else "<->"
        return f"{_shown(self.sources)} {arrow} {_shown(self.targets)}"


ALL_LINKS = Links()
"""Every link of the cluster."""


def links_across(groups: Sequence[Collection[str]], nodes: Sequence[str], *, one_way: bool = False) -> frozenset[Link]:
    """Return the links from each group to every other; ``one_way``: only from a group to those after it.

    A node in no group keeps all its links.

    Raises:
        ValueError: fewer than two groups, an empty one, a node in two of them, or a node the cluster does not have.
    """
    if len(groups) < 2:
        raise ValueError(f"a partition needs at least two groups of nodes, got {len(groups)}")
    members = [_known(frozenset(group), nodes) for group in groups]
    if not all(members):
        raise ValueError("a partition's groups need at least one node each")
    for left, right in combinations(members, 2):
        if both := left & right:
            raise ValueError(f"{', '.join(sorted(both))}: in two groups of one partition")
    return frozenset(link for left, right in combinations(members, 2) for link in _across(left, right, one_way))


@dataclass(frozen=True, slots=True)
class Impairment:
    """Something done to links, until it is lifted."""

    number: int
    """Its number in this run."""
    description: str
    """``partition validator-0, validator-1 | validator-2``, ``loss 10% on all links``."""
    since: float
    """Time at which it took effect, on the event loop's clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkVerification:
    """The result of checking that every link delivers packets and every running node has its peers."""

    verified: bool
    """True if all is well."""
    seconds: float
    """How long the check took."""
    reason: str | None = None
    """Why it is not verified: the links and nodes, and their last state."""
    left_out: tuple[str, ...] = ()
    """Nodes that did not run and links that are still impaired. They were not checked."""


def _known(chosen: frozenset[str] | None, nodes: Sequence[str]) -> frozenset[str]:
    if chosen is None:
        return frozenset(nodes)
    if unknown := sorted(chosen - set(nodes)):
        raise ValueError(f"there is no node {', '.join(unknown)}; the cluster has {', '.join(nodes)}")
    return chosen


def _across(left: frozenset[str], right: frozenset[str], one_way: bool) -> Iterator[Link]:
    for source in left:
        for target in right:
            yield Link(source, target)
            if not one_way:
                yield Link(target, source)


def _shown(nodes: frozenset[str] | None) -> str:
    return "every node" if nodes is None else ", ".join(sorted(nodes))
