"""Assignment of providers to subnetworks when a session starts.

It changes as little as possible from the session before.

Providers that left are removed. If there are fewer providers than before, the largest subnetwork gives some of its
members to the smallest until all are about even. If there are more, providers that serve in more subnetworks than the
average leave some. Then the emptiest subnetwork takes the provider that serves in the fewest subnetworks, again and
again, until each subnetwork has its replicas and each provider serves in at least the average number. Ties go to the
lower subnetwork and to the lower key.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from heapq import heapify, heappop, heappush
from typing import TypeAlias

from nomos_core.da.blake_rng import BlakeRng
from nomos_core.identifiers import Ed25519PublicKey

_Subnetworks: TypeAlias = "Sequence[set[Ed25519PublicKey]]"


def refill(
    previous: Sequence[Collection[Ed25519PublicKey]],
    providers: Collection[Ed25519PublicKey],
    replication_factor: int,
    rng: BlakeRng,
) -> tuple[frozenset[Ed25519PublicKey], ...]:
    """Return the members of each subnetwork in the new session.

    ``previous`` has the members of the session before, for at least one subnetwork. There must be at least one
    provider, and at least ``replication_factor`` of them. Numbers are drawn from ``rng`` only if the number of
    providers changes. Providers are ordered by key, which is also the order of their peer ids.
    """
    current = frozenset(providers)
    subnetworks = [set(members) & current for members in previous]
    participation = Counter(dict.fromkeys(current, 0))
    participation.update(member for members in subnetworks for member in members)
    average = max(1, len(subnetworks) * replication_factor // len(current))
    previous_count = len(frozenset().union(*previous))
    if len(current) < previous_count:
        _even_out(subnetworks, rng)
    elif len(current) > previous_count:
        _leave_surplus(subnetworks, participation, average, rng)
    _fill(subnetworks, participation, average, replication_factor)
    return tuple(map(frozenset, subnetworks))


def _by_size(subnetworks: _Subnetworks) -> list[int]:
    """Return the numbers of the subnetworks, smallest subnetwork first."""
    return sorted(range(len(subnetworks)), key=lambda number: (len(subnetworks[number]), number))


def _even_out(subnetworks: _Subnetworks, rng: BlakeRng) -> None:
    """Move half of the difference from the largest to the smallest subnetwork, until they differ by one at most."""
    while True:
        ordered = _by_size(subnetworks)
        smallest, largest = subnetworks[ordered[0]], subnetworks[ordered[-1]]
        difference = len(largest) - len(smallest)
        if difference <= 1:
            return
        moved = rng.sample(largest - smallest, difference // 2)
        largest.difference_update(moved)
        smallest.update(moved)


def _leave_surplus(
    subnetworks: _Subnetworks, participation: Counter[Ed25519PublicKey], average: int, rng: BlakeRng
) -> None:
    """Let providers above the average leave some of their subnetworks, those that serve in the fewest first.

    The subnetworks to leave are drawn by position in the order of sizes before anyone left.
    """
    ordered = [subnetworks[number] for number in _by_size(subnetworks)]
    for count, provider in sorted((count, provider) for provider, count in participation.items() if count > average):
        joined = [position for position, members in enumerate(ordered) if provider in members]
        for position in rng.sample(joined, count - average):
            ordered[position].remove(provider)
            participation[provider] -= 1


def _fill(
    subnetworks: _Subnetworks, participation: Counter[Ed25519PublicKey], average: int, replication_factor: int
) -> None:
    """Give each subnetwork its replicas and each provider the average number of subnetworks.

    The loop ends: the emptiest subnetwork has all providers only when all subnetworks have, and then both conditions
    hold.
    """
    emptiest = [(len(members), number) for number, members in enumerate(subnetworks)]
    least_serving = [(count, provider) for provider, count in participation.items()]
    heapify(emptiest)
    heapify(least_serving)
    while emptiest[0][0] < replication_factor or least_serving[0][0] < average:
        size, number = heappop(emptiest)
        count, provider = _pop_outsider(least_serving, subnetworks[number])
        subnetworks[number].add(provider)
        heappush(least_serving, (count + 1, provider))
        heappush(emptiest, (size + 1, number))


def _pop_outsider(
    least_serving: list[tuple[int, Ed25519PublicKey]], members: set[Ed25519PublicKey]
) -> tuple[int, Ed25519PublicKey]:
    """Take the provider that serves in the fewest subnetworks among those that are no members."""
    passed = []
    while (entry := heappop(least_serving))[1] in members:
        passed.append(entry)
    for other in passed:
        heappush(least_serving, other)
    return entry
