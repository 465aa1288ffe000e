"""Reads a scenario from the directory of a run: the same keys, workloads and planned faults."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError, create_model

from nomos_testing.faults.errors import FaultPlanError
from nomos_testing.faults.plan import FaultPlan
from nomos_testing.journal.events import RunStarted
from nomos_testing.journal.journal import JOURNAL_NAME, read_journal
from nomos_testing.registry import Kind
from nomos_testing.runtime.run_directory import PLAN_NAME, SCENARIO_NAME
from nomos_testing.scenario.errors import ScenarioBuildError, ScenarioError
from nomos_testing.scenario.file.loader import load_builder
from nomos_testing.scenario.plugins import package_words
from nomos_testing.scenario.scenario import Scenario
from nomos_testing.scenario.vocabulary import Vocabulary
from nomos_testing.sections import Section, problem_of
from nomos_testing.settings import Settings


class ReplayError(ScenarioError):
    """A run that cannot be repeated from its directory."""


def load_replay(run_directory: Path, settings: Settings | None = None, *, seed: int | None = None) -> Scenario:
    """Read the scenario of a run. With another ``seed``, keys and faults are made anew.

    The stored plan of faults may have been edited: it is checked like one that was made here.

    Raises:
        ReplayError: it is no run directory, the scenario is Python that no file can say, or a plugin is missing.
        ScenarioError: what is stored does not build.
    """
    record = _plan_record(run_directory / PLAN_NAME)
    file = run_directory / SCENARIO_NAME
    if not file.is_file():
        reason = record.get("replay_obstacle") or f"{SCENARIO_NAME} is missing"
        raise ReplayError(
            f"{run_directory} cannot be replayed: {reason}; "
            f"run the program that built the scenario again, with seed {record.get('seed')}"
        )
    notes = list(_plugin_notes(run_directory, record))
    builder = load_builder(file, settings, seed=seed)
    for note in notes:
        builder = builder.note(note)
    try:
        return builder.build(faults=_stored_faults(record, seed, builder.vocabulary))
    except (FaultPlanError, ScenarioBuildError) as error:
        raise ReplayError(f"{run_directory / PLAN_NAME}: {error}") from None


def _plugin_notes(run_directory: Path, record: dict[str, Any]) -> Iterator[str]:
    """Walk over the changes of the plugins since the run.

    Raises:
        ReplayError: a plugin is missing.
    """
    path = run_directory / PLAN_NAME
    for plugin in _records(path, record, "plugins", ("file", "copied_from", "sha256")):
        copy = run_directory / plugin["file"]
        if not copy.is_file():
            raise ReplayError(
                f"{run_directory} cannot be replayed: its plugin {plugin['file']} is missing; "
                f"it was copied from {plugin['copied_from']} (SHA-256 {plugin['sha256']})"
            )
        if sha256(copy.read_bytes()).hexdigest() != plugin["sha256"]:
            yield f"{copy} was changed after the run; the replay uses it as it is now"
    for used in _records(path, record, "packages", ("kind", "word", "package", "version")):
        there = [entry for entry in package_words() if (entry.kind, entry.name) == (used["kind"], used["word"])]
        known = f"the word {used['word']!r} ({used['kind']}) of the package {used['package']} {used['version']}"
        if not there:
            raise ReplayError(
                f"{run_directory} cannot be replayed: it uses {known}, which is not installed; "
                f"install {used['package']}=={used['version']}"
            )
        if all((entry.package, entry.version) != (used["package"], used["version"]) for entry in there):
            found = ", ".join(f"{entry.package} {entry.version}" for entry in there)
            yield f"the run used {known}; the replay uses {found}"


def _records(path: Path, record: dict[str, Any], key: str, fields: Sequence[str]) -> Iterator[dict[str, str]]:
    """Read a list of ``plan.json``. Runs of earlier versions have no such list."""
    for index, item in enumerate(record.get(key) or ()):
        if not isinstance(item, dict) or not all(isinstance(item.get(field), str) for field in fields):
            raise ReplayError(f"{path}: {key}.{index}: expected an object with the texts {', '.join(fields)}")
        yield item


def deployer_of(run_directory: Path) -> str:
    """Return the deployer of a run, as ``--on`` has it. It is ``local`` if the journal does not say.

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


class _StoredFault(Section):
    """The fields of a planned fault in ``plan.json`` beside the fault itself."""

    number: int
    origin: str
    path: str
    inject_at: float
    heal_at: float


def _stored_faults(record: dict[str, Any], seed: int | None, vocabulary: Vocabulary) -> FaultPlan | None:
    """Read the faults that the run has planned; None where they are to be planned anew.

    Raises:
        FaultPlanError: they are not what a run writes.
    """
    if seed is not None and seed != record.get("seed"):
        return None
    stored, words = record.get("faults", []), vocabulary.of(Kind.FAULT)
    faults: dict[str, Any] = {name: (word.model | None, None) for name, word in words.items()}
    model = create_model("StoredFault", __base__=_StoredFault, **faults)
    try:
        TypeAdapter(list[model]).validate_python(stored)  # type: ignore[valid-type]
    except ValidationError as error:
        (first, *_) = error.errors(include_url=False)
        raise FaultPlanError(("faults", *first["loc"]), problem_of(first)) from None
    try:
        return FaultPlan.from_json(stored, words)
    except ValueError as error:
        raise FaultPlanError(("faults",), str(error)) from None
