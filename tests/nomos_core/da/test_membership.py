"""Whatever joins and leaves: every subnetwork has its replicas, everyone serves, and all nodes agree."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nomos_core.da.blake_rng import BlakeRng
from nomos_core.da.membership import Membership, MembershipError, next_membership
from nomos_core.identifiers import Ed25519PublicKey


def provider(number: int) -> Ed25519PublicKey:
    return Ed25519PublicKey(number.to_bytes(32, "big"))


sessions = st.lists(st.sets(st.integers(0, 30).map(provider), max_size=25), min_size=1, max_size=6)


@given(subnetworks=st.integers(1, 20), replicas=st.integers(0, 6), providers=sessions, min_members=st.integers(0, 4))
def test_every_session_keeps_the_promises(
    subnetworks: int, replicas: int, providers: list[set[Ed25519PublicKey]], min_members: int
) -> None:
    membership = Membership.empty(subnetworks, replicas)
    for session, present in enumerate(providers):
        if len(present) >= max(1, min_members) and len(present) < replicas:
            with pytest.raises(MembershipError, match=f"{len(present)} data availability providers"):
                next_membership(membership, session, present, min_members)
            continue
        membership = next_membership(membership, session, present, min_members)
        assert membership.session == session
        assert len(membership.subnetworks) == subnetworks
        if len(present) < max(1, min_members):
            assert not membership.is_sufficient
            assert not membership.members
            continue
        average = max(1, subnetworks * replicas // len(present))
        assert membership.is_sufficient
        assert membership.members == present
        assert all(len(members) >= replicas for members in membership.subnetworks)
        assert all(len(membership.subnetworks_of(member)) >= average for member in present)


@given(subnetworks=st.integers(1, 10), providers=sessions)
def test_all_nodes_agree_in_whatever_order_they_hear_of_providers(
    subnetworks: int, providers: list[set[Ed25519PublicKey]]
) -> None:
    one = other = Membership.empty(subnetworks, 1)
    for session, present in enumerate(providers):
        one = next_membership(one, session, sorted(present))
        other = next_membership(other, session, sorted(present, reverse=True) * 2)
        assert one == other


@given(subnetworks=st.integers(1, 10), present=st.sets(st.integers(0, 30).map(provider), min_size=1))
def test_the_same_providers_keep_their_subnetworks(subnetworks: int, present: set[Ed25519PublicKey]) -> None:
    first = next_membership(Membership.empty(subnetworks, 1), 0, present)
    assert next_membership(first, 1, present).subnetworks == first.subnetworks


def test_a_session_after_one_with_too_few_starts_afresh() -> None:
    providers = [provider(number) for number in range(4)]
    first = next_membership(Membership.empty(4, 1), 0, providers, min_members=2)
    too_few = next_membership(first, 1, providers[:1], min_members=2)
    assert not too_few.is_sufficient
    assert too_few.subnetworks == (frozenset(),) * 4
    assert next_membership(too_few, 2, providers, min_members=2).subnetworks == first.subnetworks


def test_a_stranger_is_in_no_subnetwork() -> None:
    membership = next_membership(Membership.empty(2, 1), 0, [provider(1), provider(2)])
    assert membership.subnetworks_of(provider(1)) == (0,)
    assert membership.subnetworks_of(provider(2)) == (1,)
    assert membership.subnetworks_of(provider(3)) == ()


@pytest.mark.parametrize("subnetworks", [0, -1, 65_537])
def test_subnetworks_can_be_told_apart_by_share_index(subnetworks: int) -> None:
    with pytest.raises(MembershipError, match="expected 1 to 65536"):
        Membership.empty(subnetworks, 1)


@given(session=st.integers(0, (1 << 64) - 1), highest=st.integers(0, (1 << 63) - 1))
def test_draws_stay_in_range(session: int, highest: int) -> None:
    rng = BlakeRng.of_session(session)
    assert all(0 <= rng.up_to(highest) <= highest for _ in range(5))


@given(session=st.integers(0, 1000), items=st.sets(st.integers(), max_size=20), size=st.integers(0, 25))
def test_a_sample_is_part_of_the_items(session: int, items: set[int], size: int) -> None:
    drawn = BlakeRng.of_session(session).sample(items, size)
    assert len(set(drawn)) == len(drawn) == min(size, len(items))
    assert set(drawn) <= items
