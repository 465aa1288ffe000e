"""A scenario from the directory of a run: the same keys, the same workloads, and the very faults that were planned."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from nomos_testing.faults.errors import FaultPlanError
from nomos_testing.faults.plan import FaultPlan
from nomos_testing.journal.events import RunStarted
from nomos_testing.journal.journal import JOURNAL_NAME, read_journal
from nomos_testing.runtime.run_directory import PLAN_NAME, SCENARIO_NAME
from nomos_testing.scenario.errors import ScenarioBuildError, ScenarioError
from nomos_testing.scenario.file.fault_schema import FaultSection
from nomos_testing.scenario.file.loader import load_builder
from nomos_testing.scenario.scenario import Scenario
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
    builder = load_builder(file, settings, seed=seed)
    try:
        return builder.build(faults=_stored_faults(record, seed))
    except (FaultPlanError, ScenarioBuildError) as error:
        raise ReplayError(f"{run_directory / PLAN_NAME}: {error}") from None


def deployer_of(run_directory: Path) -> str:
    """What a run was made on, as ``--on`` has it: ``local`` where its journal does not say.

    Raises:
        ReplayError: it is no run directory.
    """
    _plan_record(run_directory / PLAN_NAME)
    journal = run_directory / JOURNAL_NAME
    entries = read_journal(journal) if journal.is_file() else iter(())
    started = next((entry.event for entry in entries if isinstance(entry.event, RunStarted)), None)
    return "local" if started is None else started.deployer


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


class _StoredFault(FaultSection):
    """A fault as ``plan.json`` has it."""

    number: int
    origin: str
    path: str
    inject_at: float
    heal_at: float


def _stored_faults(record: dict[str, Any], seed: int | None) -> FaultPlan | None:
    """None where they are to be planned anew.

    Raises:
        FaultPlanError: they are not what a run writes.
    """
    if seed is not None and seed != record.get("seed"):
        return None
    stored = record.get("faults", [])
    try:
        TypeAdapter(list[_StoredFault]).validate_python(stored)
    except ValidationError as error:
        (first, *_) = error.errors(include_url=False)
        unknown = first["type"] == "extra_forbidden"
        problem = "unknown field" if unknown else first["msg"].replace("Input should be", "expected")
        raise FaultPlanError(("faults", *first["loc"]), problem) from None
    try:
        return FaultPlan.from_json(stored)
    except ValueError as error:
        raise FaultPlanError(("faults",), str(error)) from None
