"""Memberships, and the random numbers behind them, as the real node computes them."""

from __future__ import annotations

import pytest

from nomos_core.config import Genesis, NodeConfig, load_config
from nomos_core.da.blake_rng import BlakeRng, session_seed
from nomos_core.da.membership import Membership, MembershipError, next_membership
from nomos_core.identifiers import Ed25519PublicKey
from nomos_core.mantle.operations import SDPDeclare, ServiceType
from nomos_core.mantle.transactions import MantleTx
from nomos_core.mantle.transactions_json import mantle_tx_from_json
from nomos_core.peer_identity import peer_id, peer_id_from_text, peer_id_multihash
from support.inputs.golden import Golden, entries, golden_path, load

FILE = "da_membership.json"
CHAIN = "seed_run/chain.json"


def peers(texts: list[str]) -> list[Ed25519PublicKey]:
    return list(map(peer_id_from_text, texts))


def shown(membership: Membership) -> list[list[str]]:
    return [list(map(peer_id, sorted(members))) for members in membership.subnetworks]


def da_locators(tx: MantleTx) -> dict[Ed25519PublicKey, tuple[str, ...]]:
    """Who declares to serve data availability, and where."""
    return {
        operation.provider_id: operation.locators
        for operation in tx.operations
        if isinstance(operation, SDPDeclare) and operation.service_type is ServiceType.DATA_AVAILABILITY
    }


@pytest.mark.parametrize("entry", entries(FILE, "rng"))
def test_random_numbers(entry: Golden) -> None:
    session = entry["session"].value
    assert session_seed(session).hex() == entry["seed"].value
    rng = BlakeRng.of_session(session)
    assert [rng.next_u64() for _ in range(len(entry["next_u64"]))] == entry["next_u64"].value
    rng = BlakeRng.of_session(session)
    for draw in entry["gen_range_inclusive_sequence"]:
        assert rng.up_to(draw["upper_inclusive"].value) == draw["value"].value
    items = list(range(12))
    BlakeRng.of_session(session).shuffle(items)
    assert items == entry["fisher_yates_shuffle_0_to_11"].value
    sample = BlakeRng.of_session(session).sample([9, 3, 5, 1, 7, 8], 3)
    assert sample == entry["fisher_yates_sample_3_of_9_3_5_1_7_8"].value


def test_peers_are_ordered_by_key_as_by_peer_id() -> None:
    order = load(FILE)["peer_order"].value
    assert list(map(peer_id, sorted(peers(order)))) == order
    assert sorted(peers(order), key=peer_id_multihash) == peers(order)


@pytest.mark.parametrize("entry", entries(FILE, "initial"))
def test_first_session(entry: Golden) -> None:
    empty = Membership.empty(entry["subnets"].value, entry["replication_factor"].value)
    session, providers, result = entry["session"].value, peers(entry["providers"].value), entry["result"]
    if "panic" in result:
        assert "smaller than the replication factor" in result["panic"].value
        with pytest.raises(MembershipError, match="replication factor"):
            next_membership(empty, session, providers)
        return
    membership = next_membership(empty, session, providers)
    assert membership.session == session
    assert shown(membership) == result["assignations"].value


@pytest.mark.parametrize("entry", entries(FILE, "sequences"))
def test_sessions_in_sequence(entry: Golden) -> None:
    membership = Membership.empty(entry["subnets"].value, entry["replication_factor"].value)
    for step in entry["sessions"]:
        membership = next_membership(membership, step["session"].value, peers(step["providers"].value))
        assert shown(membership) == step["assignations"].value


@pytest.mark.parametrize("entry", entries("genesis.json", "genesis"))
def test_session_0_of_a_genesis(entry: Golden) -> None:
    providers = da_locators(mantle_tx_from_json(entry["genesis_tx_json"].value["mantle_tx"]))
    memberships = entry["da_membership_session_0"].value
    assert bool(memberships) is bool(providers)
    for expected in memberships:
        empty = Membership.empty(expected["subnets"], expected["replication_factor"])
        assert shown(next_membership(empty, 0, providers)) == expected["assignations"]


def node(file: str) -> NodeConfig:
    text = golden_path(f"seed_run/{file}").read_text().replace("@NODE_DIR@", "node").replace("@KZG@", "kzg")
    return load_config(text, source=file, kind="executor" if file == "executor.yaml" else "validator")


@pytest.mark.parametrize("file", ["validator.yaml", "executor.yaml"])
def test_session_0_of_running_nodes(file: str) -> None:
    config = node(file)
    start = config.cryptarchia.service.starting_state
    assert isinstance(start, Genesis)
    locators = da_locators(start.genesis_tx.mantle_tx)
    settings = config.da_network.membership
    empty = Membership.empty(settings.subnetwork_size, settings.replication_factor)
    membership = next_membership(empty, 0, locators, min_members=config.da_network.min_session_members)
    rows = [row for row in load(CHAIN)["network"] if row[0].value == file]
    assert rows
    for row in rows:
        answer = row[3].value
        subnetworks = [
            frozenset(peers(answer["assignations"][str(number)])) for number in range(len(answer["assignations"]))
        ]
        assert membership.subnetworks == tuple(subnetworks)
        assert {peer_id(provider): addresses[0] for provider, addresses in locators.items()} == answer["addressbook"]
