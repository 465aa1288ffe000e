"""The ledger state that a golden genesis transaction starts a chain with."""

from __future__ import annotations

from typing import Any

import pytest

from nomos_core import field
from nomos_core.cryptarchia.epochs import ConsensusConfig, EpochConfig
from nomos_core.keys import peer_id
from nomos_core.ledger.config import LedgerConfig, ServiceParameters
from nomos_core.ledger.errors import LedgerError
from nomos_core.ledger.state import LedgerState, genesis_state
from nomos_core.mantle.genesis import GENESIS_CHANNEL
from nomos_core.mantle.operations import ServiceType
from nomos_core.mantle.operations_json import proof_from_json, zk_signature_from_json
from nomos_core.mantle.transactions import SignedMantleTx
from nomos_core.mantle.transactions_json import mantle_tx_from_json
from nomos_core.proofs.prover import Verifier
from support.inputs.golden import Golden, entries

SERVICE = ServiceParameters(session_duration=1000, lock_period=10, inactivity_period=20, retention_period=100)
CONFIG = LedgerConfig(
    epoch_config=EpochConfig(3, 3, 4),
    consensus_config=ConsensusConfig(10, 0.9),
    services=dict.fromkeys(ServiceType, SERVICE),
    minimum_stake=1,
    blend_minimum_network_size=1,
)


def genesis_tx(data: dict[str, Any]) -> SignedMantleTx:
    proofs = tuple(proof_from_json(proof, "") for proof in data["ops_proofs"])
    signature = zk_signature_from_json(data["ledger_tx_proof"], "")
    return SignedMantleTx(mantle_tx_from_json(data["mantle_tx"]), proofs, signature)


def declarations_seen(state: LedgerState) -> list[dict[str, Any]]:
    return [
        {
            "declaration": {
                "active": declaration.active,
                "created": declaration.created,
                "locators": list(declaration.locators),
                "locked_note_id": field.to_hex(declaration.locked_note_id),
                "nonce": declaration.nonce,
                "provider_id": declaration.provider_id.hex(),
                "service_type": declaration.service_type.value,
                "withdrawn": None,
                "zk_id": field.to_hex(declaration.zk_id),
            },
            "id": identifier.hex(),
        }
        for identifier, declaration in state.declarations.items()
    ]


def session_seen(state: LedgerState, service: ServiceType) -> list[dict[str, Any]]:
    providers = [
        {
            "locators": list(info.locators),
            "peer_id": peer_id(provider),
            "provider_id": provider.hex(),
            "zk_id": field.to_hex(info.zk_id),
        }
        for provider, info in state.active_providers(service).items()
    ]
    return sorted(providers, key=lambda provider: str(provider["provider_id"]))


@pytest.mark.parametrize("entry", entries("genesis.json", "genesis"))
def test_state_of_genesis(entry: Golden, groth16_verifier: Verifier) -> None:
    state = genesis_state(genesis_tx(entry["genesis_tx_json"].value), CONFIG, groth16_verifier)
    assert state.slot == state.block_number == 0
    assert field.to_hex(state.utxos.root) == entry["initial_utxo_root"].value
    assert field.to_hex(state.epoch_state.utxos.root) == entry["aged_root"].value
    assert field.to_hex(state.epoch_state.nonce) == entry["epoch_nonce"].value
    assert state.epoch_state.total_stake == entry["total_stake"].value
    assert state.channels[GENESIS_CHANNEL].tip.hex() == entry["genesis_channel_tip"].value
    assert sorted(map(field.to_hex, state.locked_notes)) == sorted(entry["locked_notes"].value)
    assert declarations_seen(state) == entry["sdp_declarations_sorted_by_id"].value
    assert set(state.active_sessions.values()) == {0}
    for service, providers in entry["session_0"].items():
        assert session_seen(state, ServiceType(service)) == providers.value


@pytest.mark.parametrize("entry", entries("genesis.json", "ledger_init"))
def test_ledger_of_genesis(entry: Golden, groth16_verifier: Verifier) -> None:
    tx, result = genesis_tx(entry["signed_json"].value), entry["result"]
    if "ok" in result:
        state = genesis_state(tx, CONFIG, groth16_verifier)
        assert field.to_hex(state.utxos.root) == result["ok"]["root"].value
        assert state.epoch_state.total_stake == result["ok"]["total_stake"].value
        return
    with pytest.raises(LedgerError) as refused:
        genesis_state(tx, CONFIG, groth16_verifier)
    assert str(refused.value) == result["display"].value
    result["debug"].not_compared("Rust's derived Debug of the same values as the display text")
