"""A chain that two real nodes made under load, replayed from its genesis.

Genesis and keys come from the nodes' own configuration files. Every block is checked alone and on top of its parent's
ledger, the slots each node won are drawn again, and what the nodes said of tip and LIB is what the fork choice says of
the blocks they had by then.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import pairwise

import pytest

from nomos_core.config import Genesis, NodeConfig, load_config
from nomos_core.cryptarchia.block import Block
from nomos_core.cryptarchia.block_json import block_from_json, block_to_json
from nomos_core.cryptarchia.block_validity import proposal_of, reconstruct_block, verify_block
from nomos_core.cryptarchia.block_wire import block_from_wire, block_to_wire, proposal_from_wire, proposal_to_wire
from nomos_core.cryptarchia.epochs import ConsensusConfig, EpochConfig
from nomos_core.cryptarchia.fork_choice import ForkChoice, Mode
from nomos_core.cryptarchia.header import genesis_header
from nomos_core.cryptarchia.leadership import Lottery
from nomos_core.identifiers import HeaderId, ZkPublicKey, ZkSignature
from nomos_core.ledger.config import LedgerConfig, ServiceParameters
from nomos_core.ledger.errors import LedgerError
from nomos_core.ledger.state import LedgerState, apply_block, genesis_state, leader_public
from nomos_core.mantle.transactions import SignedMantleTx
from nomos_core.proofs.prover import Verifier
from support.inputs.golden import Golden, entries, golden_path, load

CHAIN = "seed_run/chain.json"
NODES = {"validator.yaml": "validator", "executor.yaml": "executor"}


class AcceptingVerifier:
    """Takes every zero-knowledge signature: those of the chain have a test of their own."""

    name = "groth16"

    def verify(self, public_keys: list[ZkPublicKey], message: int, signature: ZkSignature) -> bool:
        return True


@cache
def node(file: str) -> NodeConfig:
    text = golden_path(f"seed_run/{file}").read_text().replace("@NODE_DIR@", "node").replace("@KZG@", "kzg")
    kind = "executor" if file == "executor.yaml" else "validator"
    return load_config(text, source=file, kind=kind)


@cache
def genesis_transaction() -> SignedMantleTx:
    states = [node(file).cryptarchia.service.starting_state for file in NODES]
    assert states[0] == states[1]
    assert isinstance(states[0], Genesis)
    return states[0].genesis_tx


@cache
def genesis_id() -> HeaderId:
    return genesis_header(genesis_transaction().hash).id


@cache
def ledger_config() -> LedgerConfig:
    deployments = [node(file).deployment for file in NODES]
    assert deployments[0] == deployments[1]
    cryptarchia = deployments[0].cryptarchia
    consensus, epochs, sdp = cryptarchia.consensus_config, cryptarchia.epoch_config, cryptarchia.sdp_config
    return LedgerConfig(
        EpochConfig(
            epochs.epoch_stake_distribution_stabilization,
            epochs.epoch_period_nonce_buffer,
            epochs.epoch_period_nonce_stabilization,
        ),
        ConsensusConfig(consensus.security_param, consensus.active_slot_coeff),
        {
            service: ServiceParameters(
                session_duration=times.session_duration,
                lock_period=times.lock_period,
                inactivity_period=times.inactivity_period,
                retention_period=times.retention_period,
            )
            for service, times in sdp.service_params.items()
        },
        minimum_stake=sdp.min_stake.threshold,
        blend_minimum_network_size=deployments[0].blend.common.minimum_network_size,
    )


@cache
def chain() -> dict[HeaderId, Block]:
    """All blocks by id, forks included, parents first."""
    blocks = [block_from_json(entry["block"].value) for entry in load(CHAIN)["blocks"]]
    return {block.id: block for block in blocks}


def replayed(verifier: Verifier) -> dict[HeaderId, LedgerState]:
    """The ledger after genesis and after every block."""
    states = {genesis_id(): genesis_state(genesis_transaction(), ledger_config(), verifier)}
    for block in chain().values():
        states[block.id] = apply_block(states[block.header.parent], block, ledger_config(), verifier)
    return states


@pytest.fixture(scope="module")
def states() -> dict[HeaderId, LedgerState]:
    return replayed(AcceptingVerifier())


@pytest.mark.parametrize("entry", entries(CHAIN, "blocks"))
def test_block_stands_on_its_own(entry: Golden) -> None:
    block = block_from_json(entry["block"].value)
    assert block.id.hex() == entry["id"].value
    assert json.dumps(block_to_json(block)) == json.dumps(entry["block"].value)
    assert block_from_wire(block_to_wire(block)) == block
    verify_block(block)
    proposal = proposal_from_wire(proposal_to_wire(proposal_of(block)))
    assert reconstruct_block(proposal, block.transactions) == block


def test_every_block_extends_the_ledger_of_its_parent(states: dict[HeaderId, LedgerState]) -> None:
    assert list(states) == [genesis_id(), *chain()]
    for block in chain().values():
        parent, state = states[block.header.parent], states[block.id]
        assert state.slot == block.header.slot
        assert state.block_number == parent.block_number + 1
        assert leader_public(parent, block.header.slot, ledger_config()) == block.header.leader_proof.public


def test_no_block_fits_on_another_parent_with_other_notes(states: dict[HeaderId, LedgerState]) -> None:
    refused = 0
    for block in chain().values():
        for state in states.values():
            if state.utxos.root == states[block.header.parent].utxos.root:
                continue
            with pytest.raises(LedgerError):
                apply_block(state, block, ledger_config(), AcceptingVerifier())
            refused += 1
    assert refused > len(chain())


def winning_slots(file: str, genesis: LedgerState) -> set[int]:
    """The slots between the first and the last block that a node wins with the notes of genesis."""
    config, epoch = node(file), genesis.epoch_state
    known = set(config.wallet.known_keys)
    notes = [(utxo.id, utxo.note.value) for utxo in genesis.utxos if utxo.note.public_key in known]
    assert len(notes) == 1001
    coefficient = ledger_config().consensus_config.active_slot_coeff
    lottery = Lottery(notes, config.cryptarchia.leader.sk, epoch.nonce, epoch.total_stake, coefficient)
    slots = [block.header.slot for block in chain().values()]
    return {slot for slot in range(min(slots), max(slots) + 1) if lottery.winning_note(slot) is not None}


def test_the_slots_with_blocks_are_those_that_one_of_the_nodes_won(states: dict[HeaderId, LedgerState]) -> None:
    won = [winning_slots(file, states[genesis_id()]) for file in NODES]
    assert won[0] | won[1] == {block.header.slot for block in chain().values()}
    assert won[0] != won[1]


def test_the_chain_forked_where_two_winners_had_different_transactions(states: dict[HeaderId, LedgerState]) -> None:
    by_parent: dict[HeaderId, list[Block]] = {}
    for block in chain().values():
        by_parent.setdefault(block.header.parent, []).append(block)
    ((one, other),) = [siblings for siblings in by_parent.values() if len(siblings) > 1]
    assert one.header.slot == other.header.slot
    assert one.header.block_root != other.header.block_root
    assert all(one.header.slot in winning_slots(file, states[genesis_id()]) for file in NODES)


def infos_of(file: str) -> Iterator[dict[str, object]]:
    """What a node answered to ``/cryptarchia/info``, in the order of its answers."""
    for row in load(CHAIN)["infos"]:
        if row[1].value == file:
            yield row[2].value


def bring(tree: ForkChoice[HeaderId], tip: HeaderId) -> None:
    """Give the tree a block and the ancestors it lacks."""
    missing: list[Block] = []
    while tip not in tree:
        missing.append(chain()[tip])
        tip = missing[-1].header.parent
    for block in reversed(missing):
        tree.receive_block(block.id, block.header.parent, block.header.slot)


@pytest.mark.parametrize("file", NODES)
def test_tip_lib_and_height_are_those_the_node_reported(file: str) -> None:
    tree = ForkChoice.from_lib(genesis_id(), ledger_config().consensus_config, Mode.BOOTSTRAPPING)
    for info in infos_of(file):
        bring(tree, HeaderId(bytes.fromhex(str(info["tip"]))))
        if info["mode"] == "Online" and tree.mode is Mode.BOOTSTRAPPING:
            tree.go_online()
        assert {
            "lib": tree.lib.id.hex(),
            "tip": tree.tip.id.hex(),
            "slot": tree.tip.slot,
            "height": tree.tip.height,
            "mode": tree.mode.value,
        } == info
    assert tree.tip.id == list(chain())[-1]


@pytest.mark.parametrize("mode", Mode)
def test_the_whole_tree_has_the_tip_that_both_nodes_ended_with(mode: Mode) -> None:
    tree = ForkChoice.from_lib(genesis_id(), ledger_config().consensus_config, mode)
    pruned = [tree.receive_block(block.id, block.header.parent, block.header.slot) for block in chain().values()]
    pruned.append(tree.go_online())
    last = [list(infos_of(file))[-1] for file in NODES]
    assert last[0] == last[1]
    assert (tree.tip.id.hex(), tree.lib.id.hex()) == (last[0]["tip"], last[0]["lib"])
    stale = set[HeaderId]().union(*(step.stale for step in pruned))
    kept = {branch.id for branch in tree.ancestors(tree.tip)}
    immutable = {branch.id for step in pruned for branch in step.immutable}
    assert len(stale) == 1
    assert stale | kept | immutable == {genesis_id(), *chain()}


def test_the_answers_are_in_order_of_time() -> None:
    seconds = [row[0].value for row in load(CHAIN)["infos"]]
    assert all(earlier <= later for earlier, later in pairwise(seconds))


@pytest.mark.parametrize("file", NODES)
def test_the_nodes_listened_where_their_files_say(file: str) -> None:
    port = node(file).network.backend.swarm.port
    rows = [row for row in load(CHAIN)["network"] if row[0].value == file]
    assert rows
    for row in rows:
        assert row[1].value == {
            "listen_addresses": [f"/ip4/127.0.0.1/udp/{port}/quic-v1"],
            "n_peers": 1,
            "n_connections": 1,
            "n_pending_connections": 0,
        }


def test_the_nodes_had_each_other_in_both_subnetworks_once_they_were_connected() -> None:
    for row in load(CHAIN)["network"]:
        connections = {subnetwork: ends["inbound"] + ends["outbound"] for subnetwork, ends in row[2].value.items()}
        assert connections in ({}, {"0": 1, "1": 1})


@pytest.fixture
def groth16() -> Verifier:
    key = golden_path("seed_run/zksign_verification_key.json")
    pytest.importorskip("groth16py", reason="the extra `groth16` is not installed: proofs are not checked")
    from nomos_core.proofs.groth16 import Groth16Verifier

    return Groth16Verifier(key)


def test_every_proof_of_the_chain_holds(groth16: Verifier, states: dict[HeaderId, LedgerState]) -> None:
    assert replayed(groth16).keys() == states.keys()


def test_what_is_no_proof_does_not_hold(groth16: Verifier, states: dict[HeaderId, LedgerState]) -> None:
    """This key weighs no public input, so another transaction's proof would hold; a broken one does not."""
    block = next(block for block in chain().values() if block.transactions)
    first, *rest = block.transactions
    proof = first.ledger_tx_proof
    broken = replace(first, ledger_tx_proof=ZkSignature(proof[96:] + proof[32:96] + proof[:32]))
    with pytest.raises(LedgerError) as caught:
        apply_block(
            states[block.header.parent],
            replace(block, transactions=(broken, *rest)),
            ledger_config(),
            groth16,
        )
    assert caught.value.path == "InvalidProof"
