"""The HTML report tells the whole story of a run in one small file, and trusts nothing that it shows."""

from __future__ import annotations

import random
import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nomos_testing.evidence.run_record import read_run
from nomos_testing.faults.fault_events import FaultInjected
from nomos_testing.journal.events import (
    BlockSeen,
    ExceptionRaised,
    ExpectationJudged,
    NodeControlled,
    NodeExited,
    NodeSample,
    NodeStarted,
    Notice,
    OtherEvent,
    PhaseEnded,
    PhaseStarted,
    Reorganised,
    RunEnded,
    Sample,
    TipChanged,
    VerdictReached,
    WaitEnded,
)
from nomos_testing.report.files import write_reports
from nomos_testing.report.html import write_html
from support.inputs.made_run import Timed, eventful_run, log_line, started, write_run

SECTIONS = [
    *("Verdict", "Block height", "Forks", "Transactions", "Blobs", "Propagation of blocks", "Nodes"),
    *("Faults and recovery", "Timeline", "Node logs around failures", "Environment"),
]
SHORT_RUN = eventful_run(nodes=3, seconds=60)
VOID = {"meta", "link", "br", "hr", "img", "input"}
HOSTILE = "<script>alert(1)</script>"
ENTITIES = "&amp; </pre></style>]]> \x1b[31mred\x1b[0m \x00 \x9b {{ 7 * 7 }} \" onload=x ' \u2028"


class Reader(HTMLParser):
    """Reads a page strictly: every element is closed, and everything that could load or run is noted."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.texts: list[str] = []
        self.headings: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.feed(page)
        self.close()
        assert self.open == [], f"not closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.texts.append(data)
        if self.open[-1:] == ["h2"]:
            self.headings.append(data)

    @property
    def text(self) -> str:
        """All texts of the page."""
        return "".join(self.texts)


@pytest.fixture(scope="module")
def eventful(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The report of a run of ten minutes with five nodes, in which everything happens."""
    directory = write_run(tmp_path_factory.mktemp("runs") / "eventful", eventful_run(transactions=2))
    for number in range(5):
        node = directory / f"validator-{number}"
        node.mkdir()
        lines = [log_line(second / 10, f"looked at slot {second}") for second in range(6000)]
        (node / "stdout.log").write_text("".join(lines))
    (directory / "scenario.yaml").write_text("name: made-up\n")
    return write_html(read_run(directory))


def test_the_sections_have_the_order_of_the_questions_of_a_reader(eventful: str) -> None:
    assert Reader(eventful).headings == SECTIONS


def test_a_report_of_ten_minutes_and_five_nodes_is_below_a_megabyte(eventful: str) -> None:
    assert 50_000 < len(eventful.encode()) < 1_000_000


def test_nothing_loads_and_nothing_runs(eventful: str) -> None:
    page = Reader(eventful)
    assert page.tags & {"script", "link", "img", "iframe", "object", "embed", "form", "base", "image", "use"} == set()
    assert {name for name, _ in page.attributes if name.startswith("on") or name in {"src", "srcset", "style"}} == set()
    assert {value[0] for name, value in page.attributes if "href" in name} == {"#"}
    (style,) = re.findall(r"<style>(.*?)</style>", eventful, re.DOTALL)
    assert not re.search(r"url\(|@import|@font-face", style)
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in page.attributes


def test_every_anchor_has_its_target(eventful: str) -> None:
    attributes = Reader(eventful).attributes
    ids = [value for name, value in attributes if name == "id"]
    assert len(set(ids)) == len(ids)
    assert {value[1:] for name, value in attributes if name == "href"} == set(ids)


def test_the_report_says_what_failed_and_shows_the_log_around_it(eventful: str) -> None:
    text = Reader(eventful).text
    assert "\u2717 failed" in text
    assert "validator-4 does not answer" in text
    assert re.search(r"300\.00 s: .*validator-4 ended by itself", text)
    assert "looked at slot 2995" in text
    assert "looked at slot 100" not in text
    assert "nomos-testing replay " in text
    assert re.search(r"Fork above height \d+: validator-\d left [234] blocks", text)


def test_plots_have_a_name_for_screen_readers_and_their_data_as_a_table(eventful: str) -> None:
    plots = re.findall(r'<svg class="plot[^>]*>', eventful)
    assert len(plots) >= 10
    assert all('role="img"' in plot and re.search(r'aria-label="[^"]{20,}"', plot) for plot in plots)
    assert "Data of: Height of each node&#39;s tip" in eventful


