"""The trace of a run: which spans its journal gives, with which times."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nomos_core.telemetry.spans import Span, origin_span_id_of, trace_id_of
from nomos_testing.cluster.network_events import NetworkImpaired, NetworkRestored
from nomos_testing.faults.fault_events import FaultHealed, FaultInjected, FaultRecovered, HealVerified
from nomos_testing.journal.events import (
    BlockSeen,
    ExceptionRaised,
    NodeControlled,
    NodeExited,
    NodeReady,
    NodeStarted,
    PhaseStarted,
    TipChanged,
    WaitEnded,
)
from nomos_testing.outcome import VerdictKind
from nomos_testing.report.traces.run_trace import run_trace
from nomos_testing.workloads.blobs.events import BlobDispersed, BlobIncluded, BlobOverdue, BlobsJudged
from nomos_testing.workloads.transactions.events import TransactionIncluded, TransactionSent, TransactionsJudged
from support.inputs.written_run import failed_expectation, judged_run, started, written_run

_SECOND = 1_000_000_000
Times = tuple[float, float]


def _hex(letter: str) -> str:
    return letter * 64


class _Tree:
    """The spans of a run, with times in seconds of the journal."""

    def __init__(self, directory: Path, events: list[tuple[float, Any]], **more: Any) -> None:
        self.trace = run_trace(judged_run(directory, events, **more))
        self.spans = self.trace.spans
        self.root = self.spans[0]

    def times(self, span: Span) -> Times:
        start, end = ((ns - self.root.start_ns) / _SECOND for ns in (span.start_ns, span.end_ns))
        return pytest.approx(start, abs=1e-4), pytest.approx(end, abs=1e-4)

    def one(self, name: str) -> Span:
        (found,) = (span for span in self.spans if span.name == name)
        return found

    def parts(self, span: Span) -> dict[str, Times]:
        return {part.name: self.times(part) for part in self.spans if part.parent_id == span.span_id}


def test_the_run_is_the_first_span_and_all_others_are_below_it(tmp_path: Path) -> None:
    judgement = failed_expectation("consensus_liveness", "too few blocks", evidence=["validator-0: 3"])
    raised = ExceptionRaised(where="workload load", error="KeyError: 'x'", traceback="Traceback ...")
    tree = _Tree(tmp_path / "run-1", [(4.0, raised)], judgements=[judgement])
    assert tree.root.name == "run written"
    assert tree.times(tree.root) == (0.0, 35.0)
    assert tree.root.attributes["verdict"] == "failed"
    assert tree.root.error is not None
    assert "too few blocks" in tree.root.error
    happened = {event.name: dict(event.attributes) for event in tree.root.events}
    assert happened == {
        "exception": {"exception.message": "KeyError: 'x'", "exception.stacktrace": "Traceback ..."},
        "consensus_liveness failed": {"message": "too few blocks", "evidence": ("validator-0: 3",)},
    }
    ids = {span.span_id for span in tree.spans}
    assert len(ids) == len(tree.spans)
    assert all(span.parent_id in ids for span in tree.spans[1:])
    assert {span.trace_id for span in tree.spans} == {tree.root.trace_id}
    assert tree.trace.resource == {
        "service.name": "nomos-testing",
        "run.id": "run-1",
        "run.scenario": "written",
        "run.deployer": "local",
        "run.seed": 7,
    }


def test_changes_of_links_are_events_of_the_run(tmp_path: Path) -> None:
    impaired = NetworkImpaired(number=1, description="loss 10% on all links", links=(), seconds=0.1)
    tree = _Tree(tmp_path, [(4.0, impaired), (9.0, NetworkRestored(numbers=(1,), seconds=0.1))])
    assert [(event.name, dict(event.attributes)) for event in tree.root.events] == [
        ("network impaired", {"number": 1, "description": "loss 10% on all links"}),
        ("network restored", {"numbers": ("1",)}),
    ]


def test_a_passed_run_has_no_error(tmp_path: Path) -> None:
    tree = _Tree(tmp_path, [], kind=VerdictKind.PASSED)
    assert [span.error for span in tree.spans if span.name != "phase teardown"] == [None] * (len(tree.spans) - 1)


def test_the_same_run_makes_the_same_trace_again_and_another_run_another(tmp_path: Path) -> None:
    tree = _Tree(tmp_path / "run-1", [])
    other = _Tree(tmp_path / "run-2", [])
    again = run_trace(judged_run(tmp_path / "again" / "run-1", []))
    assert [span.span_id for span in again.spans] == [span.span_id for span in tree.spans]
    assert other.root.trace_id != tree.root.trace_id == again.spans[0].trace_id


def test_waits_are_parts_of_their_phase(tmp_path: Path) -> None:
    good = WaitEnded(waited_for="peers", seconds=1.5, last_seen="2 of 2", fulfilled=True)
    bad = WaitEnded(waited_for="blocks", seconds=3.0, last_seen="height 0", fulfilled=False)
    tree = _Tree(tmp_path, [(5.0, good), (9.0, bad)])
    run = tree.one("phase run")
    assert tree.times(run) == (2.0, 32.0)
    assert tree.parts(run) == {"wait for peers": (3.5, 5.0), "wait for blocks": (6.0, 9.0)}
    assert tree.one("wait for blocks").error == "the wait timed out; last seen: height 0"


def test_a_phase_that_never_ended_lasts_to_the_end_of_the_journal(tmp_path: Path) -> None:
    record = written_run(
        tmp_path, [(0.0, started(tmp_path)), (1.0, PhaseStarted("start")), (8.0, PhaseStarted("ready"))]
    )
    spans = {span.name: span for span in run_trace(record).spans}
    assert spans["phase start"].error == "the phase did not end"
    assert spans["phase start"].end_ns == spans["run written"].end_ns


def test_a_fault_has_injection_effect_heal_and_recovery(tmp_path: Path) -> None:
    fault = "pause validator-1"
    events = [
        (5.0, FaultInjected(number=1, fault=fault, origin="faults", planned_at=2.5, late=0, seconds=0.5)),
        (9.0, FaultHealed(number=1, fault=fault, seconds=1.0)),
        (9.2, HealVerified(number=1, verified=True, seconds=0.2)),
        (12.0, FaultRecovered(number=1, fault=fault, seconds=3.0, slots=6.0, overlapped=False)),
    ]
    tree = _Tree(tmp_path, events)
    span = tree.one(f"fault: {fault}")
    assert tree.times(span) == (4.5, 12.0)
    assert tree.parts(span) == {
        "injection": (4.5, 5.0),
        "in effect": (5.0, 8.0),
        "heal": (8.0, 9.0),
        "recovery": (9.0, 12.0),
    }
    assert span.attributes["recovered_slots"] == 6.0
    assert tree.times(tree.one("faults")) == (4.5, 12.0)


def test_a_fault_that_is_never_healed_is_in_effect_to_the_end(tmp_path: Path) -> None:
    injected = FaultInjected(number=1, fault="kill validator-0", origin="faults", planned_at=3, late=0, seconds=0.0)
    tree = _Tree(tmp_path, [(5.0, injected)])
    assert tree.times(tree.one("in effect")) == (5.0, 35.0)


def test_each_life_of_a_node_is_a_span_with_what_happened_to_it(tmp_path: Path) -> None:
    def start(node: str, pid: int) -> NodeStarted:
        return NodeStarted(node=node, pid=pid, program="nomos-node", url="http://127.0.0.1:1")

    events = [
        (0.5, start("validator-0", 1)),
        (1.0, NodeReady("validator-0", 0.5)),
        (6.0, NodeExited(node="validator-0", status="killed by SIGKILL", expected=True)),
        (8.0, start("validator-0", 2)),
        (9.0, NodeControlled("validator-0", "pause", 0.1)),
        (0.6, start("validator-1", 3)),
        (7.0, NodeExited(node="validator-1", status="exit code 1", expected=False)),
    ]
    tree = _Tree(tmp_path, events)
    lives = [(span.name, tree.times(span), span.error) for span in tree.spans if span.name.startswith("node ")]
    assert lives == [
        ("node validator-0", (0.5, 6.0), None),
        ("node validator-0", (8.0, 35.0), None),
        ("node validator-1", (0.6, 7.0), "exit code 1"),
    ]
    happened = [[event.name for event in span.events] for span in tree.spans if span.name == "node validator-0"]
    assert happened == [["ready", "exited"], ["pause"]]


def test_a_transaction_goes_from_its_signature_to_its_inclusion(tmp_path: Path) -> None:
    sent = TransactionSent(
        transaction=_hex("a"), account="user-0", node="validator-0", signed_seconds=1.0, submission_seconds=0.25
    )
    block = _hex("b")
    included = TransactionIncluded(transaction=_hex("a"), block=block, height=3, slot=4, latency_seconds=2.0)
    tree = _Tree(tmp_path, [(5.0, sent), (33.0, included)])
    span = tree.one("transaction")
    assert tree.times(span) == (4.0, 7.0)
    assert tree.parts(span) == {"wait for its turn": (4.0, 4.75), "submission": (4.75, 5.0), "inclusion": (5.0, 7.0)}
    assert span.attributes == {
        "transaction": _hex("a"),
        "account": "user-0",
        "node": "validator-0",
        "block": block,
        "height": 3,
    }
    raw = bytes.fromhex(block)
    (link,) = tree.one("inclusion").links
    assert (link.trace_id, link.span_id) == (trace_id_of(raw), origin_span_id_of(raw))


@pytest.mark.parametrize("judged", [True, False])
def test_a_transaction_without_a_block_failed_only_if_the_run_was_judged(tmp_path: Path, judged: bool) -> None:
    sent = TransactionSent(transaction=_hex("a"), account="user-0", node="validator-0")
    judgement = TransactionsJudged(planned=1, sent=1, included=0)
    tree = _Tree(tmp_path, [(5.0, sent), *([(32.5, judgement)] if judged else [])])
    span = tree.one("transaction")
    assert tree.times(span) == (5.0, 5.0), "an older journal says nothing of the signature"
    assert span.error == ("no block of the canonical chain has it" if judged else None)


def test_a_blob_goes_from_its_dispersal_to_its_inclusion(tmp_path: Path) -> None:
    def dispersed(blob: str) -> BlobDispersed:
        return BlobDispersed(blob=blob, channel=_hex("c"), size=31, node="executor-0", seconds=0.5)

    included = BlobIncluded(blob=_hex("1"), channel=_hex("c"), block=_hex("b"), height=3, slot=4, latency_seconds=2.0)
    overdue = BlobOverdue(blob=_hex("2"), channel=_hex("c"), node="executor-0", seconds=4.0, reason="share 1 missing")
    judged = BlobsJudged(channels=1, inscribed=1, dispersed=3, included=1, expected=3, required=1)
    blobs = [(5.0 + number, dispersed(_hex(str(number + 1)))) for number in range(3)]
    tree = _Tree(tmp_path, [*blobs, (10.0, overdue), (33.0, included), (33.1, judged)])
    first, second, third = (span for span in tree.spans if span.name == "blob")
    assert tree.times(first) == (4.5, 7.0)
    assert tree.parts(first) == {"dispersal": (4.5, 5.0), "inclusion": (5.0, 7.0)}
    assert (tree.times(second), second.error) == ((5.5, 10.0), "no block had it in time: share 1 missing")
    assert (tree.times(third), third.error) == ((6.5, 7.0), "no block of the canonical chain has it")


def test_a_block_goes_from_the_first_node_to_the_last_one(tmp_path: Path) -> None:
    def seen(block: str, parent: str, height: int) -> BlockSeen:
        return BlockSeen(block=block, parent=parent, slot=height, height=height, transactions=2, node="validator-0")

    def tip(node: str, block: str, height: int) -> TipChanged:
        return TipChanged(node=node, tip=block, height=height, slot=height)

    one, two = _hex("1"), _hex("2")
    events = [
        (4.0, seen(one, _hex("0"), 1)),
        (4.0, tip("validator-0", one, 1)),
        (5.0, seen(two, one, 2)),
        (5.0, tip("validator-0", two, 2)),
        (6.5, tip("validator-1", two, 2)),
    ]
    tree = _Tree(tmp_path, events)
    first, second = (span for span in tree.spans if span.name == "block")
    assert (tree.times(first), tree.times(second)) == ((4.0, 6.5), (5.0, 6.5)), "a tip brings the blocks below it"
    assert [event.name for event in second.events] == ["reached validator-0", "reached validator-1"]
    raw = bytes.fromhex(two)
    assert [(link.trace_id, link.span_id) for link in second.links] == [(trace_id_of(raw), origin_span_id_of(raw))]
    assert tree.times(tree.one("blocks")) == (4.0, 6.5)


def test_a_block_whose_id_is_no_hash_has_no_link(tmp_path: Path) -> None:
    odd = BlockSeen(block="genesis", parent="", slot=0, height=0, transactions=0, node="validator-0")
    tree = _Tree(tmp_path, [(4.0, odd)])
    assert tree.one("block").links == ()
