"""Genesis transaction: the first notes, and the service providers that are declared before the first block.

It pays no fee and spends nothing. Its first operation is an inscription in channel zero, without proof. All others are
service declarations with their proofs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal

from nomos_core.identifiers import ROOT_MSG_ID, ChannelId, Ed25519PublicKey, ZkSignature
from nomos_core.keys import Ed25519Key, zk_public_keys
from nomos_core.mantle.notes import Utxo, utxos_of
from nomos_core.mantle.operations import ChannelInscribe, NoProof, Operation, SDPDeclare, ServiceType
from nomos_core.mantle.operations_binary import GROTH16_BYTES
from nomos_core.mantle.signing import ZkAndEd25519Signer, sign_operation
from nomos_core.mantle.transactions import LedgerTx, MantleTx, Note, SignedMantleTx
from nomos_core.proofs.prover import Prover

GENESIS_INSCRIPTION: Final = b"genesis"
"""Text of the inscription in the genesis of test networks."""
GENESIS_CHANNEL: Final = ChannelId(bytes(32))
"""Channel of the genesis inscription: 32 zero bytes."""
GENESIS_SIGNER: Final = Ed25519PublicKey(bytes(32))
"""Signer of the genesis inscription: 32 zero bytes, so nobody can have signed it."""

GenesisFault = Literal[
    "InvalidGenesisGasPrice", "UnepectedInput", "MissingInscription", "UnsupportedGenesisOp", "InvalidInscription"
]
"""Real node's name (and spelling) for the reason why a genesis transaction is refused."""


class GenesisError(ValueError):
    """Refusal of a transaction that can't start a chain. ``fault`` is the real node's name for the reason."""

    def __init__(self, fault: GenesisFault, message: str) -> None:
        super().__init__(message)
        self.fault = fault


@dataclass(frozen=True, slots=True)
class GenesisDeclaration:
    """Provider that serves from the start, and the note that it locks."""

    service: ServiceType
    """Service that the provider declares."""
    locators: tuple[str, ...]
    """Multiaddresses of the provider, in text form."""
    provider_key: Ed25519Key
    """Ed25519 key whose public key is the ``provider_id``; it signs the declaration."""
    zk_secret: int
    """Secret key of the provider's ``zk_id``, a field element."""
    note_index: int
    """Position of the locked note among the genesis outputs, from 0."""
    note_secret: int
    """Secret key of the locked note, a field element."""


def genesis_transaction(
    notes: Sequence[Note],
    declarations: Sequence[GenesisDeclaration],
    prover: Prover,
    *,
    inscription: bytes = GENESIS_INSCRIPTION,
    workers: int = 1,
) -> SignedMantleTx:
    """Make the transaction with which every chain of a network begins.

    Args:
        notes: first notes of the chain, in this order.
        declarations: providers that serve from the start.
        prover: maker of the declarations' zero-knowledge signatures.
        inscription: content of the first operation.
        workers: threads that sign declarations at the same time.

    Raises:
        ValueError: a declaration locks a note that is not there or that its key does not own, or a locator is no
            multiaddress.
        ProofError: the prover failed.
    """
    ledger_tx = LedgerTx(outputs=tuple(notes))
    opening = ChannelInscribe(GENESIS_CHANNEL, inscription, ROOT_MSG_ID, GENESIS_SIGNER)
    declared = tuple(_declare_operations(declarations, utxos_of(ledger_tx)))
    mantle_tx = MantleTx((opening, *declared), ledger_tx)
    signers = map(_signer, declarations)
    if workers > 1:
        with ThreadPoolExecutor(workers, "genesis") as threads:
            sign = partial(sign_operation, tx_hash=mantle_tx.hash, prover=prover)
            proofs = list(threads.map(sign, declared, signers))
    else:
        proofs = [sign_operation(*pair, mantle_tx.hash, prover) for pair in zip(declared, signers, strict=True)]
    return SignedMantleTx(mantle_tx, (NoProof(), *proofs), ZkSignature(bytes(GROTH16_BYTES)))


def validate_genesis(tx: SignedMantleTx) -> None:
    """Check the rules by which the real node reads a genesis transaction.

    The ledger then checks the declarations' proofs.

    Raises:
        GenesisError: naming the rule that is broken.
    """
    mantle_tx = tx.mantle_tx
    if mantle_tx.execution_gas_price or mantle_tx.storage_gas_price:
        raise GenesisError("InvalidGenesisGasPrice", "Genesis transaction must have gas price of zero")
    if mantle_tx.ledger_tx.inputs:
        raise GenesisError("UnepectedInput", "Genesis transaction should not have any inputs")
    if not mantle_tx.operations or not isinstance(mantle_tx.operations[0], ChannelInscribe):
        raise GenesisError(
            "MissingInscription", "Expected exactly one inscription in genesis block, as the first operation"
        )
    _validate_inscription(mantle_tx.operations[0])
    _validate_other_operations(mantle_tx.operations[1:])


def _validate_inscription(inscription: ChannelInscribe) -> None:
    zeros = {"parent": inscription.parent, "channel_id": inscription.channel_id, "signer": inscription.signer}
    for name, value in zeros.items():
        if any(value):
            raise GenesisError(
                "InvalidInscription",
                f"Invalid genesis inscription: ChannelInscribe({name} is {value.hex()}, expected zeros)",
            )


def _validate_other_operations(operations: Sequence[Operation]) -> None:
    unsupported = [
        f"{type(operation).__name__}(operation {index})"
        for index, operation in enumerate(operations, start=1)
        if not isinstance(operation, SDPDeclare)
    ]
    if unsupported:
        raise GenesisError("UnsupportedGenesisOp", f"Genesis block cannot contain this op: [{', '.join(unsupported)}]")


def _declare_operations(declarations: Sequence[GenesisDeclaration], utxos: Sequence[Utxo]) -> Iterator[SDPDeclare]:
    zk_ids = zk_public_keys([declaration.zk_secret for declaration in declarations])
    owners = zk_public_keys([declaration.note_secret for declaration in declarations])
    for declaration, zk_id, owner in zip(declarations, zk_ids, owners, strict=True):
        if not 0 <= declaration.note_index < len(utxos):
            raise ValueError(f"a declaration locks output {declaration.note_index}, there are {len(utxos)} outputs")
        utxo = utxos[declaration.note_index]
        if utxo.note.public_key != owner:
            raise ValueError(f"a declaration locks output {declaration.note_index}, which its key does not own")
        yield SDPDeclare(declaration.service, declaration.locators, declaration.provider_key.public, zk_id, utxo.id)


def _signer(declaration: GenesisDeclaration) -> ZkAndEd25519Signer:
    return ZkAndEd25519Signer((declaration.note_secret, declaration.zk_secret), declaration.provider_key)