def hostile_events() -> Iterator[Timed]:
    text = HOSTILE + ENTITIES
    node = f"validator-{HOSTILE}\x1b[31m\x00"
    yield 0.0, started(HOSTILE)
    yield 0.1, Notice(text, "warning")
    yield 0.1, NodeStarted(node=node, program=text, url=text, pid=1)
    yield 0.2, PhaseStarted("run")
    seen = {"slot": 1, "transactions": 1, "node": node}
    yield 0.4, BlockSeen(block=text, parent=HOSTILE, height=1, **seen)
    yield 0.5, BlockSeen(block=HOSTILE, parent=text, height=2, **seen)
    yield 0.6, Reorganised(node=node, old_tip=text, new_tip=HOSTILE, common_ancestor=node, abandoned=1, adopted=2)
    yield 0.6, TipChanged(node=node, tip=HOSTILE, height=2, slot=1)
    injected = {"number": 1, "fault": text, "origin": text, "planned_at": 0.0}
    yield 0.7, FaultInjected(**injected, late=0.0, seconds=0.0)
    html_error = "<html><body onload=alert(1)><h1>502 Bad Gateway</h1></body></html>"
    yield 1.0, Sample({node: NodeSample(height=1, peers=1, error=html_error)}, {})
    yield 2.0, NodeExited(node="validator-0", status=text, expected=False, last_lines=(text,))
    yield 3.0, WaitEnded(waited_for=text, seconds=1.0, last_seen=html_error, fulfilled=False)
    yield 4.0, ExceptionRaised(where=text, error=text, location=text, traceback=f"{text}\n{html_error}")
    yield 5.0, PhaseEnded("run", 3.0, text)
    judged = {"expectation": text, "message": html_error, "evidence": (text,), "observed": {node: text}}
    yield 6.0, ExpectationJudged(passed=False, required=text, **judged)
    yield 7.0, VerdictReached(passed=False, failure=text + html_error)
    yield 8.0, RunEnded("failed", text)


