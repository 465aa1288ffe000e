"""Genesis transactions of the real node and of the original test framework."""

import pytest

from nomos_core import field
from nomos_core.identifiers import ZkPublicKey
from nomos_core.keys import zk_public_key
from nomos_core.mantle.genesis import GenesisError, validate_genesis
from nomos_core.mantle.network_genesis import GenesisNode, network_genesis
from nomos_core.mantle.notes import utxos_of
from nomos_core.mantle.operations import ChannelInscribe, SDPDeclare, ZkAndEd25519Proof
from nomos_core.mantle.operations_binary import declaration_id, message_id
from nomos_core.mantle.transactions import Note, SignedMantleTx
from nomos_core.mantle.transactions_binary import encode_mantle_tx, transaction_from_wire, transaction_to_wire
from nomos_core.mantle.transactions_json import transaction_from_json, transaction_to_json
from nomos_core.node_identity import NodeIdentity
from nomos_core.proofs.development import DevelopmentProver
from support.inputs.golden import Golden, entries

GENESIS = entries("genesis.json", "genesis")


def genesis_of(entry: Golden) -> SignedMantleTx:
    """Built from the nodes' ids and the wallet's keys, with development proofs."""
    services = {declaration["service"].value for declaration in entry["declaration_ids_in_op_order"]}
    nodes = [
        GenesisNode(
            NodeIdentity(bytes.fromhex(node["id"])),
            node["da_locator"] if "DA" in services else None,
            node["blend_locator"] if "BN" in services else None,
        )
        for node in entry["nodes"].value
    ]
    wallet = [
        Note(account["value"], ZkPublicKey(field.from_hex(account["pk"]))) for account in entry["wallet_accounts"].value
    ]
    return network_genesis(nodes, wallet, DevelopmentProver())


@pytest.mark.parametrize("entry", GENESIS)
def test_built_genesis(entry: Golden) -> None:
    built, real = genesis_of(entry), transaction_from_json(entry["genesis_tx_json"].value)
    assert built.mantle_tx == real.mantle_tx
    assert built.ledger_tx_proof == real.ledger_tx_proof
    for ours, theirs in zip(built.operation_proofs, real.operation_proofs, strict=True):
        assert type(ours) is type(theirs)
        if isinstance(ours, ZkAndEd25519Proof) and isinstance(theirs, ZkAndEd25519Proof):
            assert ours.ed25519_signature == theirs.ed25519_signature
    validate_genesis(built)


@pytest.mark.parametrize("entry", GENESIS)
def test_genesis_encodings_and_hashes(entry: Golden) -> None:
    tx = transaction_from_json(entry["genesis_tx_json"].value)
    assert transaction_to_json(tx) == entry["genesis_tx_json"].value
    assert transaction_to_wire(tx).hex() == entry["genesis_tx_bincode"].value
    assert transaction_from_wire(bytes.fromhex(entry["genesis_tx_bincode"].value)) == tx
    assert encode_mantle_tx(tx.mantle_tx).hex() == entry["encode_mantle_tx"].value
    assert field.to_hex(tx.hash) == entry["tx_hash"].value
    assert field.signing_bytes(tx.hash).hex() == entry["signing_bytes"].value
    assert field.to_hex(tx.mantle_tx.ledger_tx.hash) == entry["ledger_tx_hash"].value


@pytest.mark.parametrize("entry", GENESIS)
def test_genesis_inscription(entry: Golden) -> None:
    inscription = genesis_of(entry).mantle_tx.operations[0]
    assert isinstance(inscription, ChannelInscribe)
    assert message_id(inscription).hex() == entry["genesis_channel_tip"].value


@pytest.mark.parametrize("entry", GENESIS)
def test_genesis_declarations(entry: Golden) -> None:
    declarations = [
        operation for operation in genesis_of(entry).mantle_tx.operations if isinstance(operation, SDPDeclare)
    ]
    for declaration, expected in zip(declarations, entry["declaration_ids_in_op_order"].value, strict=True):
        identity = NodeIdentity(bytes.fromhex(expected["node_id"]))
        note_key = identity.data_availability if expected["service"] == "DA" else identity.blend
        assert declaration_id(declaration).hex() == expected["declaration_id"]
        assert declaration.service_type == expected["service"]
        assert field.to_hex(identity.provider.secret) == expected["zk_sk"]
        assert field.to_hex(note_key.secret) == expected["note_sk"]
        assert declaration.provider_id == identity.node_key.public


@pytest.mark.parametrize("entry", GENESIS)
def test_genesis_notes(entry: Golden) -> None:
    utxos = utxos_of(genesis_of(entry).mantle_tx.ledger_tx)
    notes = [
        {
            "note_id": field.to_hex(utxo.id),
            "output_index": utxo.output_index,
            "pk": field.to_hex(utxo.note.public_key),
            "value": utxo.note.value,
        }
        for utxo in utxos
    ]
    assert notes == entry["notes"].value


@pytest.mark.parametrize("entry", GENESIS)
def test_wallet_accounts(entry: Golden) -> None:
    accounts = entry["wallet_accounts"].value
    notes = genesis_of(entry).mantle_tx.ledger_tx.outputs[3 * len(entry["nodes"]) :]
    for index, (account, note) in enumerate(zip(accounts, notes, strict=True)):
        secret = field.from_bytes(b"wl" + index.to_bytes(8, "little"))
        assert account["index"] == index
        assert field.from_hex(account["sk"]) == secret
        assert field.from_hex(account["pk"]) == zk_public_key(secret) == note.public_key
        assert account["value"] == note.value


@pytest.mark.parametrize("entry", entries("genesis.json", "genesis_tx_validity"))
def test_genesis_validity(entry: Golden) -> None:
    tx = transaction_from_json(entry["signed_json"].value)
    if entry["result"].value == "ok":
        validate_genesis(tx)
    else:
        with pytest.raises(GenesisError) as refusal:
            validate_genesis(tx)
        assert refusal.value.fault == entry["result"]["variant"].value
        text, _debug_of_the_operation, _ = entry["result"]["display_prefix"].value.partition("(")
        assert str(refusal.value).startswith(text)
