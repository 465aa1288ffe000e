"""The picture of a run's trace: well-formed, complete, without anything that could run."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from nomos_testing.faults.fault_events import FaultHealed, FaultInjected
from nomos_testing.journal.events import NodeStarted, WaitEnded
from nomos_testing.report.traces.run_trace import run_trace
from nomos_testing.report.traces.waterfall import waterfall
from nomos_testing.workloads.transactions.events import TransactionIncluded, TransactionSent, TransactionsJudged
from support.inputs.written_run import judged_run

_SVG = "{http://www.w3.org/2000/svg}"


def _drawn(directory: Path, events: list[tuple[float, Any]]) -> ElementTree.Element:
    return ElementTree.fromstring(waterfall(run_trace(judged_run(directory, events))))


def _texts(drawn: ElementTree.Element, name: str = "text") -> list[str]:
    return [element.text or "" for element in drawn.iter(f"{_SVG}{name}")]


def _transactions(count: int) -> list[tuple[float, Any]]:
    sent = [
        (3 + 20 * number / count, TransactionSent(transaction=f"{number:064x}", account="u", node="validator-0"))
        for number in range(count)
    ]
    place: dict[str, Any] = {"block": "ab" * 32, "height": 1, "slot": 1, "latency_seconds": 1.0}
    included = [(33.0, TransactionIncluded(transaction=f"{number:064x}", **place)) for number in range(count - 1)]
    return [*sent, *included, (33.5, TransactionsJudged(planned=count, sent=count, included=count - 1))]


def test_every_group_is_drawn_inside_the_picture(tmp_path: Path) -> None:
    fault = "pause validator-1"
    events = [
        (0.5, NodeStarted(node="validator-0", program="nomos-node", url="http://127.0.0.1:1")),
        (3.0, WaitEnded(waited_for="peers", seconds=0.5, last_seen="", fulfilled=True)),
        (5.0, FaultInjected(number=1, fault=fault, origin="faults", planned_at=3, late=0, seconds=0.1)),
        (9.0, FaultHealed(number=1, fault=fault, seconds=0.1)),
        *_transactions(20),
    ]
    drawn = _drawn(tmp_path, events)
    texts = _texts(drawn)
    assert {"phases (2)", "waits", "faults", fault, "nodes", "node validator-0", "transactions (20)"} <= set(texts)
    width, height = (float(drawn.attrib[name]) for name in ("width", "height"))
    bars = [bar.attrib for bar in drawn.iter(f"{_SVG}rect") if bar.attrib["width"] != "100%"]
    assert all(0 <= float(bar["x"]) <= float(bar["x"]) + float(bar["width"]) <= width for bar in bars)
    assert all(0 <= float(bar["y"]) <= float(bar["y"]) + float(bar["height"]) <= height for bar in bars)
    told = _texts(drawn, "title")
    assert sum(text.startswith("transaction: inclusion, 1.000 s") for text in told) == 19
    assert sum("no block of the canonical chain has it" in text for text in told) == 1


def test_text_of_a_run_is_only_text(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script>\x1b[31m\x00"
    events = [
        (0.5, NodeStarted(node=evil, program="nomos-node", url="http://127.0.0.1:1")),
        (5.0, FaultInjected(number=1, fault=evil, origin="faults", planned_at=3, late=0, seconds=0.1)),
    ]
    text = waterfall(run_trace(judged_run(tmp_path, events)))
    assert "<script" not in text
    (told,) = (told for told in _texts(ElementTree.fromstring(text), "title") if told.startswith("node "))
    assert told.startswith("node <script>alert(1)</script>, ")


def test_a_run_with_many_transactions_stays_small(tmp_path: Path) -> None:
    drawn = _drawn(tmp_path, _transactions(5000))
    texts = _texts(drawn)
    assert "transactions (5000)" in texts
    (told,) = (text for text in texts if text.endswith("of them drawn"))
    assert int(told.split()[0]) <= 1000
    assert float(drawn.attrib["height"]) < 500
