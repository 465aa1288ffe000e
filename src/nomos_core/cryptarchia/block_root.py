"""Block root: a binary Merkle tree of Blake2b-256 over the hashes of a block's transactions, in block order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from nomos_core import field
from nomos_core.hashing import blake2b_256
from nomos_core.identifiers import ContentId, TxHash

_EMPTY_LEAF: Final = blake2b_256(bytes(field.BYTES))


def block_root(hashes: Sequence[TxHash]) -> ContentId:
    """Return the block root over the transaction hashes of a block.

    A leaf is Blake2b-256 of a hash's 32 little-endian bytes, an inner node Blake2b-256 of its two children. The leaves
    are filled up to a power of two with the leaf of hash 0. A single leaf is the root itself; without transactions the
    root is the leaf of hash 0.
    """
    level = [blake2b_256(field.to_bytes(tx_hash)) for tx_hash in hashes] or [_EMPTY_LEAF]
    level += [_EMPTY_LEAF] * ((1 << (len(level) - 1).bit_length()) - len(level))
    while len(level) > 1:
        level = [blake2b_256(left, right) for left, right in zip(level[::2], level[1::2], strict=True)]
    return ContentId(level[0])
