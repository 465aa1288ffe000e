"""A scenario from the directory of a run: the same keys, the same workloads, and the very faults that were planned."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nomos_testing.faults.plan import FaultPlan
from nomos_testing.runtime.run_directory import PLAN_NAME, SCENARIO_NAME
from nomos_testing.scenario.errors import ScenarioError
from nomos_testing.scenario.scenario import Scenario
from nomos_testing.scenario.yaml import load_scenario
from nomos_testing.settings import Settings


class ReplayError(ScenarioError):
    """A run that cannot be repeated from what it left."""


def load_replay(run_directory: Path, settings: Settings | None = None, *, seed: int | None = None) -> Scenario:
    """Read the scenario of a run. With another ``seed`` keys and faults are made anew; without, faults are the stored.

    The stored plan may have been edited: it is checked like one that was made here.

    Raises:
        ReplayError: it is no run directory, or the scenario is Python that no file can say.
        ScenarioError: what is stored does not build.
    """
    record = _plan_record(run_directory / PLAN_NAME)
    file = run_directory / SCENARIO_NAME
    if not file.is_file():
        obstacle = record.get("replay_obstacle") or f"{SCENARIO_NAME} is missing"
        raise ReplayError(
            f"{run_directory} cannot be replayed: {obstacle}; "
            f"run the program that built the scenario again, with seed {record.get('seed')}"
        )
    return load_scenario(file, settings, seed=seed, faults=_stored_faults(run_directory, record, seed))


def _plan_record(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ReplayError(f"{path.parent} is not the directory of a run: it has no {PLAN_NAME}") from None
    except (OSError, ValueError) as error:
        raise ReplayError(f"{path}: cannot be read: {error}") from None
    if not isinstance(record, dict):
        raise ReplayError(f"{path}: expected an object, got {type(record).__name__}")
    return record


def _stored_faults(run_directory: Path, record: dict[str, Any], seed: int | None) -> FaultPlan | None:
    if seed is not None and seed != record.get("seed"):
        return None
    try:
        return FaultPlan.from_json(record.get("faults", []))
    except (ValueError, TypeError, AttributeError) as error:
        raise ReplayError(f"{run_directory / PLAN_NAME}: faults: {error}") from None
