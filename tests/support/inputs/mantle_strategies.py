"""Hypothesis strategies for operations and transactions: any value that the protocol can hold, signed or not."""

from __future__ import annotations

from hypothesis import strategies as st

from nomos_core import field
from nomos_core.identifiers import TxHash
from nomos_core.keys import Ed25519Key
from nomos_core.mantle.operations import (
    BlendActivity,
    ChannelBlob,
    ChannelInscribe,
    ChannelSetKeys,
    DaActivity,
    Ed25519Proof,
    LeaderClaim,
    NoProof,
    Operation,
    OperationProof,
    SDPActive,
    SDPDeclare,
    SDPWithdraw,
    ServiceType,
    ZkAndEd25519Proof,
    ZkProof,
)
from nomos_core.mantle.signing import (
    Ed25519Signer,
    OperationSigner,
    ZkAndEd25519Signer,
    ZkSigner,
    sign_transaction,
)
from nomos_core.mantle.transactions import LedgerTx, MantleTx, Note, SignedMantleTx
from nomos_core.proofs.development import DevelopmentProver

KEYS = tuple(Ed25519Key(bytes([seed]) * 32) for seed in range(4))

u64s = st.integers(0, (1 << 64) - 1)
fields = st.integers(0, field.MODULUS - 1)
hashes = st.binary(min_size=32, max_size=32)
publics = st.sampled_from([key.public for key in KEYS])

ports = st.integers(0, 65_535)
host_names = st.text("abcdefghijklmnopqrstuvwxyz0123456789-.", min_size=1, max_size=30)
locators = st.one_of(
    st.just(""),
    st.builds("/ip4/{}/udp/{}/quic-v1".format, st.ip_addresses(v=4), ports),
    st.builds("/dns4/{}/tcp/{}/ws".format, host_names, ports),
    st.builds("/dns/{}/udp/{}/quic-v1".format, host_names, ports),
)

da_activities = st.builds(DaActivity, u64s, st.binary(max_size=40), st.binary(max_size=40))
blend_activities = st.builds(BlendActivity, u64s, publics, fields, st.binary(min_size=128, max_size=128), fields)

inscriptions = st.builds(ChannelInscribe, hashes, st.binary(max_size=100), hashes, publics)
blobs = st.builds(ChannelBlob, hashes, u64s, hashes, u64s, u64s, hashes, publics)
key_sets = st.builds(ChannelSetKeys, hashes, st.lists(publics, max_size=4).map(tuple))
declarations = st.builds(
    SDPDeclare, st.sampled_from(ServiceType), st.lists(locators, max_size=3).map(tuple), publics, fields, fields
)
withdrawals = st.builds(SDPWithdraw, hashes, fields, u64s)
activities = st.builds(SDPActive, hashes, u64s, st.one_of(da_activities, blend_activities))
leader_claims = st.builds(LeaderClaim, fields, fields, st.just(TxHash(0)))

provable_operations: st.SearchStrategy[Operation] = st.one_of(
    inscriptions, blobs, key_sets, declarations, withdrawals, activities
)
operations: st.SearchStrategy[Operation] = st.one_of(provable_operations, leader_claims)

zk_signatures = st.binary(min_size=128, max_size=128)
ed25519_signatures = st.binary(min_size=64, max_size=64)
proofs: st.SearchStrategy[OperationProof] = st.one_of(
    st.just(NoProof()),
    st.builds(Ed25519Proof, ed25519_signatures),
    st.builds(ZkProof, zk_signatures),
    st.builds(ZkAndEd25519Proof, zk_signatures, ed25519_signatures),
)

notes = st.builds(Note, u64s, fields)
ledger_txs = st.builds(LedgerTx, st.lists(fields, max_size=4).map(tuple), st.lists(notes, max_size=4).map(tuple))


def mantle_txs(of: st.SearchStrategy[Operation] = operations) -> st.SearchStrategy[MantleTx]:
    return st.builds(MantleTx, st.lists(of, max_size=4).map(tuple), ledger_txs, u64s, u64s)


def signed(tx: MantleTx) -> SignedMantleTx:
    """Signed by the keys that its operations name; zero-knowledge proofs are by some keys."""
    signers = [_signer(operation) for operation in tx.operations]
    return sign_transaction(
        tx,
        operation_signers=signers,
        ledger_keys=range(len(tx.ledger_tx.inputs)),
        prover=DevelopmentProver(),
    )


signed_txs = mantle_txs(provable_operations).map(signed)


def _signer(operation: Operation) -> OperationSigner:
    keys = {key.public: key for key in KEYS}
    match operation:
        case ChannelInscribe() | ChannelBlob():
            return Ed25519Signer(keys[operation.signer])
        case ChannelSetKeys():
            return Ed25519Signer(KEYS[0])
        case SDPDeclare():
            return ZkAndEd25519Signer((1, 2), keys[operation.provider_id])
        case _:
            return ZkSigner((1, 2))
