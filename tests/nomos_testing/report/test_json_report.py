"""The report in JSON has the keys that the documentation promises, and is JSON whatever was observed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from nomos_testing.journal.events import ExpectationJudged, NodeSample, NodeStarted, Reorganised, Sample
from nomos_testing.report.as_json import write_json
from support.inputs.written_run import judged_run, written_run

DOCUMENTATION = Path(__file__).parents[3] / "docs" / "reports.md"


def refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")


def a_full_report(directory: Path) -> dict[str, Any]:
    left = Reorganised(node="validator-0", old_tip="x", new_tip="y", common_ancestor="z", abandoned=1, adopted=2)
    counters = {f"{what}_{count}": 1 for what in ("transactions", "blobs") for count in ("planned", "included")}
    events = [
        (1.0, NodeStarted(node="validator-0", program="p", url="u")),
        (3.0, Sample({"validator-0": NodeSample(height=3, peers=1, tip="x")}, counters)),
        (4.0, left),
    ]
    judged = ExpectationJudged(expectation="endless", passed=False, observed=float("inf"), required={"a": [1.5]})
    found: dict[str, Any] = json.loads(write_json(judged_run(directory, events, [judged])), parse_constant=refuse)
    return found


def test_every_key_of_the_report_is_documented_and_no_other(tmp_path: Path) -> None:
    section = DOCUMENTATION.read_text().partition("\n## JSON\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `([\w.]+)` \|", section, re.MULTILINE)
    assert sorted(a_full_report(tmp_path)) == sorted(rows)


def test_the_report_has_the_verdict_and_the_course_of_each_node(tmp_path: Path) -> None:
    report = a_full_report(tmp_path)
    assert report["schema"] == 1
    assert (report["verdict"]["kind"], report["verdict"]["passed"]) == ("failed", False)
    assert report["nodes"]["validator-0"]["series"] == {"peers": [[3.0, 1]]}
    assert report["fork_trees"][0]["tips"] == {"validator-0": "x"}
    assert report["expectations"][0]["observed"] == "inf"


def test_a_run_without_a_verdict_has_the_same_keys(tmp_path: Path) -> None:
    report = json.loads(write_json(written_run(tmp_path / "empty", [])))
    assert list(report) == list(a_full_report(tmp_path / "full"))
    assert (report["verdict"]["kind"], report["run"]["began"], report["transactions"]) == (None, None, None)
