"""The block root: a binary Merkle tree of Blake2b-256 over the hashes of a block's transactions, in block order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from nomos_core import field
from nomos_core.hashing import blake2b_256
from nomos_core.identifiers import ContentId, TxHash

_EMPTY_LEAF: Final = blake2b_256(bytes(field.BYTES))


def block_root(hashes: Sequence[TxHash]) -> ContentId:
    """The root over the leaves, filled up with hashes of zero to a power of two; without leaves it is such a hash."""
    level = [blake2b_256(field.to_bytes(tx_hash)) for tx_hash in hashes] or [_EMPTY_LEAF]
    level += [_EMPTY_LEAF] * ((1 << (len(level) - 1).bit_length()) - len(level))
    while len(level) > 1:
        level = [blake2b_256(left, right) for left, right in zip(level[::2], level[1::2], strict=True)]
    return ContentId(level[0])
