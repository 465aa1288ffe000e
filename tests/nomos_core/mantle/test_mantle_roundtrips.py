"""Whatever is written is read back as it was, in JSON, in canonical bytes and on the wire; garbage is refused."""

import json
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from nomos_core.codec import CodecError, Reader, Writer
from nomos_core.mantle.notes import utxos_of
from nomos_core.mantle.operation_proofs import OperationProofError
from nomos_core.mantle.operations import Operation, OperationProof
from nomos_core.mantle.operations_binary import decode_operation, encode_operation
from nomos_core.mantle.operations_json import (
    operation_from_json,
    operation_to_json,
    proof_from_json,
    proof_to_json,
)
from nomos_core.mantle.transactions import LedgerTx, MantleTx, SignedMantleTx
from nomos_core.mantle.transactions_binary import (
    decode_mantle_tx,
    encode_mantle_tx,
    encode_signed_mantle_tx,
    read_proof,
    signed_size,
    transaction_from_wire,
    transaction_to_wire,
    write_proof,
)
from nomos_core.mantle.transactions_json import (
    mantle_tx_from_json,
    mantle_tx_to_json,
    transaction_from_json,
    transaction_to_json,
)
from support.inputs.mantle_strategies import ledger_txs, mantle_txs, operations, proofs, signed_txs

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=10,
)


@given(operations)
def test_operations(operation: Operation) -> None:
    assert operation_from_json(json.loads(json.dumps(operation_to_json(operation)))) == operation
    assert decode_operation(encode_operation(operation) + b"rest") == (operation, b"rest")


@given(operations)
def test_operations_as_lists(operation: Operation) -> None:
    as_json = operation_to_json(operation)
    assert operation_from_json([as_json["opcode"], list(as_json["payload"].values())]) == operation


@given(proofs)
def test_proofs(proof: OperationProof) -> None:
    assert proof_from_json(json.loads(json.dumps(proof_to_json(proof)))) == proof
    assert read_proof(Reader(write_proof(Writer(), proof).take())) == proof


@given(mantle_txs())
def test_mantle_transactions(tx: MantleTx) -> None:
    assert mantle_tx_from_json(json.loads(json.dumps(mantle_tx_to_json(tx)))) == tx
    assert decode_mantle_tx(encode_mantle_tx(tx) + b"rest") == (tx, b"rest")


@given(signed_txs)
def test_signed_transactions(tx: SignedMantleTx) -> None:
    assert transaction_from_json(json.loads(json.dumps(transaction_to_json(tx)))) == tx
    assert transaction_from_wire(transaction_to_wire(tx)) == tx
    assert len(encode_signed_mantle_tx(tx)) == signed_size(tx.mantle_tx)


@given(signed_txs, st.data())
def test_a_changed_byte_is_another_transaction_or_none(tx: SignedMantleTx, data: st.DataObject) -> None:
    wire = bytearray(transaction_to_wire(tx))
    position = data.draw(st.integers(0, len(wire) - 1))
    wire[position] ^= data.draw(st.integers(1, 255))
    try:
        assert transaction_from_wire(bytes(wire)) != tx
    except (CodecError, OperationProofError):
        return


@given(st.binary(max_size=300))
def test_garbage_is_refused(data: bytes) -> None:
    for read in (decode_operation, decode_mantle_tx, transaction_from_wire):
        try:
            read(data)
        except ValueError:
            continue


@given(json_values)
def test_garbage_in_json_is_refused(value: object) -> None:
    assume(value not in ("NoProof", {"NoProof": None}))
    for read in (operation_from_json, proof_from_json, mantle_tx_from_json, transaction_from_json):
        with pytest.raises(ValueError, match=r"."):
            read(value)


@given(signed_txs, st.binary(min_size=1, max_size=5))
def test_bytes_left_over_are_refused(tx: SignedMantleTx, rest: bytes) -> None:
    with pytest.raises(CodecError, match="left over"):
        transaction_from_wire(transaction_to_wire(tx) + rest)


@given(ledger_txs)
def test_note_ids_differ(ledger_tx: LedgerTx) -> None:
    ids = [utxo.id for utxo in utxos_of(ledger_tx)]
    assert len(set(ids)) == len(ids)


@given(mantle_txs())
def test_the_hash_depends_on_the_prices(tx: MantleTx) -> None:
    assert replace(tx, execution_gas_price=tx.execution_gas_price ^ 1).hash != tx.hash
