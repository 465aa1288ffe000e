"""Membership: which providers hold which columns in a session, and how one session follows another.

The members of a session are the providers with an active declaration for data availability when it starts. Column ``i``
of a blob goes to the members of subnetwork ``i``. All nodes compute the same membership from the number of the session,
the providers and the membership before.
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
    """Refusal of a membership that can't exist. The message says what it needs."""


@dataclass(frozen=True)
class Membership:
    """Subnetworks of one session. All are empty before the first session, and in a session with too few providers."""

    session: int
    """Number of the session."""
    replication_factor: int
    """Members that each subnetwork has at least."""
    subnetworks: tuple[frozenset[Ed25519PublicKey], ...]
    """Members of each subnetwork, at position ``i`` those that hold column ``i``. From 1 to 65536 subnetworks."""

    @classmethod
    def empty(cls, subnetworks: int, replication_factor: int, session: int = 0) -> Membership:
        """Return a membership without members.

        Raises:
            MembershipError: no subnetworks, or more than a share index can tell apart.
        """
        if not 1 <= subnetworks <= _SUBNETWORK_LIMIT:
            raise MembershipError(f"{subnetworks} subnetworks, expected 1 to {_SUBNETWORK_LIMIT}")
        return cls(session, replication_factor, (frozenset(),) * subnetworks)

    @property
    def is_sufficient(self) -> bool:
        """True if the session has members. Without members nothing can be dispersed or sampled in it."""
        return bool(self.members)

    @cached_property
    def members(self) -> frozenset[Ed25519PublicKey]:
        """Members of all subnetworks."""
        return frozenset().union(*self.subnetworks)

    def subnetworks_of(self, member: Ed25519PublicKey) -> tuple[int, ...]:
        """Return the numbers of the subnetworks of a member, ascending; empty for a provider that is not a member."""
        return tuple(number for number, members in enumerate(self.subnetworks) if member in members)


def next_membership(
    previous: Membership, session: int, providers: Collection[Ed25519PublicKey], min_members: int = 1
) -> Membership:
    """Return the membership of the session that follows ``previous``.

    With fewer than ``min_members`` providers all its subnetworks are empty. The session after such a session starts
    without any earlier assignment (the real node panics there).

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
