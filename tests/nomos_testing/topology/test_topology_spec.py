"""What a scenario may ask for of its network."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from nomos_testing.settings import Settings
from nomos_testing.topology import DataAvailability, Layout, TopologyError, TopologySpec, with_sampling_delay
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
        ({"validators": 1, "sampling_delay": -1}, "sampling delay must be 0 seconds or more"),
        ({"validators": 1, "data_availability": "best"}, "parameters 'best'; expected one of standard, original"),
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
    assert (da.subnetwork_size, da.num_subnets, da.dispersal_factor) == (1, 1, 1)
    assert (da.min_dispersal_peers, da.min_replication_peers) == (0, 0)


def test_two_nodes_have_the_originals_parameters_but_for_the_delay_and_the_limits() -> None:
    da = TopologySpec(validators=1, executors=1).da
    ours: Any = {"sampling_delay": 2.0, "max_failures": 1000, "malicious_threshold": 1000}
    assert da == DataAvailability(subnetwork_size=2, num_subnets=2, dispersal_factor=2, **ours)
    assert da == replace(TopologySpec(validators=1, executors=1, data_availability="original").da, **ours)


@pytest.mark.parametrize("nodes", [3, 5, 10])
def test_from_three_nodes_on_all_hold_all_columns_and_each_samples_a_moment_after_the_other(nodes: int) -> None:
    da = TopologySpec(validators=nodes - 1, executors=1).da
    assert da.subnetwork_size == da.num_subnets == da.sampled_subnetworks == 2
    assert (da.dispersal_factor, da.num_samples) == (nodes, 1)
    assert (da.sampling_delay, da.sampling_stagger) == (2.0, 0.05)
    assert da.max_failures == da.malicious_threshold == 1000


@pytest.mark.parametrize(("nodes", "subnetworks"), [(1, 1), (2, 2), (3, 3), (7, 7)])
def test_the_originals_have_a_subnetwork_for_each_node(nodes: int, subnetworks: int) -> None:
    da = TopologySpec(validators=nodes, data_availability="original").da
    assert (da.subnetwork_size, da.dispersal_factor, da.sampling_delay) == (subnetworks, min(nodes, 2), 5.0)
    assert (da.sampled_subnetworks, da.sampling_stagger, da.max_failures, da.malicious_threshold) == (
        None,
        0,
        None,
        None,
    )


def test_the_environment_wins_over_the_topologys_sampling_delay() -> None:
    spec = TopologySpec(validators=3)
    assert with_sampling_delay(spec, Settings()) == spec
    asked = with_sampling_delay(replace(spec, sampling_delay=4.0), Settings(sampling_delay_seconds=7))
    assert asked.da == replace(spec.da, sampling_delay=7.0)


@pytest.mark.parametrize(("own", "given", "expected"), [(None, None, 4.0), (3.0, None, 3.0), (3.0, 7, 14.0)])
def test_a_slow_environment_samples_later_however_often_it_is_asked(
    own: float | None, given: int | None, expected: float
) -> None:
    settings = Settings(slow_environment=True, sampling_delay_seconds=given)
    once = with_sampling_delay(TopologySpec(validators=3, sampling_delay=own), settings)
    assert once.da.sampling_delay == expected
    assert with_sampling_delay(once, settings) == once


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
