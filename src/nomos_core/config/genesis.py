"""Section ``cryptarchia.service.starting_state``: the state from which a chain starts, a genesis transaction or a saved
ledger.

The transaction looks as in JSON, but the proofs of its operations are YAML tags (``!ZkAndEd25519Sigs``). It is checked
as the real node checks it when it reads its configuration: the proofs of operations that need no ledger, and the rules
of a genesis transaction.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, ClassVar, Final

from nomos_core.config.codecs import Reading, TaggedCodec
from nomos_core.config.document import Node
from nomos_core.config.field_errors import InvalidField
from nomos_core.config.scalars import U64, BlockId, FieldElement
from nomos_core.config.structs import StructCodec
from nomos_core.config.writing import Plain, Shared
from nomos_core.identifiers import NoteId, ZkPublicKey, ZkSignature
from nomos_core.mantle.operations import (
    Ed25519Proof,
    NoProof,
    Operation,
    OperationProof,
    ZkAndEd25519Proof,
    ZkProof,
)
from nomos_core.mantle.transactions import LedgerTx, MantleTx, Note, SignedMantleTx


class _PlainCodec:
    """Codec of any value, as plain data."""

    example = "..."

    def read(self, node: Node, reading: Reading) -> Any:
        return node.to_plain()

    def write(self, value: Any) -> Plain:
        return value  # type: ignore[no-any-return]


class _OperationCodec:
    example = "{opcode: 0, payload: {...}}"

    def read(self, node: Node, reading: Reading) -> Operation:
        from nomos_core.mantle.json_reading import JsonError
        from nomos_core.mantle.operations_json import operation_from_json

        try:
            return operation_from_json(node.to_plain())
        except JsonError as error:
            raise InvalidField(error.message, advice=error.detail) from None

    def write(self, value: Operation) -> Plain:
        from nomos_core.mantle.operations_json import operation_to_json

        return operation_to_json(value)


@dataclass(frozen=True, slots=True)
class _ProofContent:
    """Codec of the content behind the tag of an operation's proof."""

    name: str
    example: str

    def read(self, node: Node, reading: Reading) -> OperationProof:
        from nomos_core.mantle.json_reading import JsonError
        from nomos_core.mantle.operations_json import proof_from_json

        try:
            return proof_from_json({self.name: node.to_plain()})
        except JsonError as error:
            place = error.path.removeprefix(self.name).removeprefix(".")
            raise InvalidField(error.message, at=node, advice=f"see `{place}` in it" if place else "") from None

    def write(self, value: OperationProof) -> Plain:
        from nomos_core.mantle.operations_json import proof_to_json

        content: Plain = proof_to_json(value)[self.name]
        return content


class _ZkSignatureCodec:
    example = "{pi_a: [<32 numbers>], pi_b: [<64 numbers>], pi_c: [<32 numbers>]}"

    def read(self, node: Node, reading: Reading) -> ZkSignature:
        from nomos_core.mantle.json_reading import JsonError
        from nomos_core.mantle.operations_json import zk_signature_from_json

        try:
            return zk_signature_from_json(node.to_plain())
        except JsonError as error:
            raise InvalidField(
                error.message, at=node, advice=f"see `{error.path}` in it" if error.path else ""
            ) from None

    def write(self, value: ZkSignature) -> Plain:
        from nomos_core.mantle.operations_json import zk_signature_to_json

        return zk_signature_to_json(value)  # type: ignore[return-value]


