"""Two node processes on one chain: blocks, transactions, a node that is killed, and a fork that resolves."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nomos_core import field
from nomos_core.identifiers import ZkSignature
from nomos_core.keys import zk_public_key
from nomos_core.mantle.notes import Utxo, utxos_of
from nomos_core.mantle.signing import sign_transaction
from nomos_core.mantle.transactions import LedgerTx, MantleTx, Note, SignedMantleTx
from nomos_core.mantle.transactions_json import transaction_to_json
from support.processes.embedded_node import (
    LEADER_SECRET,
    PROVER,
    NodeProcess,
    leader_genesis,
    make_config,
    network_address,
    wait_until,
)

pytestmark = [pytest.mark.slow, pytest.mark.network]

_WALLETS = tuple(range(100, 110))
_VALUE = 2
"""Of each wallet's note: little, for the leader's chance depends on its share of the stake."""
_GENESIS = leader_genesis([Note(_VALUE, zk_public_key(secret)) for secret in _WALLETS])
_NOTES: dict[int, Utxo] = dict(zip(_WALLETS, utxos_of(_GENESIS.mantle_tx.ledger_tx)[1:], strict=True))
_DOWNLOADED = "Initial Block Download completed successfully."


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[tuple[NodeProcess, NodeProcess]]:
    """Connected; only the first one leads."""
    start = time.time()
    first = make_config(_GENESIS, chain_start=start, node_key=bytes(31) + b"\x01")
    second = make_config(
        _GENESIS,
        chain_start=start,
        node_key=bytes(31) + b"\x02",
        peers=[network_address(first)],
        wallet__known_keys=(zk_public_key(LEADER_SECRET + 1),),
    )
    with NodeProcess(first, tmp_path / "first") as one, NodeProcess(second, tmp_path / "second") as two:
        one.start()
        two.start()
        one.wait_ready()
        two.wait_ready()
        yield one, two


def _transfer(wallet: int, *, value: int = _VALUE, to: int = 4711) -> SignedMantleTx:
    ledger_tx = LedgerTx((_NOTES[wallet].id,), (Note(value, zk_public_key(to)),))
    return sign_transaction(MantleTx(ledger_tx=ledger_tx), ledger_keys=(wallet,), prover=PROVER)


def _block(node: NodeProcess, header: str) -> dict[str, Any]:
    block: dict[str, Any] = node.post("/storage/block", header).json
    return block


def _transactions(node: NodeProcess) -> list[Any]:
    """Of all blocks above the LIB, newest first, but genesis."""
    blocks = [_block(node, header) for header in node.get("/cryptarchia/headers")]
    return [transaction for block in blocks if block for transaction in block["transactions"]]


def _included(node: NodeProcess, transaction: SignedMantleTx) -> bool:
    wanted = transaction_to_json(transaction)["mantle_tx"]
    return any(found["mantle_tx"] == wanted for found in _transactions(node))


def _agree(one: NodeProcess, two: NodeProcess) -> bool:
    tips = [node.get("/cryptarchia/info")["tip"] for node in (one, two)]
    return bool(tips[0] == tips[1])


def test_both_follow_one_chain_and_its_lib(nodes: tuple[NodeProcess, NodeProcess]) -> None:
    one, two = nodes
    one.wait_height(13)
    wait_until("both nodes to have one tip", lambda: _agree(one, two))
    for node in nodes:
        assert node.get("/network/info")["n_peers"] == 1
    wait_until("the second node's LIB to move", lambda: _height_of_lib(two) > 0)


def _height_of_lib(node: NodeProcess) -> int:
    return int(node.get("/cryptarchia/info")["height"]) - len(node.get("/cryptarchia/headers")) + 1


@pytest.mark.parametrize("submitted_to", [0, 1])
def test_a_transaction_reaches_a_block_on_both(nodes: tuple[NodeProcess, NodeProcess], submitted_to: int) -> None:
    transaction = _transfer(100)
    wait_until("the nodes to be connected", lambda: nodes[0].get("/network/info")["n_peers"])
    assert nodes[submitted_to].post("/mempool/add/tx", transaction_to_json(transaction)).text == "null"
    for node in nodes:
        wait_until("the transaction to be in a block", lambda node=node: _included(node, transaction))  # type: ignore[misc]
    hash_ = field.to_hex(transaction.hash)
    (status,) = nodes[1].post("/mantle/status", [hash_]).json
    assert list(status) == ["InBlock"]
    again = nodes[1].post("/mempool/add/tx", transaction_to_json(transaction))
    assert (again.status, again.text) == (500, "Item already in mempool")


def test_what_breaks_the_rules_reaches_no_block(nodes: tuple[NodeProcess, NodeProcess]) -> None:
    one, two = nodes
    wait_until("the nodes to be connected", lambda: one.get("/network/info")["n_peers"])
    good = _transfer(101)
    unproven = SignedMantleTx(_transfer(102).mantle_tx, (), ZkSignature(bytes(128)))
    bad = [_transfer(101, to=4712), _transfer(103, value=_VALUE + 1), _transfer(104, value=_VALUE - 1), unproven]
    for transaction in (good, *bad):
        assert two.post("/mempool/add/tx", transaction_to_json(transaction)).status == 200
    spent = [good, bad[0]]
    wait_until("one of the two spends to be in a block", lambda: any(_included(two, one_of) for one_of in spent))
    height = one.get("/cryptarchia/info")["height"]
    one.wait_height(height + 3)
    assert sum(_included(one, one_of) for one_of in spent) == 1, "a note is spent once"
    assert not any(_included(one, transaction) for transaction in bad[1:])


def test_a_killed_node_resumes_and_catches_up(nodes: tuple[NodeProcess, NodeProcess]) -> None:
    one, two = nodes
    transaction = _transfer(105)
    two.wait_height(4)
    two.kill()
    assert one.post("/mempool/add/tx", transaction_to_json(transaction)).status == 200
    height = one.get("/cryptarchia/info")["height"]
    one.wait_height(height + 15)
    two.start()
    assert two.wait_ready().get("/cryptarchia/info")["height"] >= 4, "it goes on from its database"
    wait_until("the killed node to catch up", lambda: _agree(one, two))


def test_a_killed_leader_goes_on_with_heights_that_only_grow(nodes: tuple[NodeProcess, NodeProcess]) -> None:
    one, two = nodes
    pending = _transfer(106, value=_VALUE + 1)
    one.wait_height(12)
    info = one.get("/cryptarchia/info")
    one.kill()
    one.start()
    later = one.wait_ready().get("/cryptarchia/info")
    assert later["height"] >= info["height"]
    assert later["mode"] == "Online"
    one.wait_height(later["height"] + 2)
    wait_until("both nodes to have one tip", lambda: _agree(one, two))
    assert two.post("/mempool/add/tx", transaction_to_json(pending)).status == 200


def test_an_empty_recovery_file_does_no_harm(nodes: tuple[NodeProcess, NodeProcess]) -> None:
    one, _ = nodes
    one.wait_height(3)
    one.kill()
    recovery = one.directory / one.config.cryptarchia.service.recovery_file
    recovery.parent.mkdir(parents=True, exist_ok=True)
    recovery.write_text("")
    one.start().wait_height(4)


def test_a_pending_transaction_survives_a_kill(nodes: tuple[NodeProcess, NodeProcess]) -> None:
    one, two = nodes
    one.kill()
    transaction = _transfer(107)
    assert two.post("/mempool/add/tx", transaction_to_json(transaction)).status == 200
    two.kill()
    two.start().wait_ready()
    assert two.post("/mantle/status", [field.to_hex(transaction.hash)]).json == ["Pending"]
    assert two.get("/mantle/metrics")["pending_items"] == 1


def test_a_late_node_downloads_the_chain_of_its_peers(tmp_path: Path) -> None:
    start = time.time()
    first = make_config(_GENESIS, chain_start=start, node_key=bytes(31) + b"\x01")
    with NodeProcess(first, tmp_path / "first").start() as one:
        one.wait_height(5)
        (identity,) = [line.split("peer_id:")[1] for line in one.log.splitlines() if "libp2p peer_id:" in line]
        second = make_config(
            _GENESIS,
            chain_start=start,
            node_key=bytes(31) + b"\x02",
            peers=[network_address(first)],
            cryptarchia__network__bootstrap__ibd__peers=(identity,),
            wallet__known_keys=(),
        )
        with NodeProcess(second, tmp_path / "second").start() as two:
            two.wait_height(5)
            wait_until("both nodes to have one tip", lambda: _agree(one, two))
            wait_until("the download to be done", lambda: _DOWNLOADED in two.log)
