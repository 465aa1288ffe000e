"""Who dials whom, and how many peers that makes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nomos_testing.topology import Layout
from nomos_testing.topology.layouts import dialled_nodes, peer_counts

NODES = st.integers(1, 40)


@pytest.mark.parametrize(
    ("layout", "dialled", "peers"),
    [
        (Layout.STAR, ((), (0,), (0,), (0,)), (3, 1, 1, 1)),
        (Layout.CHAIN, ((), (0,), (1,), (2,)), (1, 2, 2, 1)),
        (Layout.FULL, ((), (0,), (0, 1), (0, 1, 2)), (3, 3, 3, 3)),
    ],
)
def test_four_nodes(layout: Layout, dialled: tuple[tuple[int, ...], ...], peers: tuple[int, ...]) -> None:
    assert dialled_nodes(layout, 4) == dialled
    assert peer_counts(dialled) == peers


@given(st.sampled_from(Layout), NODES)
def test_every_network_is_connected(layout: Layout, nodes: int) -> None:
    reached = {0}
    for node, peers in enumerate(dialled_nodes(layout, nodes)):
        if reached & set(peers):
            reached.add(node)
    assert reached == set(range(nodes))


@given(st.sampled_from(Layout), NODES)
def test_peer_counts_add_up_to_two_for_each_connection(layout: Layout, nodes: int) -> None:
    dialled = dialled_nodes(layout, nodes)
    links = nodes * (nodes - 1) // 2 if layout is Layout.FULL else nodes - 1
    assert sum(map(len, dialled)) == links
    assert sum(peer_counts(dialled)) == 2 * links


def test_dialling_in_both_directions_makes_one_connection() -> None:
    assert peer_counts([(1,), (0,)]) == (1, 1)
