"""Canonical bytes of transactions, which are hashed, and their wire form, which is gossiped and stored.

On the wire a Mantle transaction is its canonical bytes with their length in front. The proofs of its operations have
tags, the ledger proof is raw. Every reader of a signed transaction checks the proofs of its operations.
"""

from __future__ import annotations

from typing import Final

from nomos_core import field
from nomos_core.codec import CodecError, Reader, Writer
from nomos_core.identifiers import Ed25519Signature, NoteId, ZkPublicKey, ZkSignature
from nomos_core.keys import SIGNATURE_BYTES
from nomos_core.mantle.operation_proofs import proof_kind, require_proof_kinds, verify_operation_proofs
from nomos_core.mantle.operations import Ed25519Proof, NoProof, OperationProof, ZkAndEd25519Proof, ZkProof
from nomos_core.mantle.operations_binary import GROTH16_BYTES, count, encode_operation, read_operation, u64
from nomos_core.mantle.transactions import LedgerTx, MantleTx, Note, SignedMantleTx

_PROOF_TAGS: Final = (NoProof, Ed25519Proof, ZkProof, ZkAndEd25519Proof)
_PROOF_SIZES: Final[dict[type[OperationProof], int]] = {
    Ed25519Proof: SIGNATURE_BYTES,
    ZkProof: GROTH16_BYTES,
    ZkAndEd25519Proof: GROTH16_BYTES + SIGNATURE_BYTES,
}


def encode_ledger_tx(tx: LedgerTx) -> bytes:
    """Return the canonical bytes of a ledger transaction.

    The numbers of inputs and outputs are one byte each and wrap at 256 (a genesis may have more outputs).
    """
    return b"".join(
        (
            count(tx.inputs),
            *map(field.to_bytes, tx.inputs),
            count(tx.outputs),
            *(u64(note.value) + field.to_bytes(note.public_key) for note in tx.outputs),
        )
    )


def encode_mantle_tx(tx: MantleTx) -> bytes:
    """Return the canonical bytes of a Mantle transaction.

    Raises:
        ValueError: a locator of a declaration is too long or no multiaddress.
    """
    return b"".join(
        (
            count(tx.operations),
            *map(encode_operation, tx.operations),
            encode_ledger_tx(tx.ledger_tx),
            u64(tx.execution_gas_price),
            u64(tx.storage_gas_price),
        )
    )


def encode_signed_mantle_tx(tx: SignedMantleTx) -> bytes:
    """Return the canonical bytes of a signed transaction. Storage gas is paid for these bytes.

    Raises:
        OperationProofError: an operation carries another kind of proof than it needs.
    """
    require_proof_kinds(tx)
    proofs = (_encode_proof(proof) for proof in tx.operation_proofs)
    return b"".join((encode_mantle_tx(tx.mantle_tx), *proofs, tx.ledger_tx_proof))


def signed_size(tx: MantleTx) -> int:
    """Return the number of bytes that ``encode_signed_mantle_tx`` will return once the transaction is signed.

    Raises:
        UnprovableOperation: the transaction has a leader claim.
    """
    proofs = sum(_PROOF_SIZES[proof_kind(operation)] for operation in tx.operations)
    return len(encode_mantle_tx(tx)) + proofs + GROTH16_BYTES


def decode_mantle_tx(data: bytes) -> tuple[MantleTx, bytes]:
    """Read the transaction at the front of the data. Return it and the bytes that follow it.

    Raises:
        CodecError: the data does not start with a transaction.
    """
    reader = Reader(data)
    tx = _read_mantle_tx(reader)
    return tx, reader.raw(reader.remaining)


def transaction_to_wire(tx: SignedMantleTx) -> bytes:
    """Return the wire form of a signed transaction.

    Raises:
        CodecError: the message would be larger than the wire limit.
    """
    return write_transaction(Writer(), tx).take()


def transaction_from_wire(data: bytes) -> SignedMantleTx:
    """Read a signed transaction from its wire form, and check the proofs of its operations.

    Raises:
        CodecError: the bytes are not a signed transaction.
        OperationProofError: an operation's proof is missing, of the wrong kind, or does not hold.
    """
    reader = Reader(data)
    tx = read_transaction(reader)
    reader.end()
    return tx


def write_transaction(writer: Writer, tx: SignedMantleTx) -> Writer:
    """Write a signed transaction into a message, and return its writer."""
    writer.byte_string(encode_mantle_tx(tx.mantle_tx)).u64(len(tx.operation_proofs))
    for proof in tx.operation_proofs:
        write_proof(writer, proof)
    return writer.raw(tx.ledger_tx_proof)


def read_transaction(reader: Reader) -> SignedMantleTx:
    """Read a signed transaction from a message, and check the proofs of its operations.

    Bytes after the Mantle transaction within its own length are ignored, as in the real node.

    Raises:
        CodecError: what comes next is not a signed transaction.
        OperationProofError: an operation's proof is missing, of the wrong kind, or does not hold.
    """
    mantle_tx, _ignored = decode_mantle_tx(reader.byte_string())
    proofs = tuple(read_proof(reader) for _ in range(_bounded_count(reader)))
    tx = SignedMantleTx(mantle_tx, proofs, ZkSignature(reader.raw(GROTH16_BYTES)))
    verify_operation_proofs(tx)
    return tx


def write_proof(writer: Writer, proof: OperationProof) -> Writer:
    """Write the proof of an operation into a message, and return its writer."""
    return writer.u32(_PROOF_TAGS.index(type(proof))).raw(_encode_proof(proof))


def read_proof(reader: Reader) -> OperationProof:
    """Read the proof of an operation from a message.

    Raises:
        CodecError: the bytes that come next are not a proof.
    """
    tag = reader.u32()
    match tag:
        case 0:
            return NoProof()
        case 1:
            return Ed25519Proof(Ed25519Signature(reader.raw(SIGNATURE_BYTES)))
        case 2:
            return ZkProof(ZkSignature(reader.raw(GROTH16_BYTES)))
        case 3:
            zk_signature = ZkSignature(reader.raw(GROTH16_BYTES))
            return ZkAndEd25519Proof(zk_signature, Ed25519Signature(reader.raw(SIGNATURE_BYTES)))
        case _:
            raise CodecError(f"unknown kind {tag} of operation proof, expected 0 to 3")


def _encode_proof(proof: OperationProof) -> bytes:
    match proof:
        case NoProof():
            return b""
        case Ed25519Proof(signature):
            return signature
        case ZkProof(zk_signature):
            return zk_signature
        case ZkAndEd25519Proof(zk_signature, ed25519_signature):
            return zk_signature + ed25519_signature


def _read_mantle_tx(reader: Reader) -> MantleTx:
    operations = tuple(read_operation(reader) for _ in range(reader.u8()))
    return MantleTx(operations, _read_ledger_tx(reader), reader.u64(), reader.u64())


def _read_ledger_tx(reader: Reader) -> LedgerTx:
    inputs = tuple(NoteId(reader.field()) for _ in range(reader.u8()))
    outputs = tuple(Note(reader.u64(), ZkPublicKey(reader.field())) for _ in range(reader.u8()))
    return LedgerTx(inputs, outputs)


def _bounded_count(reader: Reader) -> int:
    """Read the length of a list. Refuse it at once when that many proofs, of at least four bytes each, can't follow."""
    size = reader.u64()
    if size * 4 > reader.remaining:
        raise CodecError(f"{size} proofs are announced, {reader.remaining} bytes are left")
    return size
