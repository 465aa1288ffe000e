"""Who holds which columns: the members of each subnetwork in a session, and how one session follows another.

The members of a session are the providers with an active declaration for data availability when it starts; column
``i`` of a blob goes to the members of subnetwork ``i``. All nodes compute the same membership from the session's
number, the providers and the membership before.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cached_property

from nomos_core.da.blake_rng import BlakeRng
from nomos_core.da.refill import refill
from nomos_core.identifiers import Ed25519PublicKey

_SUBNETWORK_LIMIT = 1 << 16


class MembershipError(ValueError):
    """There can't be such a membership; the message says what would be needed."""


@dataclass(frozen=True)
class Membership:
    """The subnetworks of a session. All are empty before the first one and in one with too few providers."""

    session: int
    replication_factor: int
    """At least so many members in each subnetwork."""
    subnetworks: tuple[frozenset[Ed25519PublicKey], ...]

    @classmethod
    def empty(cls, subnetworks: int, replication_factor: int, session: int = 0) -> Membership:
        """
        Raises:
            MembershipError: no subnetworks, or more than a share index can tell apart.
        """
        if not 1 <= subnetworks <= _SUBNETWORK_LIMIT:
            raise MembershipError(f"{subnetworks} subnetworks, expected 1 to {_SUBNETWORK_LIMIT}")
        return cls(session, replication_factor, (frozenset(),) * subnetworks)

    @property
    def is_sufficient(self) -> bool:
        """Whether the session had enough providers: if not, nothing can be dispersed or sampled in it."""
        return bool(self.members)

    @cached_property
    def members(self) -> frozenset[Ed25519PublicKey]:
        return frozenset().union(*self.subnetworks)

    def subnetworks_of(self, member: Ed25519PublicKey) -> tuple[int, ...]:
        """The subnetworks a member is assigned to, ascending; empty for a stranger."""
        return tuple(number for number, members in enumerate(self.subnetworks) if member in members)


def next_membership(
    previous: Membership, session: int, providers: Collection[Ed25519PublicKey], min_members: int = 1
) -> Membership:
    """The membership of a session that follows ``previous``.

    With fewer than ``min_members`` providers all its subnetworks are empty. A session after such a one starts afresh
    (the real node keeps no subnetworks then and panics).

    Raises:
        MembershipError: enough providers for a session, but too few for the replicas of a subnetwork.
    """
    distinct = frozenset(providers)
    if len(distinct) < max(1, min_members):
        return Membership.empty(len(previous.subnetworks), previous.replication_factor, session)
    if len(distinct) < previous.replication_factor:
        raise MembershipError(
            f"session {session} has {len(distinct)} data availability providers, the replication factor is "
            f"{previous.replication_factor}: declare more providers or lower the factor"
        )
    assigned = refill(previous.subnetworks, distinct, previous.replication_factor, BlakeRng.of_session(session))
    return replace(previous, session=session, subnetworks=assigned)
