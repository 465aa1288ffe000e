"""Selection of the pending transactions for a block.

Transactions are tried in the given order, each on top of the ones before. The caller should remove those that the
ledger refuses from the mempool. A block takes at most ``MAX_TRANSACTIONS``, and no more bytes than a chain sync message
can carry. The rest waits for the next block. (The real node ignores the second limit and makes blocks that it can
neither store nor send.)
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Set
from dataclasses import dataclass
from typing import Final

from nomos_core.cryptarchia.block_validity import MAX_TRANSACTIONS
from nomos_core.cryptarchia.header import LeaderProof
from nomos_core.cryptarchia.sync_messages import MAX_FRAME
from nomos_core.identifiers import BlobId, TxHash
from nomos_core.ledger.errors import LedgerError
from nomos_core.ledger.state import LedgerState, apply_header, apply_transaction
from nomos_core.mantle.transactions import SignedMantleTx
from nomos_node.chain.blob_sampling import blobs_of
from nomos_node.chain.rules import LedgerRules
from nomos_node.mempool.mempool import Pending

_log = logging.getLogger("chain_leader")
MAX_TRANSACTION_BYTES: Final = MAX_FRAME - 1024
"""Bytes for transactions in a sync message. The rest is for the header and the signature of the block."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Transactions of a block."""

    transactions: tuple[SignedMantleTx, ...]
    refused: tuple[TxHash, ...]
    """Transactions that the ledger refuses on top of this parent."""


def select_transactions(
    parent: LedgerState,
    candidates: Iterable[Pending],
    *,
    slot: int,
    leader_proof: LeaderProof,
    validated_blobs: Set[BlobId],
    rules: LedgerRules,
) -> Selection:
    """Select the transactions of a block on top of ``parent``.

    Raises:
        LedgerError: the header does not fit the parent.
    """
    state = apply_header(parent, slot, leader_proof, rules.config)
    taken: list[SignedMantleTx] = []
    refused: list[TxHash] = []
    room = MAX_TRANSACTION_BYTES
    for candidate in candidates:
        transaction = candidate.transaction
        if len(taken) == MAX_TRANSACTIONS:
            _log.debug("the block is full with %d transactions", len(taken))
            break
        if len(candidate.wire) > room:
            _log.debug("leaving tx %064x for later: %d bytes, room for %d", transaction.hash, len(candidate.wire), room)
            continue
        if not blobs_of([transaction]) <= validated_blobs:
            _log.debug("leaving tx %064x for later: its blob is not sampled yet", transaction.hash)
            continue
        try:
            state = apply_transaction(state, transaction, rules.config, rules.prover)
        except LedgerError as error:
            _log.debug("failed to apply tx %064x during block assembly: %s", transaction.hash, error)
            refused.append(transaction.hash)
            continue
        taken.append(transaction)
        room -= len(candidate.wire)
    return Selection(tuple(taken), tuple(refused))
