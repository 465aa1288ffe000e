"""The HTML report in a real browser: nothing overlaps, nothing is cut off, all can be read, on any screen."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nomos_testing.evidence.comparison import compare
from nomos_testing.evidence.run_record import read_run
from nomos_testing.report.comparison_html import write_comparison_html
from nomos_testing.report.html import write_html
from support.inputs.made_run import eventful_run, log_line, write_run

MEASURE = (Path(__file__).parent / "page_layout.js").read_text()
PROGRAMS = {name: shutil.which(name) for name in ("chromium", "chromedriver")}
missing = [name for name, path in PROGRAMS.items() if path is None]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(120),
    pytest.mark.skipif(
        bool(missing), reason=f"not installed: {', '.join(missing)} (apt-get install {' '.join(missing)})"
    ),
]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A headless Chromium that opens files."""
    from selenium.webdriver import Chrome, ChromeOptions, ChromeService

    options = ChromeOptions()
    options.binary_location = PROGRAMS["chromium"] or ""
    for argument in (
        *("--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--no-first-run"),
        *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
        f"--user-data-dir={tmp_path_factory.mktemp('chromium')}",
        *(["--no-sandbox"] if os.geteuid() == 0 else []),
    ):
        options.add_argument(argument)
    # With both paths given, selenium looks for no driver and downloads none.
    driver = Chrome(options, ChromeService(PROGRAMS["chromedriver"]))
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a run with faults, forks, a dead node, and long names."""
    events = eventful_run(nodes=7, seconds=240)
    directory = write_run(tmp_path_factory.mktemp("runs") / "made-up", events)
    (directory / "validator-6").mkdir()
    lines = [log_line(second / 10, "connection to peer lost " + "x" * 200, "WARN") for second in range(2400)]
    (directory / "validator-6" / "stdout.log").write_text("".join(lines))
    path = directory / "report.html"
    path.write_text(write_html(read_run(directory)))
    return path


@pytest.fixture(scope="module")
def pages(report: Path) -> dict[str, Path]:
    """The report, and the comparison of its run with another one."""
    other = write_run(report.parent.parent / "other", eventful_run(nodes=7, seconds=240, seed=2))
    path = report.parent / "comparison.html"
    path.write_text(write_comparison_html(compare([read_run(report.parent), read_run(other)])))
    return {"report": report, "comparison": path}


@pytest.mark.parametrize("name", ["report", "comparison"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1440])
def test_nothing_overlaps_nothing_is_cut_off_and_all_can_be_read(
    browser: Any, pages: dict[str, Path], name: str, width: int, scheme: str
) -> None:
    screen = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    browser.get(pages[name].as_uri())
    found = browser.execute_script(MEASURE)
    assert found["problems"] == [], f"{found['count']} problems"
    assert found["texts"] > (1000 if name == "report" else 100)
    red, green, blue = map(int, found["page"].split(","))
    assert (red + green + blue > 384) == (scheme == "light")


def test_the_browser_shows_verdict_cause_and_every_plot(browser: Any, report: Path) -> None:
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.get(report.as_uri())
    shown = browser.find_element("tag name", "body").text
    assert "\u2717 failed" in shown
    assert "Certain cause: validator-6 ended by itself" in shown
    sizes = browser.execute_script(
        "return [...document.querySelectorAll('svg.plot')].filter((plot) => plot.checkVisibility())"
        ".map((plot) => [plot.getBoundingClientRect().width, plot.getBoundingClientRect().height])"
    )
    assert len(sizes) >= 12
    assert min(width for width, _ in sizes) > 250
    assert min(height for _, height in sizes) > 50


def test_what_is_wrong_is_found(browser: Any, tmp_path: Path) -> None:
    page = tmp_path / "bad.html"
    page.write_text(
        "<!DOCTYPE html><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        "<body style='margin:0'><p style='color:#aaa'>too pale</p><p style='width:3000px;white-space:nowrap'>"
        + "too wide " * 200
        + "</p><div style='position:relative'>below<span style='position:absolute;left:0'>above</span></div>"
    )
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    browser.get(page.as_uri())
    told = "\n".join(browser.execute_script(MEASURE)["problems"])
    for problem in ("contrast 2.32", "is cut off", "lies on", "px wide on a screen"):
        assert problem in told
