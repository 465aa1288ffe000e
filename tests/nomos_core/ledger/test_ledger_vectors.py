"""Whole blocks with real zero-knowledge signatures: every golden scenario of the ledger, step by step.

The scenarios' node takes every proof of leadership but those marked bad. Where it panicked, this ledger refuses.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest

from nomos_core import field as scalar_field
from nomos_core.cryptarchia.epochs import ConsensusConfig, EpochConfig
from nomos_core.cryptarchia.header import LeaderPublic
from nomos_core.cryptarchia.leadership_proof import make_leader_proof
from nomos_core.identifiers import Ed25519PublicKey, HeaderId, LedgerTxHash, NoteId, ZkPublicKey
from nomos_core.keys import Ed25519Key, zk_public_key
from nomos_core.ledger.config import LedgerConfig, ServiceParameters
from nomos_core.ledger.errors import LedgerError, parent_not_found
from nomos_core.ledger.state import (
    LedgerState,
    apply_header,
    apply_transaction,
    leader_public,
    state_of_notes,
)
from nomos_core.ledger.utxo_tree import UtxoTree
from nomos_core.mantle.notes import Utxo, utxos_of
from nomos_core.mantle.operations import ServiceType
from nomos_core.mantle.operations_json import proof_from_json, zk_signature_from_json
from nomos_core.mantle.transactions import Note, SignedMantleTx
from nomos_core.mantle.transactions_json import mantle_tx_from_json
from nomos_core.proofs.prover import Verifier
from support.inputs.golden import Golden, entries

_CURVE_POINT = re.compile(r", EdwardsPoint\{.*?\}\)", re.DOTALL)


def config_of(entry: Golden) -> LedgerConfig:
    assert entry["gas"].value == "MainnetGasConstants"
    times = entry["service_params_both"]
    assert times["timestamp"].value == 0
    parameters = ServiceParameters(
        session_duration=times["session_duration"].value,
        lock_period=times["lock_period"].value,
        inactivity_period=times["inactivity_period"].value,
        retention_period=times["retention_period"].value,
    )
    config = LedgerConfig(
        epoch_config=EpochConfig(3, 3, 4),
        consensus_config=ConsensusConfig(entry["security_param"].value, entry["active_slot_coeff"].value),
        services=dict.fromkeys(ServiceType, parameters),
        minimum_stake=entry["min_stake"].value,
        blend_minimum_network_size=1,
    )
    assert config.schedule.epoch_length == entry["epoch_length"].value
    return config


def initial_utxo(entry: Golden) -> Utxo:
    data = entry.value
    public_key = ZkPublicKey(scalar_field.from_hex(data["pk"]))
    assert zk_public_key(scalar_field.from_hex(data["sk"])) == public_key
    utxo = Utxo(
        LedgerTxHash(scalar_field.from_hex(data["tx_hash"])), data["output_index"], Note(data["value"], public_key)
    )
    assert scalar_field.to_hex(utxo.id) == data["note_id"]
    return utxo


def unverified_transaction(data: dict[str, Any]) -> SignedMantleTx:
    """A transaction as the ledger may be handed it, whatever the parser of a node would say of its signatures."""
    return SignedMantleTx(
        mantle_tx_from_json(data["mantle_tx"]),
        tuple(proof_from_json(proof, "") for proof in data["ops_proofs"]),
        zk_signature_from_json(data["ledger_tx_proof"], ""),
    )


@dataclass
class Chain:
    """The states of a scenario's blocks."""

    config: LedgerConfig
    verifier: Verifier
    states: dict[HeaderId, LedgerState]
    tip: HeaderId
    notes: set[NoteId] = field(default_factory=set)
    """Every note of the scenario, spent or not."""

    def apply(self, step: Golden) -> None:
        parent = HeaderId(bytes.fromhex(step["parent"].value))
        slot, valid = step["slot"].value, step["leader_proof_valid"].value
        txs = self.transactions(step)
        if parent not in self.states:
            raise parent_not_found(parent)
        state = self.header(self.states[parent], slot, valid=valid)
        for tx in txs:
            state = apply_transaction(state, tx, self.config, self.verifier)
        self.extend(step, state)

    def apply_empty(self, step: Golden) -> None:
        state, last = self.states[self.tip], step["slot"].value
        for slot in range(last - step["empty_blocks"].value + 1, last + 1):
            state = self.header(state, slot, valid=True)
        self.extend(step, state)

    def header(self, state: LedgerState, slot: int, *, valid: bool) -> LedgerState:
        public = leader_public(state, slot, self.config) if valid else LeaderPublic(slot, 0, 0, 0, 0)
        proof = make_leader_proof(public, leader_key=Ed25519PublicKey(bytes(32)))
        return apply_header(state, slot, proof, self.config)

    def transactions(self, step: Golden) -> list[SignedMantleTx]:
        txs = [unverified_transaction(tx) for tx in step["txs"].value]
        assert [scalar_field.to_hex(tx.hash) for tx in txs] == step["tx_hashes"].value
        self.notes.update(utxo.id for tx in txs for utxo in utxos_of(tx.mantle_tx.ledger_tx))
        return txs

    def extend(self, step: Golden, state: LedgerState) -> None:
        self.tip = HeaderId(bytes.fromhex(step["block_id"].value))
        self.states[self.tip] = state


