"""Chain sync messages as the real node writes them on a stream."""

import pytest

from nomos_core.cryptarchia.block_wire import block_from_wire
from nomos_core.cryptarchia.sync_messages import (
    FRAME_PREFIX_BYTES,
    PROTOCOL,
    BlockBytes,
    DownloadBlocks,
    Failure,
    GetTip,
    NoMoreBlocks,
    Tip,
    blocks_response_from_wire,
    blocks_response_to_wire,
    frame,
    frame_length,
    request_from_wire,
    request_to_wire,
    tip_response_from_wire,
    tip_response_to_wire,
)
from nomos_core.identifiers import HeaderId
from support.inputs.golden import Golden, load


def named(name: str) -> Golden:
    return next(message for message in load("protocol_messages.json")["messages"] if message["name"].value == name)


def block_id(text: str) -> HeaderId:
    return HeaderId(bytes.fromhex(text))


def check(entry: Golden, wire: bytes) -> None:
    assert entry["protocol"].value == PROTOCOL
    assert wire.hex() == entry["bincode"].value
    assert frame(wire).hex() == entry["framed"].value
    assert frame_length(frame(wire)[:FRAME_PREFIX_BYTES]) == len(wire)


def test_get_tip() -> None:
    entry = named("get_tip")
    assert entry["content"]["request"].value == entry["serde_json"].value == type(GetTip()).__name__
    check(entry, request_to_wire(GetTip()))
    assert request_from_wire(bytes.fromhex(entry["bincode"].value)) == GetTip()


@pytest.mark.parametrize("count", [0, 1, 3])
def test_download_blocks(count: int) -> None:
    entry = named(f"download_blocks_{count}_additional")
    content = entry["content"].value
    request = DownloadBlocks(
        target=block_id(content["target_block"]),
        local_tip=block_id(content["local_tip"]),
        latest_immutable=block_id(content["latest_immutable_block"]),
        additional=frozenset(map(block_id, content["additional_blocks"])),
    )
    assert content["request"] == type(request).__name__
    assert entry["serde_json"].value == {
        "DownloadBlocksRequest": {
            "target_block": request.target.hex(),
            "known_blocks": {
                "local_tip": request.local_tip.hex(),
                "latest_immutable_block": request.latest_immutable.hex(),
                "additional_blocks": sorted(block.hex() for block in request.additional),
            },
        }
    }
    expected = bytes.fromhex(entry["bincode"].value)
    assert request_from_wire(expected) == request
    assert request_from_wire(request_to_wire(request)) == request
    check(entry, expected)
    if "any order" in content["note"]:
        assert sorted(request_to_wire(request)) == sorted(expected)
    else:
        assert request_to_wire(request) == expected


def test_tip() -> None:
    entry = named("tip_response")
    content = entry["content"].value
    response = Tip(block_id(content["tip"]), slot=content["slot"], height=content["height"])
    assert content["response"] == "Tip"
    assert entry["serde_json"].value == {"Tip": {"tip": response.tip.hex(), "slot": response.slot, "height": 77}}
    check(entry, tip_response_to_wire(response))
    assert tip_response_from_wire(bytes.fromhex(entry["bincode"].value)) == response


def test_tip_failure() -> None:
    entry = named("tip_failure")
    response = Failure(entry["serde_json"][entry["content"]["response"].value].value)
    check(entry, tip_response_to_wire(response))
    assert tip_response_from_wire(bytes.fromhex(entry["bincode"].value)) == response


def test_block() -> None:
    entry = named("download_block")
    response = BlockBytes(bytes.fromhex(entry["content"]["block_bincode"].value))
    assert bytes(entry["serde_json"][entry["content"]["response"].value].value) == response.data
    assert block_from_wire(response.data).id.hex() == entry["content"]["block_id"].value
    check(entry, blocks_response_to_wire(response))
    assert blocks_response_from_wire(bytes.fromhex(entry["bincode"].value)) == response


def test_no_more_blocks() -> None:
    entry = named("download_no_more_blocks")
    assert entry["content"]["response"].value == entry["serde_json"].value == type(NoMoreBlocks()).__name__
    check(entry, blocks_response_to_wire(NoMoreBlocks()))
    assert blocks_response_from_wire(bytes.fromhex(entry["bincode"].value)) == NoMoreBlocks()


def test_download_failure() -> None:
    entry = named("download_failure")
    response = Failure(entry["serde_json"][entry["content"]["response"].value].value)
    check(entry, blocks_response_to_wire(response))
    assert blocks_response_from_wire(bytes.fromhex(entry["bincode"].value)) == response
