"""Why a blob is in no block: which of its columns can't be sampled, because of whom, and who knows its transaction.

A node proposes a blob, and takes a block with it, only once it has sampled it. A column whose every holder is gone
keeps the blob off the chain for good.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from nomos_core.identifiers import BlobId, TxHash
from nomos_core.mantle.operations import ChannelBlob
from nomos_testing.blocks.chain_history import BlockRecord
from nomos_testing.client.errors import NodeClientError
from nomos_testing.cluster.interfaces import NodeHandle
from nomos_testing.runtime.interfaces import RunContext
from nomos_testing.workloads.blobs.dispersed_blobs import Dispersed, blob_transaction, channel_messages, place_taken

REQUEST_SECONDS: Final = 2.0
_COLUMNS_SHOWN: Final = 4
_STATES: Final = {"Pending": "in the mempool", "Unknown": "unknown", "InBlock": "in a block", "Rejected": "rejected"}
_SESSION: Final = 0
"""Of the genesis declarations; runs end long before the next one."""


async def why_not_included(ctx: RunContext, blob: BlobId) -> str:
    """A clause for the end of a sentence: the columns that no node serves, and what is with their holders."""
    columns = range(ctx.descriptors().spec.da.num_subnets)
    holders = await _holders(ctx)
    lost = [
        (column, reasons)
        for column in columns
        if (reasons := await _not_served(blob, column, holders.get(column, ctx.cluster().nodes)))
    ]
    if not lost:
        held = "its column is" if len(columns) == 1 else f"all {len(columns)} columns are"
        return f"{held} held, but no node has put it into a block"
    shown = "; ".join(f"column {column} is served by none: {', '.join(why)}" for column, why in lost[:_COLUMNS_SHOWN])
    return f"{shown}; and {len(lost) - _COLUMNS_SHOWN} more columns" if len(lost) > _COLUMNS_SHOWN else shown


async def what_is_known(ctx: RunContext, blob: Dispersed) -> str:
    """All that nodes and blocks tell of a blob that is in no canonical block, in clauses."""
    columns, transaction = await asyncio.gather(why_not_included(ctx, blob.blob), _transaction_states(ctx, blob))
    feed = ctx.block_feed()
    canonical = feed.canonical_chain()
    on_chain = {block.id for block in canonical}
    abandoned = [
        f"it was in block {block.id.hex()} (height {block.height}, slot {block.slot}) of an abandoned branch"
        for block in feed.records()
        if block.id not in on_chain and _holds(block, blob.blob)
    ]
    place = place_taken(blob, canonical)
    return "; ".join([columns, *([place] if place else []), *abandoned, transaction])


def _holds(block: BlockRecord, blob: BlobId) -> bool:
    return any(isinstance(message, ChannelBlob) and message.blob == blob for message in channel_messages(block))


async def _transaction_states(ctx: RunContext, blob: Dispersed) -> str:
    """Which nodes have the blob's transaction, in their own words."""
    wanted = blob_transaction(blob, ctx.block_feed().records()).hash
    nodes = ctx.cluster().nodes
    answers = await asyncio.gather(*(_transaction_state(node, wanted) for node in nodes))
    by_state: dict[str | None, list[str]] = {}
    for node, state in zip(nodes, answers, strict=True):
        by_state.setdefault(state, []).append(node.name)
    silent = by_state.pop(None, [])
    states = ", ".join(f"{state} on {' and '.join(names)}" for state, names in by_state.items())
    no_answer = f" (no answer from {' and '.join(silent)})" if silent else ""
    return f"its transaction is {states or 'on no node that answers'}{no_answer}"


async def _transaction_state(node: NodeHandle, wanted: TxHash) -> str | None:
    try:
        (status,) = await node.client.transaction_status([wanted])
    except NodeClientError:
        return None
    return _STATES.get(status.state, status.state)


async def _holders(ctx: RunContext) -> Mapping[int, Sequence[NodeHandle]]:
    """The members of each subnetwork that are nodes of the cluster; empty where no node tells."""
    by_peer = {node.identity.peer_id: node.name for node in ctx.descriptors().nodes}
    handles = {node.name: node for node in ctx.cluster().nodes}
    for node in ctx.cluster().nodes:
        try:
            membership = await node.client.da_get_membership(_SESSION)
        except NodeClientError:
            continue
        named = {column: [by_peer.get(peer) for peer in peers] for column, peers in membership.assignations.items()}
        return {column: [handles[name] for name in names if name in handles] for column, names in named.items()}
    return {}


async def _not_served(blob: BlobId, column: int, holders: Sequence[NodeHandle]) -> list[str]:
    """What keeps each holder from serving the column; empty where one does."""
    answers = await asyncio.gather(*(_look(node, blob, column) for node in holders))
    reasons = [answer for answer in answers if answer is not None]
    return reasons if len(reasons) == len(answers) else []


async def _look(node: NodeHandle, blob: BlobId, column: int) -> str | None:
    try:
        share = await node.client.da_share(blob, column, timeout=REQUEST_SECONDS)
    except NodeClientError as error:
        return f"{node.name} does not answer ({error.reason})"
    return f"{node.name} has no share of it" if share is None else None
