"""Blocks with blobs: only those whose blobs were sampled come in, unless they are old."""

from __future__ import annotations

from collections.abc import AsyncIterator, Set

import pytest

from nomos_core.cryptarchia.block import Block
from nomos_core.identifiers import ROOT_MSG_ID, BlobId, ChannelId
from nomos_core.keys import Ed25519Key
from nomos_core.mantle.operations import ChannelBlob
from nomos_core.mantle.signing import Ed25519Signer, sign_transaction
from nomos_core.mantle.transactions import MantleTx, SignedMantleTx
from nomos_core.proofs.development import DevelopmentProver
from nomos_node.chain.blob_sampling import blobs_of
from nomos_node.chain.block_intake import Origin
from nomos_node.chain.chain import BlockRejected
from support.inputs.chain_making import TestNode, forge

_BLOB = BlobId(bytes(31) + b"\x07")
_KEY = Ed25519Key(bytes(32))


def _blob_transaction() -> SignedMantleTx:
    operation = ChannelBlob(ChannelId(bytes(31) + b"\x01"), 0, _BLOB, 31, 0, ROOT_MSG_ID, _KEY.public)
    return sign_transaction(
        MantleTx((operation,)), operation_signers=(Ed25519Signer(_KEY),), prover=DevelopmentProver()
    )


class _Sampling:
    def __init__(self) -> None:
        self.validated: set[BlobId] = set()
        self.in_block: set[BlobId] = set()
        self.historic = False

    def validated_blobs(self) -> Set[BlobId]:
        return self.validated

    def proposable_blobs(self) -> Set[BlobId]:
        return self.validated

    async def samples_all(self, block: Block, blobs: Set[BlobId]) -> bool:
        return self.historic

    def mark_in_block(self, blobs: Set[BlobId]) -> None:
        self.in_block |= blobs


@pytest.fixture
def sampling() -> _Sampling:
    return _Sampling()


@pytest.fixture
async def node(sampling: _Sampling) -> AsyncIterator[TestNode]:
    node = TestNode(sampling=sampling, current_slot=1)
    yield node
    node.close()


async def test_a_gossiped_block_needs_sampled_blobs(node: TestNode, sampling: _Sampling) -> None:
    block = forge(node.chain, 1, [_blob_transaction()])
    with pytest.raises(BlockRejected, match="Block contains invalid blobs"):
        await node.intake.take(block, Origin.GOSSIP)
    sampling.validated.add(_BLOB)
    assert await node.intake.take(block, Origin.GOSSIP)
    assert sampling.in_block == {_BLOB}


async def test_a_downloaded_block_has_its_blobs_sampled(node: TestNode, sampling: _Sampling) -> None:
    block = forge(node.chain, 1, [_blob_transaction()])
    with pytest.raises(BlockRejected):
        await node.intake.take(block, Origin.SYNC)
    sampling.historic = True
    assert await node.intake.take(block, Origin.SYNC)


@pytest.mark.parametrize(("current_slot", "refused"), [(2, True), (3, False)])
async def test_blobs_of_old_blocks_do_not_matter(node: TestNode, current_slot: int, refused: bool) -> None:
    """The window is half a base period, here one slot."""
    assert node.chain.rules.config.consensus_config.base_period_length // 2 == 1
    node.current_slot = current_slot
    block = forge(node.chain, 1, [_blob_transaction()])
    if refused:
        with pytest.raises(BlockRejected):
            await node.intake.take(block, Origin.GOSSIP)
    else:
        assert await node.intake.take(block, Origin.GOSSIP)


async def test_without_data_availability_no_blob_is_proposed_or_taken() -> None:
    node = TestNode(current_slot=1)
    transaction = _blob_transaction()
    assert blobs_of([transaction]) == {_BLOB}
    assert not node.sampling.validated_blobs()
    assert not node.sampling.proposable_blobs()
    with pytest.raises(BlockRejected):
        await node.intake.take(forge(node.chain, 1, [transaction]), Origin.GOSSIP)
    node.close()
