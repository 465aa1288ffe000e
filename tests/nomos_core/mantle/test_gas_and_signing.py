"""Gas of transactions that no price list foresees, and the refusals of signing."""

from dataclasses import replace

import pytest

from nomos_core import field
from nomos_core.identifiers import ROOT_MSG_ID, BlobId, ChannelId, NoteId, TxHash
from nomos_core.keys import ed25519_verify, zk_public_keys
from nomos_core.mantle.gas import gas_cost
from nomos_core.mantle.genesis import GenesisDeclaration, genesis_transaction
from nomos_core.mantle.notes import utxos_of
from nomos_core.mantle.operation_proofs import OperationProofError, UnprovableOperation
from nomos_core.mantle.operations import (
    ChannelBlob,
    ChannelInscribe,
    Ed25519Proof,
    LeaderClaim,
    NoProof,
    ServiceType,
    ZkProof,
)
from nomos_core.mantle.signing import Ed25519Signer, ZkSigner, sign_transaction
from nomos_core.mantle.transactions import LedgerTx, MantleTx, Note
from nomos_core.mantle.transactions_binary import (
    decode_mantle_tx,
    encode_mantle_tx,
    signed_size,
    transaction_from_wire,
    transaction_to_wire,
)
from nomos_core.proofs.development import DevelopmentProver
from support.inputs.mantle_strategies import KEYS, signed

CHANNEL = ChannelId(bytes(32))
INSCRIPTION = ChannelInscribe(CHANNEL, b"text", ROOT_MSG_ID, KEYS[0].public)
CLAIM = LeaderClaim(1, 2, TxHash(0))
PROVER = DevelopmentProver()


@pytest.mark.parametrize("proof", [NoProof(), ZkProof(PROVER.sign((), 0))])
def test_a_proof_of_the_wrong_kind_has_no_gas_cost(proof: NoProof | ZkProof) -> None:
    tx = replace(signed(MantleTx((INSCRIPTION,))), operation_proofs=(proof,))
    with pytest.raises(OperationProofError, match=r"ChannelInscribe at index 0 carries \w+, expected Ed25519Proof"):
        gas_cost(tx)


def test_an_inscription_without_proof_is_read_but_not_priced() -> None:
    tx = replace(signed(MantleTx((INSCRIPTION,))), operation_proofs=(NoProof(),))
    assert transaction_from_wire(transaction_to_wire(tx)) == tx
    with pytest.raises(OperationProofError):
        gas_cost(tx)


def test_a_missing_proof_has_no_gas_cost() -> None:
    tx = replace(signed(MantleTx((INSCRIPTION,))), operation_proofs=())
    with pytest.raises(OperationProofError, match=r"Number of proofs \(0\) does not match number of operations \(1\)"):
        gas_cost(tx)


def test_leader_claims_are_refused_wherever_their_proof_would_count() -> None:
    tx = MantleTx((CLAIM,))
    with pytest.raises(UnprovableOperation):
        signed_size(tx)
    with pytest.raises(UnprovableOperation):
        gas_cost(tx)
    with pytest.raises(UnprovableOperation):
        sign_transaction(tx, operation_signers=(ZkSigner((1,)),), prover=PROVER)


def test_gas_wraps_at_64_bits() -> None:
    blob = ChannelBlob(CHANNEL, 0, BlobId(bytes(32)), 1 << 63, 2, ROOT_MSG_ID, KEYS[0].public)
    assert gas_cost(MantleTx((blob,))) == 0
    assert gas_cost(MantleTx(storage_gas_price=1 << 63)) == 1 << 63  # 147 bytes: an odd number


def test_more_than_255_outputs_wrap_in_the_encoding_but_keep_their_notes() -> None:
    notes = tuple(Note(1, key) for key in zk_public_keys(range(257)))
    tx = MantleTx(ledger_tx=LedgerTx(outputs=notes))
    decoded, rest = decode_mantle_tx(encode_mantle_tx(tx))
    assert len(decoded.ledger_tx.outputs) == 1
    assert rest
    assert len({utxo.id for utxo in utxos_of(tx.ledger_tx)}) == 257


def test_signatures_hold_over_the_hash_in_montgomery_form() -> None:
    tx = sign_transaction(MantleTx((INSCRIPTION,)), operation_signers=(Ed25519Signer(KEYS[0]),), prover=PROVER)
    (proof,) = tx.operation_proofs
    assert isinstance(proof, Ed25519Proof)
    assert ed25519_verify(KEYS[0].public, field.signing_bytes(tx.hash), proof.signature)
    assert PROVER.verify((), tx.hash, tx.ledger_tx_proof)


def test_each_operation_needs_its_signer() -> None:
    tx = MantleTx((INSCRIPTION,))
    with pytest.raises(OperationProofError, match="1 operations need as many signers, got 0"):
        sign_transaction(tx, prover=PROVER)
    with pytest.raises(OperationProofError, match="ChannelInscribe needs Ed25519Proof, which ZkSigner does not make"):
        sign_transaction(tx, operation_signers=(ZkSigner((1,)),), prover=PROVER)


def test_each_input_needs_its_key() -> None:
    tx = MantleTx(ledger_tx=LedgerTx(inputs=(NoteId(1), NoteId(2))))
    with pytest.raises(ValueError, match="2 inputs need as many keys, got 1"):
        sign_transaction(tx, ledger_keys=(5,), prover=PROVER)


@pytest.mark.parametrize(("index", "secret", "reason"), [(1, 5, "there are 1 outputs"), (0, 6, "does not own")])
def test_a_genesis_declaration_locks_a_note_that_its_key_owns(index: int, secret: int, reason: str) -> None:
    (owner,) = zk_public_keys([5])
    declaration = GenesisDeclaration(ServiceType.BLEND, ("/ip4/127.0.0.1/tcp/1",), KEYS[0], 7, index, secret)
    with pytest.raises(ValueError, match=reason):
        genesis_transaction([Note(1, owner)], [declaration], PROVER)
