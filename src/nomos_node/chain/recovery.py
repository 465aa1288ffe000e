"""Recovery of the chain at the start of a node: from genesis the first time, later from the database.

Only the database counts. The ``recovery_file`` of the configuration is neither read nor written. Every block since the
newest snapshot is checked again. Heights stay absolute. The node goes on in its last mode, unless it must bootstrap: at
genesis, when the configuration forces it, or when it was offline for longer than the grace period.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from nomos_core.cryptarchia.block_wire import block_from_wire
from nomos_core.cryptarchia.fork_choice import ForkChoice, Mode
from nomos_core.identifiers import HeaderId
from nomos_core.ledger.errors import LedgerError
from nomos_core.ledger.snapshot import SnapshotError
from nomos_core.ledger.state import LedgerState, apply_block
from nomos_node.chain.chain import Chain
from nomos_node.chain.rules import LedgerRules
from nomos_node.chain.snapshots import SnapshotKeeper, unpacked
from nomos_node.storage.block_store import BlockStore, RecordedPosition, Snapshot, StoredBlock
from nomos_node.workers import Worker

_log = logging.getLogger("nomos_consensus")


class RecoveryError(Exception):
    """Error: the database can't be used. The message says why and what to do."""


@dataclass(frozen=True, slots=True)
class BootstrapRules:
    """Rules that decide whether a node that starts must bootstrap again."""

    force: bool = False
    grace_period: float = 1200.0
    """Seconds. A node that was offline for no longer trusts its chain."""


@dataclass(frozen=True, slots=True)
class _Root:
    """Block of the irreversible chain, with its ledger."""

    id: HeaderId
    slot: int
    height: int
    state: LedgerState


def open_chain(
    genesis: HeaderId,
    genesis_state: LedgerState,
    rules: LedgerRules,
    store: BlockStore,
    bootstrap: BootstrapRules,
    *,
    now: Callable[[], float],
    worker: Worker,
) -> Chain:
    """Make the chain from the database, or begin it at genesis. ``now`` and ``worker`` are as for ``Chain``.

    Raises:
        RecoveryError: the database belongs to another chain, or is damaged.
    """
    make = partial(_chain, genesis=genesis, rules=rules, store=store, now=now, worker=worker)
    position = store.position()
    start = _Root(genesis, 0, 0, genesis_state)
    if position is None:
        _log.info("the chain begins at genesis 0x%s, %s", genesis.hex(), Mode.BOOTSTRAPPING.value)
        return make(start, Mode.BOOTSTRAPPING)
    if position.genesis != genesis:
        raise RecoveryError(
            f"storage.db_path holds the chain of genesis 0x{position.genesis.hex()}, the config starts "
            f"0x{genesis.hex()}: give this node another db_path or remove the old database"
        )
    if (snapshot := store.snapshot()) is not None:
        start = _restored(snapshot)
    blocks = store.blocks_above(start.height)
    lib = _advanced(start, _path(blocks, start.id, position.lib), rules)
    mode = _mode(position, genesis, bootstrap, now())
    _log.debug("checking %d blocks of the database above height %d", len(blocks), start.height)
    chain = make(lib, mode, last_snapshot=start.height)
    _replay(chain, lib, position.tip, blocks, rules)
    info = chain.info()
    _log.info("recovered the chain at height %d, slot %d, %s", info.height, info.slot, info.mode.value)
    return chain


def _chain(
    lib: _Root,
    mode: Mode,
    *,
    genesis: HeaderId,
    rules: LedgerRules,
    store: BlockStore,
    now: Callable[[], float],
    worker: Worker,
    last_snapshot: int = 0,
) -> Chain:
    forks = ForkChoice.from_lib(lib.id, rules.config.consensus_config, mode, slot=lib.slot, height=lib.height)
    return Chain(
        genesis=genesis,
        forks=forks,
        states={lib.id: lib.state},
        rules=rules,
        store=store,
        snapshots=SnapshotKeeper(store, last_snapshot),
        now=now,
        worker=worker,
    )


def _restored(snapshot: Snapshot) -> _Root:
    try:
        return _Root(snapshot.id, snapshot.slot, snapshot.height, unpacked(snapshot.state))
    except SnapshotError as error:
        raise RecoveryError(
            f"the database's ledger can't be read ({error}): remove it and let the node sync"
        ) from error


def _mode(position: RecordedPosition, genesis: HeaderId, bootstrap: BootstrapRules, now: float) -> Mode:
    if position.lib == genesis or bootstrap.force:
        return Mode.BOOTSTRAPPING
    if now - position.recorded_at > bootstrap.grace_period:
        _log.info("offline for %.0f s, longer than the grace period: bootstrapping", now - position.recorded_at)
        return Mode.BOOTSTRAPPING
    return position.mode


def _path(blocks: list[StoredBlock], ancestor: HeaderId, descendant: HeaderId) -> list[StoredBlock]:
    """Return the blocks after ``ancestor`` up to and including ``descendant``, oldest first."""
    by_id = {block.id: block for block in blocks}
    path: list[StoredBlock] = []
    current = descendant
    while current != ancestor:
        block = by_id.get(current)
        if block is None:
            raise RecoveryError(f"the database lacks block 0x{current.hex()}: remove it and let the node sync anew")
        path.append(block)
        current = block.parent
    return path[::-1]


def _advanced(root: _Root, path: Iterable[StoredBlock], rules: LedgerRules) -> _Root:
    for stored in path:
        root = _Root(stored.id, stored.slot, stored.height, _applied(root.state, stored, rules))
    return root


def _applied(state: LedgerState, stored: StoredBlock, rules: LedgerRules) -> LedgerState:
    try:
        return apply_block(state, block_from_wire(stored.wire), rules.config, rules.prover)
    except (LedgerError, ValueError) as error:
        raise RecoveryError(
            f"block 0x{stored.id.hex()} of the database is refused ({error}): was it made with another prover or "
            "deployment? Start with the same ones, or remove the database"
        ) from error


def _replay(chain: Chain, lib: _Root, tip: HeaderId, blocks: list[StoredBlock], rules: LedgerRules) -> None:
    """Put the blocks above the LIB back into the tree. The branch of the last tip comes first, so that it stays the
    tip.
    """
    for stored in (*_path(blocks, lib.id, tip), *blocks):
        state = chain.state(stored.parent)
        if stored.height > lib.height and state is not None and stored.id not in chain:
            chain.restore(stored, _applied(state, stored, rules))
