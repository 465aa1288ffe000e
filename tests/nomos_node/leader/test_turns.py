"""Turns: in every slot one provider proposes at once and the others a step apart, in an order that changes."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nomos_core.keys import Ed25519Key
from nomos_core.ledger.state import LedgerState, genesis_state
from nomos_core.mantle.network_genesis import GenesisNode, network_genesis
from nomos_core.node_identity import NodeIdentity
from nomos_node.leader.turns import LONGEST_TURN_SECONDS, Turns
from support.inputs.chain_making import PROVER, rules

_IDS = [bytes([number]) * 32 for number in range(1, 6)]


def _state(nodes: int) -> LedgerState:
    declared = [
        GenesisNode(NodeIdentity(node_id), f"/ip4/127.0.0.1/udp/{3000 + port}/quic-v1", None)
        for port, node_id in enumerate(_IDS[:nodes])
    ]
    return genesis_state(network_genesis(declared, [], PROVER), rules().config, PROVER)


_FIVE = _state(5)


def _delays(slot: int, slot_seconds: float, state: LedgerState = _FIVE) -> list[float]:
    return [Turns(Ed25519Key(node_id).public, slot_seconds).delay(slot, state) for node_id in _IDS]


@given(st.integers(1, 2**40), st.floats(0.1, 60))
def test_one_leader_is_first_and_the_last_comes_before_the_middle_of_the_slot(slot: int, slot_seconds: float) -> None:
    delays = sorted(_delays(slot, slot_seconds))
    steps = [later - earlier for earlier, later in pairwise(delays)]
    assert delays[0] == 0
    assert steps == pytest.approx([steps[0]] * 4)
    assert 0 < steps[0] <= LONGEST_TURN_SECONDS
    assert delays[-1] <= slot_seconds / 2 + 1e-9


def test_all_providers_get_to_be_first() -> None:
    first = Counter(_delays(slot, 2).index(0.0) for slot in range(1, 201))
    assert min(first[index] for index in range(5)) > 20


def test_who_is_no_provider_does_not_wait() -> None:
    assert Turns(Ed25519Key(bytes(32)).public, 2).delay(7, _FIVE) == 0
    assert _delays(7, 2, _state(1))[0] == 0


def test_leaders_told_to_propose_at_once_do() -> None:
    assert all(Turns(Ed25519Key(node_id).public, 2, at_once=True).delay(7, _FIVE) == 0 for node_id in _IDS)
