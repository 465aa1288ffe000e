"""Operations of the real node: JSON, canonical bytes, wire form, ids and gas."""

import json
from typing import Any

import pytest

from nomos_core.codec import CodecError, Writer
from nomos_core.mantle.gas import da_gas_cost, execution_gas
from nomos_core.mantle.json_reading import JsonError
from nomos_core.mantle.operations import ChannelBlob, ChannelInscribe, SDPActive, SDPDeclare
from nomos_core.mantle.operations_binary import (
    declaration_id,
    decode_operation,
    encode_activity,
    encode_operation,
    message_id,
)
from nomos_core.mantle.operations_json import operation_from_json, operation_to_json
from support.inputs.golden import Golden, entries


def node_text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


@pytest.mark.parametrize("entry", entries("operations.json", "operations"))
def test_operation_in_json(entry: Golden) -> None:
    operation = operation_from_json(entry["json"].value)
    assert type(operation).__name__ == entry["type"].value
    assert operation.opcode == entry["opcode"].value
    assert operation_to_json(operation) == entry["json"].value
    assert node_text(operation_to_json(operation)) == entry["json_text"].value
    roundtrip = operation_from_json(operation_to_json(operation))
    assert (roundtrip == operation) is entry["json_roundtrip_equal"].value


@pytest.mark.parametrize("entry", entries("operations.json", "operations"))
def test_operation_in_binary(entry: Golden) -> None:
    operation = operation_from_json(entry["json"].value)
    encoded = encode_operation(operation)
    assert encoded.hex() == entry["binary"].value
    assert Writer().byte_string(encoded).take().hex() == entry["bincode"].value
    decoded, rest = decode_operation(encoded)
    assert (decoded == operation) is entry["binary_roundtrip_equal"].value
    assert rest == b""


@pytest.mark.parametrize("entry", entries("operations.json", "operations"))
def test_operation_gas(entry: Golden) -> None:
    operation = operation_from_json(entry["json"].value)
    assert execution_gas(operation) == entry["execution_gas"].value
    assert da_gas_cost(operation) == entry["da_gas_cost"].value


@pytest.mark.parametrize("entry", entries("operations.json", "operations"))
def test_operation_ids(entry: Golden) -> None:
    operation = operation_from_json(entry["json"].value)
    if isinstance(operation, ChannelInscribe | ChannelBlob):
        assert message_id(operation).hex() == entry["msg_id"].value
    if isinstance(operation, SDPDeclare):
        assert declaration_id(operation).hex() == entry["declaration_id"].value
        assert list(declaration_id(operation)) == entry["declaration_id_json"].value
    if isinstance(operation, SDPActive):
        assert encode_activity(operation.metadata).hex() == entry["metadata_bytes"].value


@pytest.mark.parametrize("entry", entries("operations.json", "json_decoding"))
def test_json_decoding(entry: Golden) -> None:
    if "ok" in entry["result"]:
        operation = operation_from_json(entry["json"].value)
        assert operation_to_json(operation) == entry["result"]["ok"].value
    else:
        with pytest.raises(JsonError) as refusal:
            operation_from_json(entry["json"].value)
        assert refusal.value.message == entry["result"]["err"].value
        assert refusal.value.detail


@pytest.mark.parametrize("entry", entries("operations.json", "binary_decoding"))
def test_binary_decoding(entry: Golden) -> None:
    data = bytes.fromhex(entry["binary"].value)
    if "ok" in entry["result"]:
        operation, rest = decode_operation(data)
        assert operation_to_json(operation) == entry["result"]["ok"].value
        assert rest.hex() == entry["result"]["rest"].value
    else:
        with pytest.raises(CodecError):
            decode_operation(data)
        entry["result"]["err"].not_compared("the parser library's own text; a refusal is what counts")
