"""Sending a transaction to whichever node takes it, with as much patience as a workload has."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from nomos_testing.client.errors import NodeClientError

if TYPE_CHECKING:
    from nomos_core.mantle.transactions import SignedMantleTx
    from nomos_testing.client.node_client import NodeClient
    from nomos_testing.runtime.context import RunContext

SUBMISSION_ROUNDS: Final = 5
SUBMISSION_RETRY_DELAY: Final = 0.5


async def submit_in_rounds(ctx: RunContext, transaction: SignedMantleTx) -> NodeClient:
    """Ask all nodes, one after the other, in up to five rounds.

    Returns:
        The client of the node that took it.

    Raises:
        NodeClientError: the last node's error, where none took it in any round.
    """
    for _ in range(SUBMISSION_ROUNDS - 1):
        try:
            return await ctx.cluster_client().submit_transaction(transaction)
        except NodeClientError:
            await asyncio.sleep(SUBMISSION_RETRY_DELAY)
    return await ctx.cluster_client().submit_transaction(transaction)
