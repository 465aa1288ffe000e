from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nomos_core.identifiers import HeaderId, TxHash
from nomos_testing.workloads.transactions.inclusion import CanonicalBlock, Sent, match_inclusions


def _sent(number: int, at: float = 0.0) -> Sent:
    return Sent(TxHash(number), f"wallet-user-{number}", "validator-0", at)


def _block(height: int, *transactions: int, seen: float = 0.0) -> CanonicalBlock:
    hashes = [TxHash(number) for number in transactions]
    return CanonicalBlock(HeaderId(bytes([height]) * 32), height, height * 2, seen, hashes)


def test_an_inclusion_says_where_and_how_late() -> None:
    report = match_inclusions([_sent(1, at=10.0), _sent(2, at=11.0)], [_block(1), _block(2, 9, 1, seen=12.5)])
    (inclusion,) = report.inclusions
    assert (inclusion.height, inclusion.slot, inclusion.latency) == (2, 4, 2.5)
    assert report.missing == (_sent(2, at=11.0),)


def test_a_transaction_counts_once_though_two_blocks_carry_it() -> None:
    report = match_inclusions([_sent(1)], [_block(1, 1), _block(2, 1)])
    assert [inclusion.height for inclusion in report.inclusions] == [1]


def test_percentiles_need_two_inclusions() -> None:
    one = match_inclusions([_sent(1)], [_block(1, 1, seen=4.0)])
    two = match_inclusions([_sent(1), _sent(2)], [_block(1, 1, 2, seen=4.0)])
    assert one.latency_percentile(50) is None
    assert two.latency_percentile(50) == 4.0


@given(st.sets(st.integers(0, 50)), st.lists(st.sets(st.integers(0, 60)), max_size=8))
def test_every_sent_transaction_is_either_included_or_missing(sent: set[int], blocks: list[set[int]]) -> None:
    report = match_inclusions(map(_sent, sent), [_block(h, *txs) for h, txs in enumerate(blocks, start=1)])
    included = {inclusion.sent.tx_hash for inclusion in report.inclusions}
    assert included == sent & set().union(*blocks)
    assert included | {item.tx_hash for item in report.missing} == sent
