"""A report in Markdown says first what counts, and text of nodes and files has no meaning in it."""

from __future__ import annotations

import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from nomos_testing.faults.fault_events import FaultHealed, FaultInjected, FaultRecovered
from nomos_testing.journal.events import NodeSample, NodeStarted, RunEnvironment, Sample
from nomos_testing.outcome import VerdictKind
from nomos_testing.report.markdown import write_markdown
from nomos_testing.report.markdown_text import block, code, table
from support.inputs.written_run import failed_expectation, judged_run, written_run

HOSTILE = "<script>alert(1)</script> [x](http://e) @team #1 `a` | b \\| \x1b[31mred\x00 **bold** ``` "


def tokens(text: str) -> list[Token]:
    """Read Markdown as GitHub does: with tables, and with HTML."""
    found = MarkdownIt("commonmark").enable("table").parse(text)
    return [child for token in found for child in [token, *(token.children or ())]]


def kinds(text: str) -> set[str]:
    return {token.type for token in tokens(text)}


@given(st.text())
def test_any_text_is_one_piece_of_code_in_a_line(text: str) -> None:
    inline = [token for token in tokens(f"a {code(text)} z") if token.type not in {"inline", "paragraph_open"}]
    assert [token.type for token in inline if token.type not in {"text", "paragraph_close"}] in ([], ["code_inline"])
    assert "".join(token.content for token in inline if token.type == "text").split() == ["a", "z"]


@given(st.lists(st.text(alphabet=st.sampled_from("`|\\ab \n<*")), min_size=1, max_size=3))
def test_any_texts_stay_in_the_cells_of_their_table(texts: list[str]) -> None:
    cells = ["first", *map(code, texts), "last"]
    found = tokens(table(["column"] * len(cells), [cells]))
    assert sum(token.type == "td_open" for token in found) == len(cells)
    assert {token.type for token in found if token.type.endswith("_inline")} <= {"code_inline"}


@given(st.lists(st.text()))
def test_any_lines_are_one_block_of_code(lines: list[str]) -> None:
    assert [token.type for token in tokens(block(lines))] == ["fence"]


def test_nothing_of_a_hostile_run_becomes_markup(tmp_path: Path) -> None:
    failed = failed_expectation(HOSTILE, HOSTILE, evidence=[f"{HOSTILE} again"])
    node = f"validator-{HOSTILE}"
    events = [
        (
            0.5,
            RunEnvironment(
                version=HOSTILE,
                python=HOSTILE,
                system=HOSTILE,
                processors=2,
                memory_bytes=1,
                nodes={HOSTILE: HOSTILE},
                proofs=HOSTILE,
                settings={},
            ),
        ),
        (1.0, NodeStarted(node=node, program=HOSTILE, url=HOSTILE)),
        (3.0, Sample({node: NodeSample(height=3, peers=1)}, {})),
        (4.0, FaultInjected(number=1, fault=HOSTILE, origin="x", planned_at=1.0, late=0.0, seconds=0.0)),
    ]
    text = write_markdown(judged_run(tmp_path, events, [failed], failure=HOSTILE))
    assert not kinds(text) & {"html_block", "html_inline", "link_open", "image"}
    assert "\x1b" not in text
    assert "\x00" not in text
    outside = [token.content for token in tokens(text) if token.type == "text"]
    assert not [part for part in outside if re.search(r"[@#<]|alert|bold|script", part)]


def test_the_verdict_and_its_reasons_come_first_then_the_figures(tmp_path: Path) -> None:
    events = [
        (4.0, FaultInjected(number=1, fault="pause a", origin="x", planned_at=1.0, late=0.0, seconds=0.0)),
        (6.5, FaultHealed(number=1, fault="pause a", seconds=0.1)),
        (7.0, FaultRecovered(number=1, fault="pause a", seconds=0.5, slots=1.0, overlapped=False)),
    ]
    text = write_markdown(judged_run(tmp_path, events, [failed_expectation("liveness", "3 blocks, 9 required")]))
    first, _, rest = text.partition("\n\n")
    assert first == "## `written`: failed"
    assert rest.startswith("```text\nexpectations failed:\nliveness: 3 blocks, 9 required\n```")
    assert "| 1 | `pause a` | 4 s | 2.5 s | 1 slots | - |" in text
    assert f"`nomos-testing replay {tmp_path}`" in text


def test_a_run_that_passed_has_no_reasons(tmp_path: Path) -> None:
    text = write_markdown(judged_run(tmp_path, [], kind=VerdictKind.PASSED))
    assert text.startswith("## `written`: passed\n\n")
    assert "```" not in text


def test_a_run_of_which_only_the_journals_opening_is_left_is_told_as_not_ended(tmp_path: Path) -> None:
    assert write_markdown(written_run(tmp_path, [])).startswith(f"## `{tmp_path.name}`: not ended")
