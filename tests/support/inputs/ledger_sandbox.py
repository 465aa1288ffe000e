"""A small chain for the ledger's own tests: named keys, blocks on demand, proofs by the development prover."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from nomos_core.cryptarchia.epochs import ConsensusConfig, EpochConfig
from nomos_core.cryptarchia.leadership_proof import make_leader_proof
from nomos_core.identifiers import Ed25519PublicKey, LedgerTxHash, NoteId
from nomos_core.keys import Ed25519Key, zk_public_key
from nomos_core.ledger.config import LedgerConfig, ServiceParameters
from nomos_core.ledger.state import LedgerState, apply_header, apply_transaction, leader_public, state_of_notes
from nomos_core.ledger.utxo_tree import UtxoTree
from nomos_core.mantle.notes import Utxo
from nomos_core.mantle.operations import Operation, SDPDeclare, ServiceType
from nomos_core.mantle.signing import Ed25519Signer, OperationSigner, ZkAndEd25519Signer, ZkSigner, sign_transaction
from nomos_core.mantle.transactions import LedgerTx, MantleTx, Note, SignedMantleTx
from nomos_core.proofs.development import DevelopmentProver

PROVER = DevelopmentProver()
OWNERS = 4
"""Zero-knowledge secret keys 1 to 4 own the notes."""
SECRET_OF = {zk_public_key(secret): secret for secret in range(1, OWNERS + 1)}
PUBLIC = {secret: public for public, secret in SECRET_OF.items()}


def ledger_config(
    *, session_duration: int = 3, lock_period: int = 1, inactivity_period: int = 1, blend_minimum: int = 1
) -> LedgerConfig:
    """k = 1 and f = 1: an epoch has 10 slots."""
    parameters = ServiceParameters(session_duration, lock_period, inactivity_period, retention_period=1)
    return LedgerConfig(
        epoch_config=EpochConfig(3, 3, 4),
        consensus_config=ConsensusConfig(1, 1.0),
        services=dict.fromkeys(ServiceType, parameters),
        minimum_stake=10,
        blend_minimum_network_size=blend_minimum,
    )


def initial_notes(values: Sequence[int]) -> tuple[Utxo, ...]:
    return tuple(
        Utxo(LedgerTxHash(7), index, Note(value, PUBLIC[index % OWNERS + 1])) for index, value in enumerate(values)
    )


@dataclass
class Sandbox:
    """A state that moves on; ``slot`` of the next block is one after the last."""

    config: LedgerConfig = field(default_factory=ledger_config)
    state: LedgerState = field(default_factory=lambda: state_of_notes(UtxoTree(initial_notes((100, 200, 300, 400)))))

    def unspent(self) -> list[Utxo]:
        return list(self.state.utxos)

    def header(self, slot: int | None = None) -> LedgerState:
        slot = self.state.slot + 1 if slot is None else slot
        public = leader_public(self.state, slot, self.config)
        proof = make_leader_proof(public, leader_key=Ed25519PublicKey(bytes(32)))
        self.state = apply_header(self.state, slot, proof, self.config)
        return self.state

    def headers(self, count: int) -> LedgerState:
        for _ in range(count):
            self.header()
        return self.state

    def apply(self, *txs: SignedMantleTx) -> LedgerState:
        for tx in txs:
            self.state = apply_transaction(self.state, tx, self.config, PROVER)
        return self.state

    def transfer(self, spent: Sequence[Utxo], outputs: Sequence[Note], **prices: int) -> SignedMantleTx:
        mantle_tx = MantleTx((), LedgerTx(tuple(utxo.id for utxo in spent), tuple(outputs)), **prices)
        keys = [SECRET_OF[utxo.note.public_key] for utxo in spent]
        return sign_transaction(mantle_tx, ledger_keys=keys, prover=PROVER)

    def operation(self, operation: Operation, signer: OperationSigner) -> SignedMantleTx:
        return sign_transaction(MantleTx((operation,)), operation_signers=(signer,), prover=PROVER)

    def channel_operation(self, operation: Operation, key: Ed25519Key) -> SignedMantleTx:
        return self.operation(operation, Ed25519Signer(key))

    def declaration(self, service: ServiceType, note_id: NoteId, provider: int) -> SDPDeclare:
        """Provider ``n`` has Ed25519 secret ``n n n ...`` and zero-knowledge secret ``1000 + n``."""
        return SDPDeclare(
            service_type=service,
            locators=(f"/ip4/127.0.0.1/udp/{4000 + provider}/quic-v1",),
            provider_id=provider_key(provider).public,
            zk_id=zk_public_key(1000 + provider),
            locked_note_id=note_id,
        )

    def declare(self, service: ServiceType, note: Utxo, provider: int) -> SDPDeclare:
        """Declare and apply."""
        operation = self.declaration(service, note.id, provider)
        signer = ZkAndEd25519Signer((SECRET_OF[note.note.public_key], 1000 + provider), provider_key(provider))
        self.apply(self.operation(operation, signer))
        return operation

    def provider_message(self, operation: Operation, note: Utxo, provider: int) -> SignedMantleTx:
        return self.operation(operation, ZkSigner((SECRET_OF[note.note.public_key], 1000 + provider)))


def provider_key(provider: int) -> Ed25519Key:
    return Ed25519Key(bytes([provider]) * 32)
