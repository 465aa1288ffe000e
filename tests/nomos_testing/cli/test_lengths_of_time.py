"""The lengths of time that commands take: --keep 30m."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from nomos_testing.cli.main import main
from nomos_testing.cli.options import read_duration


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("30m", 1800), ("1h", 3600), ("1h30m", 5400), ("0.5h", 1800), ("500ms", 0.5)]
)
def test_a_length_of_time_has_units(text: str, seconds: float) -> None:
    assert read_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "30", "0ms", "0s", "-1s", "1d", "1h 30m", "h", "nan", "1hm", "1.2.3s"])
def test_anything_else_is_refused_with_what_is_expected(text: str) -> None:
    with pytest.raises(click.BadParameter, match="expected 90s, 30m, 1h or 1h30m"):
        read_duration(text)


def test_keep_before_the_scenario_says_where_it_goes(tmp_path: Path) -> None:
    said = CliRunner().invoke(main, ["run", "--keep", "demo.yaml", "demo.yaml"])
    assert said.exit_code == 2
    assert "put --keep after demo.yaml, or say --keep=1h" in said.output


@pytest.mark.parametrize("other", [["--in-cluster"], ["--export", "manifests"]])
def test_a_network_that_this_machine_does_not_hold_cannot_be_kept(other: list[str]) -> None:
    said = CliRunner().invoke(main, ["run", "demo.yaml", "--on", "k8s", "--keep", "30m", *other])
    assert said.exit_code == 2
    assert "--keep holds the network from this machine" in said.output
