"""Blocks that only look like blocks: real headers and ids, no transactions, no meaning. For tests above the node."""

from __future__ import annotations

from nomos_core.cryptarchia.block import Block
from nomos_core.cryptarchia.header import Header, LeaderProof, LeaderPublic, genesis_header
from nomos_core.identifiers import ContentId, Ed25519PublicKey, Ed25519Signature, HeaderId, TxHash

_LEADER_KEY = Ed25519PublicKey(bytes.fromhex("3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29"))

GENESIS_ID: HeaderId = genesis_header(TxHash(7)).id


def fake_block(parent: HeaderId, slot: int, *, branch: int = 0) -> Block:
    """A block whose id differs for every parent, slot and branch."""
    proof = LeaderProof(
        proof=bytes(128),
        entropy_contribution=branch,
        leader_key=_LEADER_KEY,
        voucher_commitment=0,
        public=LeaderPublic(slot=slot, epoch_nonce=0, total_stake=1, aged_root=0, latest_root=0),
    )
    header = Header(parent, slot=slot, block_root=ContentId(bytes(32)), leader_proof=proof)
    return Block(header, Ed25519Signature(bytes(64)), ())


def fake_chain(length: int, *, parent: HeaderId = GENESIS_ID, first_slot: int = 1, branch: int = 0) -> list[Block]:
    """Consecutive blocks, one a slot, oldest first."""
    blocks: list[Block] = []
    for slot in range(first_slot, first_slot + length):
        blocks.append(fake_block(blocks[-1].id if blocks else parent, slot, branch=branch))
    return blocks
