"""The condition under which the network between nodes counts as whole.

On every link that nothing impairs, the relay echoes a probe; on every link of the layout, packets of the nodes
themselves have arrived both ways since the verification began; every running node reports the peers it should have.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from nomos_testing.cluster.interfaces import NodeHandle
from nomos_testing.cluster.links import Link
from nomos_testing.deployers.shared.relay_client import RelayClient
from nomos_testing.runtime.readiness import NetworkConnected
from nomos_testing.waiting.waiting import Seen

PROBE_SECONDS = 0.5
"""Longest time of a probe for its way there and back. It is repeated meanwhile."""

Counters = Mapping[Link, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class Scope:
    """The nodes and links that can be judged at the moment."""

    running: frozenset[str]
    impaired: frozenset[Link]

    def is_judged(self, link: Link) -> bool:
        return {link.source, link.target} <= self.running and not {link, link.reversed} & self.impaired

    def left_out(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return the nodes that do not run and the links that are impaired."""
        stopped = [f"{name} is not running" for name in names if name not in self.running]
        return (*stopped, *sorted(f"{link} is impaired" for link in self.impaired))


@dataclass(frozen=True, slots=True)
class WholeNetwork:
    """The condition. ``look`` is called until it is fulfilled."""

    relay: RelayClient
    nodes: Callable[[], Sequence[NodeHandle]]
    connected: Collection[frozenset[str]]
    """The pairs of nodes that the layout connects."""
    before: Counters
    """The relay's counters when the verification began."""

    async def look(self, scope: Scope) -> Seen:
        problems = [
            problem
            for part in await asyncio.gather(self._unechoed(scope), self._silent(scope), self._lonely(scope))
            for problem in part
        ]
        return Seen(not problems, "; ".join(problems) or "every link is whole")

    async def _unechoed(self, scope: Scope) -> list[str]:
        names = [node.name for node in self.nodes()]
        links = [Link(source, target) for source in names for target in names if source != target]
        silent = await self.relay.silent_links(filter(scope.is_judged, links), timeout=PROBE_SECONDS)
        return [f"no echo of a probe on {link}" for link in sorted(map(str, silent))]

    async def _silent(self, scope: Scope) -> list[str]:
        now = await self.relay.counters()
        quiet = (link for link in self._layout(scope) if now[link]["delivered"] <= self._before(link))
        return [f"nothing arrived on {link} yet" for link in sorted(map(str, quiet))]

    async def _lonely(self, scope: Scope) -> list[str]:
        expected = dict.fromkeys(scope.running, 0)
        for link in self._layout(scope):
            expected[link.source] += 1
        running = [node for node in self.nodes() if node.name in scope.running]
        looks = await asyncio.gather(*(NetworkConnected([node], expected).look() for node in running))
        return [look.description for look in looks if not look.fulfilled]

    def _before(self, link: Link) -> int:
        counters = self.before.get(link)
        return 0 if counters is None else counters["delivered"]

    def _layout(self, scope: Scope) -> Iterator[Link]:
        """Yield both directions of every pair that should be connected now."""
        for first, second in map(sorted, self.connected):
            if scope.is_judged(link := Link(first, second)):
                yield from (link, link.reversed)
