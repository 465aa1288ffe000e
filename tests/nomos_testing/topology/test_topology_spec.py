"""What a scenario may ask for of its network."""

from __future__ import annotations

from typing import Any

import pytest

from nomos_testing.topology import DataAvailability, Layout, TopologyError, TopologySpec
from nomos_testing.topology.identities import node_identities


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({}, "topology must include at least one node"),
        ({"validators": -1}, "validators must be a whole number, 0 or more"),
        ({"validators": 1, "executors": 1.5}, "executors must be a whole number"),
        ({"validators": 1, "layout": "ring"}, "unknown layout 'ring'; expected one of star, chain, full"),
        ({"validators": 1, "slot_duration": 0}, "slot duration must be above 0 seconds"),
        ({"validators": 1, "slot_duration": float("nan")}, "slot duration must be above 0 seconds"),
        ({"validators": 1, "active_slot_coeff": 1.1}, "active slot coefficient must be above 0 and at most 1"),
        ({"validators": 1, "security_param": 0}, "security parameter must be 1 or more"),
        ({"validators": 2, "ids": [bytes(32)]}, "expected 2 ids but got 1"),
        ({"validators": 1, "ids": [b"short"]}, "a node's id has 32 bytes"),
        ({"validators": 2, "ids": [bytes(32)] * 2}, "node ids must differ"),
        ({"validators": 1, "da_ports": []}, "expected 1 DA ports but got 0"),
        ({"validators": 1, "blend_ports": [70_000]}, "blend ports must be from 1 to 65535"),
        ({"validators": 2, "da_ports": [5000, 5000]}, "DA ports must differ"),
    ],
)
def test_impossible_networks_are_refused(arguments: dict[str, Any], text: str) -> None:
    with pytest.raises(TopologyError, match=text):
        TopologySpec(**arguments)


def test_the_star_is_the_default_and_a_layout_may_be_named() -> None:
    assert TopologySpec(validators=1).layout is Layout.STAR
    assert TopologySpec(validators=1, layout="chain").layout is Layout.CHAIN


def test_one_node_has_one_subnetwork_and_waits_for_nobody() -> None:
    da = TopologySpec(executors=1).da
    assert (da.subnetworks(1), da.num_subnets, da.dispersal_factor) == (1, 1, 1)
    assert (da.min_dispersal_peers, da.min_replication_peers) == (0, 0)


@pytest.mark.parametrize("nodes", [2, 5])
def test_several_nodes_share_the_subnetworks(nodes: int) -> None:
    da = TopologySpec(validators=nodes - 1, executors=1).da
    assert da == DataAvailability(subnetwork_size=2, num_subnets=2, dispersal_factor=2, balancer_interval=1.0)
    assert da.subnetworks(nodes) == nodes


def test_presets() -> None:
    assert TopologySpec.two_validators().node_count == 2
    assert TopologySpec.validator_and_executor().da.num_subnets == 2
    many = TopologySpec.validators_and_executor(3, num_subnets=8, dispersal_factor=3)
    assert (many.validators, many.executors) == (3, 1)
    assert (many.da.min_dispersal_peers, many.da.min_replication_peers, many.da.balancer_interval) == (8, 2, 5.0)


def test_a_seed_fixes_the_nodes_keys() -> None:
    spec = TopologySpec(validators=2, executors=1, seed=7)
    assert node_identities(spec) == node_identities(spec)
    assert node_identities(spec) != node_identities(TopologySpec(validators=2, executors=1, seed=8))
    assert len({identity.peer_id for identity in node_identities(spec)}) == 3


def test_without_a_seed_keys_are_random_and_given_ids_are_kept() -> None:
    spec = TopologySpec(validators=1)
    assert node_identities(spec) != node_identities(spec)
    assert node_identities(TopologySpec(validators=1, ids=[b"\x01" * 32]))[0].id == b"\x01" * 32
