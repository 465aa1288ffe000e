"""What a node answers to peers that ask for its tip or for blocks."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from nomos_core.cryptarchia.block import Block
from nomos_core.cryptarchia.block_wire import block_to_wire
from nomos_core.cryptarchia.sync_messages import (
    BlockBytes,
    BlocksResponse,
    DownloadBlocks,
    Failure,
    GetTip,
    NoMoreBlocks,
    Tip,
    blocks_response_from_wire,
    request_to_wire,
    tip_response_from_wire,
)
from nomos_core.identifiers import HeaderId
from nomos_node.sync import server as sync_server
from support.inputs.chain_making import GENESIS_ID, TestNode, extend, grow

_UNKNOWN = HeaderId(bytes(31) + b"\x01")


@pytest.fixture
async def node() -> AsyncIterator[TestNode]:
    node = TestNode()
    await node.chain.go_online()
    yield node
    node.close()


async def _asked(node: TestNode, frame: bytes) -> list[bytes]:
    return [answer async for answer in node.server.answer(frame, "a peer")]


async def _blocks(node: TestNode, target: HeaderId, *known: HeaderId) -> list[BlocksResponse]:
    tip, lib, *additional = (*known, _UNKNOWN, _UNKNOWN)
    request = DownloadBlocks(target, tip, lib, frozenset(additional))
    return [blocks_response_from_wire(frame) for frame in await _asked(node, request_to_wire(request))]


def _as_answered(blocks: list[Block]) -> list[BlocksResponse]:
    return [*(BlockBytes(block_to_wire(block)) for block in blocks), NoMoreBlocks()]


async def test_the_tip_with_slot_and_height(node: TestNode) -> None:
    blocks = await grow(node.chain, [3, 9])
    (frame,) = await _asked(node, request_to_wire(GetTip()))
    assert tip_response_from_wire(frame) == Tip(blocks[-1].id, 9, 2)


async def test_a_bootstrapping_node_answers_nobody() -> None:
    node = TestNode()
    (frame,) = await _asked(node, request_to_wire(GetTip()))
    assert tip_response_from_wire(frame) == Failure("Node is not in online mode")
    assert await _blocks(node, GENESIS_ID, GENESIS_ID) == [Failure("Node is not in online mode")]
    node.close()


async def test_blocks_after_the_newest_known_one_oldest_first(node: TestNode) -> None:
    blocks = await grow(node.chain, range(1, 4))
    assert await _blocks(node, blocks[2].id, blocks[0].id, GENESIS_ID) == _as_answered(blocks[1:])
    assert await _blocks(node, blocks[1].id, GENESIS_ID) == _as_answered(blocks[:2])
    assert await _blocks(node, blocks[2].id, blocks[2].id) == _as_answered([])


async def test_known_blocks_of_another_fork_lead_from_where_the_forks_part(node: TestNode) -> None:
    trunk = await grow(node.chain, [1])
    ours = await extend(node.chain, trunk[0].id, [2, 3])
    theirs = await extend(node.chain, trunk[0].id, [4])
    assert await _blocks(node, ours[-1].id, theirs[-1].id, GENESIS_ID) == _as_answered(ours)


async def test_blocks_behind_the_lib_come_from_disk(node: TestNode) -> None:
    blocks = await grow(node.chain, range(1, 12))
    assert node.chain.lib.height == 8
    assert await _blocks(node, blocks[-1].id, GENESIS_ID) == _as_answered(blocks)
    assert await _blocks(node, blocks[-1].id, blocks[4].id, GENESIS_ID) == _as_answered(blocks[5:])
    assert await _blocks(node, blocks[3].id, blocks[1].id) == _as_answered(blocks[2:4])


async def test_an_answer_stops_at_its_limit(node: TestNode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sync_server, "MAX_BLOCKS", 3)
    blocks = await grow(node.chain, range(1, 9))
    assert await _blocks(node, blocks[-1].id, GENESIS_ID) == _as_answered(blocks[:3])
    assert await _blocks(node, blocks[-1].id, blocks[2].id) == _as_answered(blocks[3:6])


async def test_unknown_targets_and_unknown_beginnings_are_refused(node: TestNode) -> None:
    blocks = await grow(node.chain, range(1, 3))
    (refused,) = await _blocks(node, _UNKNOWN, GENESIS_ID)
    assert refused == Failure(f"Block not found in storage for header 0x{_UNKNOWN.hex()}")
    assert await _blocks(node, blocks[-1].id) == [Failure("Failed to find start block")]


async def test_too_many_additional_blocks_are_refused(node: TestNode) -> None:
    others = [HeaderId(bytes([number]) * 32) for number in range(1, 7)]
    (refused,) = await _blocks(node, GENESIS_ID, GENESIS_ID, GENESIS_ID, *others)
    assert refused == Failure("a request names at most 5 additional blocks")


@pytest.mark.parametrize("frame", [b"", b"\x07\x00\x00\x00", bytes(20), b"\xff" * 40])
async def test_bytes_that_are_no_request_get_no_answer(node: TestNode, frame: bytes) -> None:
    assert await _asked(node, frame) == []