def start(entry: Golden, verifier: Verifier) -> Chain:
    initial = entry["initial"]
    utxos = [initial_utxo(utxo) for utxo in initial["utxos"]]
    state = state_of_notes(UtxoTree(utxos))
    assert scalar_field.to_hex(state.utxos.root) == initial["root"].value
    genesis = HeaderId(bytes(32))
    return Chain(config_of(initial["config"]), verifier, {genesis: state}, genesis, {utxo.id for utxo in utxos})


def check_refusal(error: LedgerError, result: Golden) -> None:
    if "panic" in result:
        assert str(error).startswith(result["panic"].value)
        return
    assert error.path == result["error"].value
    assert str(error) == _CURVE_POINT.sub("", result["display"].value)
    result["debug"].not_compared("Rust's derived Debug of the same values as the display text")


def check_keys(initial: Golden, states: Iterable[LedgerState]) -> None:
    """The scenario's secrets are those of its channels' writers and of its providers."""
    providers = {provider_keys(provider) for provider in initial.get("providers") or ()}
    writers = {Ed25519Key(bytes.fromhex(key.value)).public for key in initial.get("ed25519_secrets") or ()}
    for state in states:
        assert {(held.provider_id, held.zk_id) for held in state.declarations.values()} <= providers
        assert {key for channel in state.channels.values() for key in channel.keys} <= writers


def provider_keys(provider: Golden) -> tuple[Ed25519PublicKey, ZkPublicKey]:
    public = Ed25519Key(bytes.fromhex(provider["ed25519_secret"].value)).public
    zk_id = zk_public_key(scalar_field.from_hex(provider["zk_sk"].value))
    if "provider_id" in provider:
        assert public.hex() == provider["provider_id"].value
    if "zk_id" in provider:
        assert scalar_field.to_hex(zk_id) == provider["zk_id"].value
    return public, zk_id


def check_state(state: LedgerState, notes: set[NoteId], expected: Golden) -> None:
    hexes = scalar_field.to_hex
    assert state.slot == expected["slot"].value
    assert hexes(state.utxos.root) == expected["utxo_root"].value
    assert len(state.utxos) == expected["utxo_count"].value
    assert sorted(hexes(note) for note in notes if note in state.utxos) == sorted(expected["unspent"].value)
    assert sorted(hexes(note) for note in state.locked_notes) == sorted(expected["locked"].value)
    assert {service.value: number for service, number in state.active_sessions.items()} == expected[
        "active_session"
    ].value
    for service, providers in expected["active_providers"].items():
        found = sorted(provider.hex() for provider in state.active_providers(ServiceType(service)))
        assert found == providers.value
    channels = {
        channel_id.hex(): {"keys": [key.hex() for key in channel.keys], "tip": channel.tip.hex()}
        for channel_id, channel in state.channels.items()
    }
    assert channels == {item["channel"]: item["state"] for item in expected["channels"].value if item["state"]}
    check_declarations(state, expected["declarations"])


def check_declarations(state: LedgerState, expected: Golden) -> None:
    found = [
        {
            "declaration": {
                "active": declaration.active,
                "created": declaration.created,
                "locators": list(declaration.locators),
                "locked_note_id": scalar_field.to_hex(declaration.locked_note_id),
                "nonce": declaration.nonce,
                "provider_id": declaration.provider_id.hex(),
                "service_type": declaration.service_type.value,
                "withdrawn": None,
                "zk_id": scalar_field.to_hex(declaration.zk_id),
            },
            "id": identifier.hex(),
        }
        for identifier, declaration in state.declarations.items()
    ]
    assert found == expected.value


@pytest.mark.parametrize("entry", entries("ledger.json", "scenarios"))
def test_scenario(entry: Golden, groth16_verifier: Verifier) -> None:
    chain = start(entry, groth16_verifier)
    for step in entry["steps"]:
        if "empty_blocks" in step:
            chain.apply_empty(step)
        elif step["result"]["ok"].value:
            chain.apply(step)
        else:
            with pytest.raises(LedgerError) as refused:
                chain.apply(step)
            check_refusal(refused.value, step["result"])
            assert step["block_id"].value
        check_state(chain.states[chain.tip], chain.notes, step["state_after"])
    check_keys(entry["initial"], chain.states.values())