def test_nothing_of_a_node_or_a_file_comes_unescaped(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", hostile_events())
    (run / "validator-0").mkdir()
    (run / "validator-0" / "stdout.log").write_bytes(
        log_line(2.0, "</pre><script>alert(2)</script>\x1b[31mred\x1b[0m\x00").encode() + b"\xff\xfe]]>\n"
    )
    (run / "scenario.yaml").write_text(f"name: {HOSTILE}\n")
    page = write_html(read_run(run))
    reader = Reader(page)
    assert "script" not in reader.tags
    assert page.count("<body") == page.count("<html") == page.count("<style") == 1
    assert [name for name, _ in reader.attributes if name.startswith("on")] == []
    assert re.findall(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]|\[31m", page) == []
    assert "{{ 7 * 7 }}" in reader.text
    assert reader.text.count(HOSTILE) > 5
    assert "<h1>502 Bad Gateway</h1>" in reader.text
    assert "</pre><script>alert(2)</script>red" in reader.text


def test_a_network_that_never_started_has_a_report(tmp_path: Path) -> None:
    events: list[Timed] = [
        (0.0, started("stillborn")),
        (0.0, PhaseStarted("start")),
        (0.3, PhaseEnded("start", 0.3, "the program /nowhere/nomos-node does not exist")),
        (0.4, RunEnded("failed", "the program /nowhere/nomos-node does not exist")),
    ]
    reader = Reader(write_html(read_run(write_run(tmp_path / "run", events))))
    assert reader.headings == ["Verdict", "Block height", "Timeline", "Node logs around failures", "Environment"]
    assert "No node showed a block." in reader.text
    assert "the program /nowhere/nomos-node does not exist" in reader.text


def test_an_empty_journal_has_a_report(tmp_path: Path) -> None:
    reader = Reader(write_html(read_run(write_run(tmp_path / "run", []))))
    assert "unfinished: the journal has no verdict" in reader.text


def failed_run(directory: Path, *events: Timed) -> Path:
    """A run of 60 s in which a node ends at 30 s."""
    ended = NodeExited(node="validator-0", status="exit code 1", expected=False)
    told: list[Timed] = [(0.0, started()), *events, (30.0, ended), (60.0, VerdictReached(False, "no block"))]
    run = write_run(directory, sorted(told, key=lambda timed: timed[0]))
    (run / "validator-0").mkdir()
    return run


def test_warnings_and_errors_of_nodes_are_in_the_timeline(tmp_path: Path) -> None:
    run = failed_run(tmp_path / "run")
    lines = [log_line(10.0, "no peers", "WARN"), log_line(11.0, "the tip is 12"), log_line(12.0, "disk full", "ERROR")]
    (run / "validator-0" / "stdout.log").write_text("".join(lines) + "  because of the quota\n")
    page = write_html(read_run(run))
    for at, level, text in (("10.00", "warning", "no peers"), ("12.00", "bad", "disk full")):
        row = f'<th scope="row">{at}</th><td>validator-0</td><td><span class="{level}">nomos_node::chain: {text}'
        assert row in page
    assert "because of the quota" in page
    assert "the tip is 12" not in page


def test_logs_around_a_failure_have_right_times_although_the_clock_was_off(tmp_path: Path) -> None:
    off, right = ("put the clock +1000 s off", 20.0), ("put the clock right", 50.0)
    controlled = [(at, NodeControlled("validator-0", action, 0.1)) for action, at in (off, right)]
    run = failed_run(tmp_path / "run", *controlled)
    text = "".join(log_line(second + (1000.0 if 20 <= second < 50 else 0.0), f"line {second}") for second in range(60))
    (run / "validator-0" / "stdout.log").write_text(text)
    page = write_html(read_run(run))
    excerpt = page[page.index("<h2>Node logs around failures</h2>") :]
    assert re.findall(r"^ +([\d.]+) INFO nomos_node::chain: line (29|31)$", excerpt, re.MULTILINE) == [
        ("29.000", "29"),
        ("31.000", "31"),
    ]
    assert "line 5\n" not in excerpt


def test_the_same_line_in_two_files_is_shown_once(tmp_path: Path) -> None:
    run = failed_run(tmp_path / "run")
    for name in ("stdout.log", "__logs.2026-01-01-00"):
        (run / "validator-0" / name).write_text(log_line(29.0, "the last words"))
    page = write_html(read_run(run))
    assert page[page.index("<h2>Node logs around failures</h2>") :].count("the last words") == 1


def test_a_fork_from_genesis_is_drawn_from_genesis_on(tmp_path: Path) -> None:
    genesis, left, one, two = ("00" * 32, "1f" * 32, "2f" * 32, "3f" * 32)
    seen = {"transactions": 0, "node": "validator-0"}
    tips = {"node": "validator-0", "old_tip": left, "new_tip": two, "common_ancestor": genesis}
    events: list[Timed] = [
        (0.0, started()),
        (1.0, BlockSeen(block=left, parent=genesis, slot=1, height=1, **seen)),
        (2.0, BlockSeen(block=one, parent=genesis, slot=2, height=1, **seen)),
        (3.0, BlockSeen(block=two, parent=one, slot=3, height=2, **seen)),
        (3.1, Reorganised(**tips, abandoned=1, adopted=2)),
    ]
    page = write_html(read_run(write_run(tmp_path / "run", events)))
    assert "Fork above height 0: validator-0 left 1 block" in page
    assert "height 0, 00000000" in page
    assert page.count('class="link ') == 3


def test_the_environment_of_the_run_is_told(tmp_path: Path) -> None:
    environment = {
        "version": "0.1.0",
        "python": "3.11.9",
        "system": "Linux-6.1.0-x86_64",
        "processors": 2,
        "memory_bytes": 8_000_000_000,
        "nodes": {"validator": "nomos-node 0.1"},
        "proofs": "development",
        "settings": {"NOMOS_LOG_LEVEL": "debug"},
    }
    events: list[Timed] = [(0.0, started()), (0.1, OtherEvent("run_environment", environment))]
    text = Reader(write_html(read_run(write_run(tmp_path / "run", events)))).text
    for told in ("Linux-6.1.0-x86_64", "3.11.9", "8 GB", "validator: nomos-node 0.1", "NOMOS_LOG_LEVEL: debug"):
        assert told in text


def test_an_old_journal_draws_heights_from_its_samples(tmp_path: Path) -> None:
    events: list[Timed] = [(0.0, started()), (0.1, PhaseStarted("run"))]
    events += [
        (float(second), Sample({"validator-0": NodeSample(height=second // 2, peers=1)}, {})) for second in range(1, 30)
    ]
    events += [(30.0, PhaseEnded("run", 29.9)), (30.1, VerdictReached(True)), (30.2, RunEnded("passed"))]
    page = write_html(read_run(write_run(tmp_path / "run", events)))
    assert Reader(page).headings == ["Verdict", "Block height", "Nodes", "Timeline", "Environment"]
    assert len(re.findall(r'<path class="line s0" d="M[^"]{40,}', page)) == 1


def test_every_run_writes_its_report(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", [(0.0, started()), (1.0, VerdictReached(True)), (1.1, RunEnded("passed"))])
    write_reports(run)
    assert "\u2713 passed" in Reader((run / "report.html").read_text()).text


def test_a_run_imports_nothing_of_the_report_before_its_end() -> None:
    program = "import sys; import nomos_testing.cli.run_and_report, nomos_testing.deployers.local.deployer; "
    program += "print(sorted({'jinja2', 'markupsafe', 'textual'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**32), st.integers(0, 400), st.floats(0, 1))
def test_a_journal_with_missing_lines_has_a_report(tmp_path: Path, seed: int, length: int, share: float) -> None:
    rng = random.Random(seed)
    events = [timed for timed in SHORT_RUN if rng.random() < share][:length]
    reader = Reader(write_html(read_run(write_run(tmp_path / "run", events))))
    assert reader.headings[:2] == ["Verdict", "Block height"]
