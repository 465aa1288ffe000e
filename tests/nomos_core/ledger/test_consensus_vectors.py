"""Nonces and epoch snapshots against the golden headers, those that skip epochs included."""

from __future__ import annotations

from typing import Any

import pytest

from nomos_core import field
from nomos_core.cryptarchia.epochs import ConsensusConfig, EpochConfig, EpochSchedule
from nomos_core.cryptarchia.header import LeaderProof
from nomos_core.identifiers import Ed25519PublicKey, LedgerTxHash, ZkPublicKey
from nomos_core.ledger.consensus import (
    ConsensusState,
    EpochState,
    apply_leader_proof,
    enter_slot,
    genesis_consensus,
    leader_public,
)
from nomos_core.ledger.errors import LedgerError
from nomos_core.ledger.utxo_tree import UtxoTree
from nomos_core.mantle.notes import Utxo
from nomos_core.mantle.transactions import Note
from support.inputs.golden import Golden, entries


def parse_utxo(data: dict[str, Any]) -> Utxo:
    note = Note(data["value"], ZkPublicKey(field.from_hex(data["pk"])))
    utxo = Utxo(LedgerTxHash(field.from_hex(data["tx_hash"])), data["output_index"], note)
    assert field.to_hex(utxo.id) == data["note_id"]
    return utxo


def schedule_of(entry: Golden) -> EpochSchedule:
    consensus = ConsensusConfig(entry["security_param"].value, entry["active_slot_coeff"].value)
    return EpochSchedule(EpochConfig(*entry["epoch_config"].value), consensus)


def epoch_seen(state: EpochState) -> dict[str, Any]:
    return {
        "epoch": state.epoch,
        "nonce": field.to_hex(state.nonce),
        "total_stake": state.total_stake,
        "utxo_root": field.to_hex(state.utxos.root),
    }


def seen(state: ConsensusState) -> dict[str, Any]:
    return {
        "epoch_state": epoch_seen(state.epoch_state),
        "next_epoch_state": epoch_seen(state.next_epoch_state),
        "nonce": field.to_hex(state.nonce),
        "slot": state.slot,
        "utxo_root": field.to_hex(state.utxos.root),
    }


def apply_step(state: ConsensusState, step: Golden, schedule: EpochSchedule) -> ConsensusState:
    entered = enter_slot(state, step["slot"].value, schedule)
    public = leader_public(entered)
    assert {
        "aged_root": field.to_hex(public.aged_root),
        "epoch_nonce": field.to_hex(public.epoch_nonce),
        "latest_root": field.to_hex(public.latest_root),
        "slot": public.slot,
        "total_stake": public.total_stake,
    } == step["leader_public_expected"].value
    proof = LeaderProof(bytes(128), field.from_hex(step["entropy"].value), Ed25519PublicKey(bytes(32)), 0, public)
    return apply_leader_proof(entered, proof)


def with_note(state: ConsensusState, utxo: Utxo) -> ConsensusState:
    utxos = state.utxos.updated(inserted=[utxo])
    return ConsensusState(state.slot, state.nonce, utxos, state.epoch_state, state.next_epoch_state)


@pytest.mark.parametrize("entry", entries("leadership.json", "nonce_evolution"))
def test_headers(entry: Golden) -> None:
    schedule = schedule_of(entry)
    notes = UtxoTree(map(parse_utxo, entry["initial_utxos"].value))
    state = genesis_consensus(notes, field.from_hex(entry["initial_nonce"].value))
    assert seen(state) == entry["initial_state"].value
    for step in entry["steps"]:
        if "error" in step:
            assert step["entropy"].value
            with pytest.raises(LedgerError) as refused:
                enter_slot(state, step["slot"].value, schedule)
            assert str(refused.value) == step["error"].value
            continue
        state = apply_step(state, step, schedule)
        inserted = step["utxo_inserted_after_header"].value
        if inserted:
            state = with_note(state, parse_utxo(inserted))
        assert seen(state) == step["state"].value
