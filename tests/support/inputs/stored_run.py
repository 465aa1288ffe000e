"""Directories of runs as a run writes them before anything is started."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from nomos_testing.deployers.shared.run_opening import OpenRun
from nomos_testing.runtime.run_directory import RunDirectory
from nomos_testing.scenario.scenario import Scenario


def left_by(scenario: Scenario, directory: Path) -> Path:
    """Write what a run of ``scenario`` writes first, and give its directory."""
    run, nothing_else = RunDirectory.create(directory, scenario.name), cast("Any", None)
    opened = OpenRun(
        scenario=scenario,
        settings=nothing_else,
        run_directory=run,
        journal=nothing_else,
        patience=nothing_else,
        phases=nothing_else,
        background=nothing_else,
        surroundings=nothing_else,
        resources=nothing_else,
        reaper=nothing_else,
    )
    opened.write_plan()
    return run.path
