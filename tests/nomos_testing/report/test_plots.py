"""The plots of the report: scales, ticks, thinning, and that nothing that matters is lost on the way to SVG."""

from __future__ import annotations

import itertools
import math
import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from nomos_testing.report.plots.fork_tree import ForkBlock, fork_tree
from nomos_testing.report.plots.percentile_bars import PercentileRow, percentile_bars
from nomos_testing.report.plots.series_plot import SeriesPlot, Window
from nomos_testing.report.svg import Scale, element, shown_bytes, shown_number, shown_time, thinned, ticks, time_ticks

FINITE = st.floats(-1e9, 1e9)


def parsed(svg: Markup) -> ElementTree.Element:
    return ElementTree.fromstring(svg)


def texts(svg: Markup) -> list[str]:
    return [node.text or "" for node in parsed(svg).iter("text")]


def paths(svg: Markup) -> list[str]:
    return [node.attrib["d"] for node in parsed(svg).iter("path")]


def test_an_element_escapes_values_and_children_but_not_elements() -> None:
    inner = element("title", {}, "a < b")
    outer = element("g", {"aria-label": '"x" & y', "x": 1.0}, inner, "</g>")
    assert outer == '<g aria-label="&#34;x&#34; &amp; y" x="1"><title>a &lt; b</title>&lt;/g&gt;</g>'


@given(FINITE, FINITE, st.integers(2, 10))
def test_ticks_are_round_few_and_within_the_range(one: float, other: float, most: int) -> None:
    low, high = sorted((one, other))
    found = ticks(low, high, most)
    assert len(found) <= most
    if high - low > 1e-3:
        slack = 1e-6 * (high - low)
        assert all(low - slack <= value <= high + slack for value in found)
        assert found == sorted(set(found))


@pytest.mark.parametrize(
    ("high", "expected"),
    [(10, [0, 2, 4, 6, 8, 10]), (3, [0, 1, 2, 3]), (0.7, [0, 0.2, 0.4, 0.6]), (1234, [0, 500, 1000])],
)
def test_ticks_are_what_people_expect(high: float, expected: list[float]) -> None:
    assert ticks(0, high, 6, whole=high >= 1) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("seconds", "expected"), [(50, [0, 10, 20, 30, 40, 50]), (90, [0, 30, 60, 90]), (600, [0, 120, 240, 360, 480, 600])]
)
def test_ticks_of_time_are_those_of_a_clock(seconds: float, expected: list[float]) -> None:
    assert time_ticks(0, seconds, 6) == expected


def test_numbers_times_and_bytes_are_short() -> None:
    assert [shown_number(value) for value in (0.0, -0.0001, 1.0, 0.125, 1234567.0)] == [
        "0",
        "0",
        "1",
        "0.125",
        "1234567",
    ]
    assert [shown_time(value, 60) for value in (0, 12.5)] == ["0 s", "12.5 s"]
    assert [shown_time(value, 4000) for value in (0, 65, 3725)] == ["0:00", "1:05", "1:02:05"]
    assert [shown_bytes(value) for value in (0, 999, 1500, 2.5e9, 3e13)] == [
        "0 B",
        "999 B",
        "1.5 kB",
        "2.5 GB",
        "30 TB",
    ]


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(-1e6, 1e6)), max_size=3000))
def test_thinning_keeps_the_ends_the_extremes_and_the_order(points: list[tuple[float, float]]) -> None:
    points.sort()
    kept = thinned(points, 0, 100)
    assert set(kept) <= set(points)
    assert kept == sorted(kept, key=lambda point: point[0])
    assert len(kept) <= 1604
    if points:
        assert (kept[0], kept[-1]) == (points[0], points[-1])
        for extreme in (min, max):
            assert extreme(value for _, value in kept) == extreme(value for _, value in points)


def test_a_spike_of_one_sample_in_a_day_is_still_drawn() -> None:
    points = [(float(second), 1.0) for second in range(86_400)]
    points[50_000] = (50_000.0, 9.0)
    plot = SeriesPlot(title="CPU", description="", series={"validator-0": points}, end=86_400.0, stepped=False)
    (path,) = paths(plot.svg())
    heights = [float(y) for y in re.findall(r"[ML][\d.]+ ([\d.]+)", path)]
    assert len(path) < 30_000
    assert min(heights) < 20
    assert max(heights) > 160


def test_a_value_that_is_told_at_its_changes_holds_until_the_end() -> None:
    plot = SeriesPlot(title="Height", description="", series={"a": [(10.0, 1), (20.0, 2)]}, end=100.0)
    assert paths(plot.svg())[0].startswith("M100 ")
    assert paths(plot.svg())[0].endswith("H1000")


def test_a_line_stops_where_its_node_ended_and_goes_on_after_its_restart() -> None:
    series = {"a": [(10.0, 1), (20.0, 2), (60.0, 3)]}
    plot = SeriesPlot(title="Height", description="", series=series, end=100.0, breaks={"a": [30.0, 90.0]})
    first, second = re.findall(r"M[^M]+", paths(plot.svg())[0])
    assert first.endswith("H300")
    assert second.startswith("M600 ")
    assert second.endswith("H900")