_PROOF: Final = TaggedCodec(
    {
        "Ed25519Sig": (Ed25519Proof, _ProofContent("Ed25519Sig", "[<64 numbers>]")),
        "ZkSig": (ZkProof, _ProofContent("ZkSig", _ZkSignatureCodec.example)),
        "ZkAndEd25519Sigs": (ZkAndEd25519Proof, _ProofContent("ZkAndEd25519Sigs", "{zk_sig: ..., ed25519_sig: ...}")),
    },
    {"NoProof": NoProof()},
    ("NoProof", "Ed25519Sig", "ZkSig", "ZkAndEd25519Sigs"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _NoteEntry:
    serde_name: ClassVar = "Note"
    value: U64
    pk: FieldElement


@dataclass(frozen=True, slots=True, kw_only=True)
class _LedgerTxEntry:
    serde_name: ClassVar = "Tx"
    inputs: tuple[FieldElement, ...]
    outputs: tuple[_NoteEntry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _MantleTxEntry:
    serde_name: ClassVar = "MantleTxDeSerImpl"
    ops: tuple[Annotated[Operation, _OperationCodec()], ...]
    ledger_tx: _LedgerTxEntry
    execution_gas_price: U64
    storage_gas_price: U64


@dataclass(frozen=True, slots=True, kw_only=True)
class _SignedTxEntry:
    serde_name: ClassVar = "SignedMantleTxHelper"
    mantle_tx: _MantleTxEntry
    ops_proofs: tuple[Annotated[OperationProof, _PROOF], ...]
    ledger_tx_proof: Annotated[ZkSignature, _ZkSignatureCodec()]


class _GenesisTxCodec:
    example = "{mantle_tx: ..., ops_proofs: [...], ledger_tx_proof: ...}"
    _entry: Final = StructCodec(_SignedTxEntry)

    def read(self, node: Node, reading: Reading) -> SignedMantleTx:
        from nomos_core.mantle.genesis import validate_genesis
        from nomos_core.mantle.operation_proofs import verify_operation_proofs

        transaction = _transaction(self._entry.read(node, reading))
        try:
            verify_operation_proofs(transaction)
            validate_genesis(transaction)
        except ValueError as error:
            raise InvalidField(str(error), advice="make the genesis transaction anew") from None
        return transaction

    def write(self, value: SignedMantleTx) -> Plain:
        return _shared_text(value)


def _transaction(entry: _SignedTxEntry) -> SignedMantleTx:
    ledger_tx = LedgerTx(
        tuple(NoteId(note_id) for note_id in entry.mantle_tx.ledger_tx.inputs),
        tuple(Note(note.value, ZkPublicKey(note.pk)) for note in entry.mantle_tx.ledger_tx.outputs),
    )
    mantle_tx = MantleTx(
        entry.mantle_tx.ops, ledger_tx, entry.mantle_tx.execution_gas_price, entry.mantle_tx.storage_gas_price
    )
    return SignedMantleTx(mantle_tx, entry.ops_proofs, entry.ledger_tx_proof)


@lru_cache(maxsize=2)
def _shared_text(transaction: SignedMantleTx) -> Shared:
    """Return the text of a genesis transaction. It is made once, because all nodes of a network have the same."""
    from nomos_core.mantle.transactions_json import transaction_to_json

    plain = transaction_to_json(transaction)
    plain["ops_proofs"] = [_PROOF.write(proof) for proof in transaction.operation_proofs]
    return Shared(plain)


@dataclass(frozen=True, slots=True, kw_only=True)
class Genesis:
    """Start from a genesis transaction: ``!Genesis``."""

    serde_name: ClassVar = "StartingState::Genesis"
    genesis_tx: Annotated[SignedMantleTx, _GenesisTxCodec()]
    """Genesis transaction. All nodes of a network must have the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lib:
    """Start from a saved ledger at the last irreversible block: ``!Lib``.

    The embedded node refuses it: the ledger has a form of the real node's own.
    """

    serde_name: ClassVar = "StartingState::Lib"
    lib_id: BlockId
    """Id of the last irreversible block."""
    lib_ledger_state: Annotated[Any, _PlainCodec()]
    """Ledger state in the real node's own form, kept as plain data."""
    genesis_id: BlockId
    """Id of the genesis block."""


StartingState = Genesis | Lib
"""State from which a chain starts."""
AnyStartingState = Annotated[
    StartingState, TaggedCodec({"Genesis": (Genesis, StructCodec(Genesis)), "Lib": (Lib, StructCodec(Lib))})
]
"""State from which a chain starts, with its codec."""
