"""When a member publishes the transaction of a blob."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nomos_core.identifiers import BlobId
from nomos_node.da.publish_trigger import PublishTrigger, TriggerSettings

BLOB = BlobId(bytes(32))
SETTINGS = TriggerSettings(publish_threshold=0.8, share_duration=5, prune_duration=30, prune_interval=5)


@pytest.fixture
def trigger() -> PublishTrigger:
    return PublishTrigger(SETTINGS)


@given(order=st.permutations([0, 1, 2, "transaction"]))
def test_it_fires_once_with_the_last_piece_in_any_order(order: list[int | str]) -> None:
    trigger = PublishTrigger(SETTINGS)
    fired = [
        trigger.share_arrived(BLOB, piece, 0)
        if isinstance(piece, int)
        else trigger.transaction_arrived(BLOB, range(3), 0)
        for piece in order
    ]
    assert fired == [False, False, False, True]
    assert not trigger.share_arrived(BLOB, 0, 1)
    assert trigger.overdue(6) == []


def arrives(trigger: PublishTrigger, piece: int | str) -> bool:
    if isinstance(piece, int):
        return trigger.share_arrived(BLOB, piece, 0)
    return trigger.transaction_arrived(BLOB, range(3), 0)


@pytest.mark.parametrize(("columns", "published"), [(4, True), (3, False)])
def test_after_a_while_a_part_is_enough(trigger: PublishTrigger, columns: int, published: bool) -> None:
    trigger.transaction_arrived(BLOB, range(5), 0)
    for column in range(columns):
        assert not trigger.share_arrived(BLOB, column, 0)
    assert trigger.overdue(4.9) == []
    assert trigger.overdue(5) == ([BLOB] if published else [])
    assert trigger.overdue(10) == []
    assert not trigger.share_arrived(BLOB, 4, 11), "it has expired"


def test_without_its_transaction_nothing_is_published(trigger: PublishTrigger) -> None:
    trigger.share_arrived(BLOB, 0, 0)
    assert trigger.overdue(6) == []


def test_a_member_of_no_subnetwork_publishes_nothing(trigger: PublishTrigger) -> None:
    assert not trigger.transaction_arrived(BLOB, [], 0)
    assert trigger.overdue(6) == []


def test_columns_of_others_do_not_count(trigger: PublishTrigger) -> None:
    trigger.transaction_arrived(BLOB, [0], 0)
    assert not trigger.share_arrived(BLOB, 1, 0)
    assert trigger.share_arrived(BLOB, 0, 0)


def test_what_expired_is_forgotten_in_the_end(trigger: PublishTrigger) -> None:
    trigger.transaction_arrived(BLOB, [0, 1], 0)
    assert trigger.overdue(30) == []
    assert not trigger.share_arrived(BLOB, 0, 31), "its transaction was forgotten, too"
    assert trigger.transaction_arrived(BLOB, [0], 32)