def test_a_line_has_a_gap_where_samples_are_missing() -> None:
    series = {"a": [(1.0, 1), (2.0, 2), (50.0, 2), (51.0, 3)]}
    plot = SeriesPlot(title="Peers", description="", series=series, end=100.0, longest_gap=6.0)
    assert paths(plot.svg())[0].count("M") == 2


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 30)), max_size=150))
def test_badges_of_faults_never_overlap_and_name_every_fault(spans: list[tuple[float, float]]) -> None:
    spans.sort()
    windows = [Window(str(number), "pause", at, at + long) for number, (at, long) in enumerate(spans, start=1)]
    svg = SeriesPlot(title="Height", description="", series={"a": [(0.0, 1)]}, end=100.0, windows=windows).svg()
    badges = [node for node in parsed(svg).iter("text") if node.attrib["class"] == "badge"]
    named: set[int] = set()
    places: dict[str, list[tuple[float, float]]] = {}
    for badge in badges:
        first, _, last = (badge.text or "").partition("-")
        named |= set(range(int(first), int(last or first) + 1))
        left = float(badge.attrib["x"].rstrip("%")) * 2.7 + float(badge.attrib["dx"])
        places.setdefault(badge.attrib["y"], []).append((left, left + 8 * len(badge.text or "")))
    assert named == set(range(1, len(windows) + 1))
    for row in places.values():
        row.sort()
        assert row[0][0] >= -0.2
        assert row[-1][1] <= 270.2
        assert all(before[1] <= after[0] for before, after in itertools.pairwise(row)), row


def test_faults_are_shaded_from_injection_to_heal_and_to_recovery() -> None:
    windows = [Window("1", "kill <a>", 10, 20, 30), Window("2", "cut", 50)]
    svg = SeriesPlot(title="Height", description="", series={"a": [(0.0, 1)]}, end=100.0, windows=windows).svg()
    shades = [(node.attrib["class"], node.attrib["x"], node.attrib["width"]) for node in parsed(svg).iter("rect")]
    assert shades == [("fault", "10.00%", "10.00%"), ("recovery", "20.00%", "10.00%"), ("fault", "50.00%", "50.00%")]
    assert "kill &lt;a&gt;" in svg


def test_the_table_of_a_plot_has_the_values_at_its_times() -> None:
    plot = SeriesPlot(
        title="Height", description="", series={"a": [(0.0, 1), (50.0, 7)], "b": []}, end=96.0, whole=True
    )
    rows = plot.rows()
    assert rows[0] == ["0 s", "1", ""]
    assert rows[-1] == ["96 s", "7", ""]
    assert len(rows) == 25


def test_percentiles_have_bars_of_their_length() -> None:
    rows = [PercentileRow("validator-0", 0.5, 1.0, 2.0, 40), PercentileRow("<b>", 0, 0, 0, 1)]
    svg = percentile_bars("Propagation", rows, counted="blocks")
    widths = [float(node.attrib["width"].rstrip("%")) for node in parsed(svg).iter("rect")]
    assert widths[:3] == pytest.approx([98.04, 49.02, 24.51], abs=0.01)
    assert widths[3:] == [0, 0, 0]
    assert "0.5 / 1 / 2 s (40 blocks)" in texts(svg)
    assert "validator-0: 0.5 / 1 / 2 s" in svg


def fork(*links: tuple[str, str, int, bool]) -> list[ForkBlock]:
    return [ForkBlock(block, parent, height, height, kept, "note") for block, parent, height, kept in links]


def test_a_fork_has_the_branch_that_won_at_the_left_and_others_beside_it() -> None:
    svg = fork_tree("Fork", fork(("a", "", 1, True), ("b", "a", 2, True), ("x", "a", 2, False), ("y", "x", 3, False)))
    circles = [node.attrib["cx"] for node in parsed(svg).iter("circle")]
    squares = [node.attrib["x"] for node in parsed(svg).iter("rect")]
    assert circles == ["12", "12"]
    assert squares == ["29", "29"]
    assert len(paths(svg)) == 3
    assert "height 3, slot 3, y, left" in texts(svg)


def test_two_branches_from_one_block_have_columns_of_their_own() -> None:
    svg = fork_tree("Fork", fork(("a", "", 1, True), ("x", "a", 2, False), ("y", "a", 2, False)))
    assert len({node.attrib["x"] for node in parsed(svg).iter("rect")}) == 2


def test_the_middle_of_a_long_fork_is_left_out_and_told() -> None:
    chain = fork(*((str(height), str(height - 1), height, True) for height in range(1, 101)))
    svg = fork_tree("Fork", chain)
    assert "(70 blocks are left out)" in texts(svg)
    assert sum("height" in text for text in texts(svg)) == 30


def test_a_scale_maps_and_limits() -> None:
    scale = Scale(10, 20, 100)
    assert [scale(value) for value in (5, 10, 15, 25)] == [0, 0, 50, 100]
    assert Scale(1, 1, 100)(1) == 0
    assert not math.isnan(Scale(0, 0, 0)(3))
