"""A scenario from a YAML file: the same calls on the same builder, with errors that cite file, line and field."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from nomos_testing.scenario.builder import ScenarioBuilder
from nomos_testing.scenario.errors import FileProblem, ScenarioBuildError, ScenarioFileError
from nomos_testing.scenario.file import DurationSection, ScenarioFile, WalletSection
from nomos_testing.scenario.located_yaml import FieldPath, LocatedDocument, read_located
from nomos_testing.scenario.scenario import Scenario
from nomos_testing.settings import Settings


def load_scenario(path: Path, settings: Settings | None = None) -> Scenario:
    """Read and build a scenario file.

    Raises:
        ScenarioFileError: unreadable, malformed, against the schema, or parts that do not fit together.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise ScenarioFileError([FileProblem(str(path), 1, "", f"cannot be read: {reason}")]) from None
    return parse_scenario(text, str(path), settings)


def parse_scenario(text: str, source: str, settings: Settings | None = None) -> Scenario:
    """Build a scenario from YAML text; ``source`` names it in errors."""
    document = read_located(text, source)
    if not isinstance(document.data, dict):
        raise ScenarioFileError([FileProblem(source, 1, "", "expected a mapping with at least `run_for`")])
    file = _validated(document)
    try:
        return _builder(file, document, settings or Settings()).build()
    except ScenarioBuildError as error:
        raise ScenarioFileError([FileProblem(source, 1, "", str(error))]) from None


def _validated(document: LocatedDocument) -> ScenarioFile:
    try:
        return ScenarioFile.model_validate(document.data)
    except ValidationError as error:
        raise ScenarioFileError(list(_problems(error, document))) from None


def _problems(error: ValidationError, document: LocatedDocument) -> Iterator[FileProblem]:
    reported: set[FieldPath] = set()
    for item in error.errors(include_url=False):
        path = _field_path(item["loc"], document)
        if path not in reported:
            reported.add(path)
            yield FileProblem(document.source, document.line_of(path), _dotted(path), _message(item, document, path))


def _field_path(location: tuple[int | str, ...], document: LocatedDocument) -> FieldPath:
    # pydantic puts the name of the union's member it tried into the location; a user knows only the file's own fields.
    path: FieldPath = ()
    for position, part in enumerate(location):
        if (*path, part) in document.lines or (position == len(location) - 1 and not _names_a_type(part)):
            path = (*path, part)
    return path


def _names_a_type(part: int | str) -> bool:
    return isinstance(part, str) and (
        "-" in part or "[" in part or part[:1].isupper() or part in {"int", "float", "str"}
    )


def _dotted(path: FieldPath) -> str:
    return ".".join(map(str, path))


def _message(item: Any, document: LocatedDocument, path: FieldPath) -> str:
    match item["type"]:
        case "extra_forbidden":
            return f"unknown field; {_known_fields(path)}"
        case "missing":
            return "is missing"
    given = item["input"]
    shown = f" (got {given!r})" if isinstance(given, str | int | float | bool | None) else ""
    return str(item["msg"]).replace("Input should be", "expected").replace("expected expected", "expected") + shown


def _known_fields(path: FieldPath) -> str:
    section: Any = ScenarioFile
    for part in path[:-1]:
        section = _section_at(section, part)
        if section is None:
            return "see the scenario schema"
    return "known here: " + ", ".join(section.model_fields)


def _section_at(section: Any, part: str | int) -> Any:
    if isinstance(part, int):
        return section
    field = section.model_fields.get(part)
    return _model_in(field.annotation) if field is not None else None


def _model_in(annotation: Any) -> Any:
    if hasattr(annotation, "model_fields"):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        model = _model_in(argument)
        if model is not None:
            return model
    return None


def _builder(file: ScenarioFile, document: LocatedDocument, settings: Settings) -> ScenarioBuilder:
    topology = file.topology
    builder = ScenarioBuilder.topology(
        validators=topology.validators, executors=topology.executors, layout=topology.layout
    ).named(file.name)
    builder = (
        builder.slot(seconds=file.slot.seconds, active_slot_coeff=file.slot.active_slot_coeff)
        if file.slot is not None
        else builder.slot(seconds=settings.slot_seconds, active_slot_coeff=settings.active_slot_coeff)
    )
    builder = _with_wallets(builder, file)
    if file.seed is not None:
        builder = builder.seed(file.seed)
    if file.node_control:
        builder = builder.enable_node_control()
    builder = _with_workloads(builder, file, document)
    builder = _with_expectations(builder, file, document)
    return _with_duration(builder, file, document)


def _with_wallets(builder: ScenarioBuilder, file: ScenarioFile) -> ScenarioBuilder:
    match file.wallets:
        case None:
            return builder
        case WalletSection(users=users, total=int(total)):
            return builder.initialize_wallet(total=total, users=users)
        case WalletSection(users=users):
            return builder.wallets(users)
        case users:
            return builder.wallets(users)


def _with_workloads(builder: ScenarioBuilder, file: ScenarioFile, document: LocatedDocument) -> ScenarioBuilder:
    for index, section in enumerate(file.workloads):
        _require_one_key(section, ("workloads", index), document)
        if section.transactions is not None:
            builder = builder.transactions(rate=section.transactions.rate, users=section.transactions.users)
    return builder


def _with_expectations(builder: ScenarioBuilder, file: ScenarioFile, document: LocatedDocument) -> ScenarioBuilder:
    for index, section in enumerate(file.expectations):
        _require_one_key(section, ("expectations", index), document)
        if section.consensus_liveness is not None:
            builder = builder.expect_consensus_liveness(lag_allowance=section.consensus_liveness.lag_allowance)
    return builder


def _with_duration(builder: ScenarioBuilder, file: ScenarioFile, document: LocatedDocument) -> ScenarioBuilder:
    if not isinstance(file.run_for, DurationSection):
        return builder.run_for(seconds=file.run_for)
    _require_one_key(file.run_for, ("run_for",), document)
    if file.run_for.slots is not None:
        return builder.run_for(slots=file.run_for.slots)
    return builder.run_for(seconds=file.run_for.seconds)


def _require_one_key(section: Any, path: FieldPath, document: LocatedDocument) -> None:
    given = [name for name in type(section).model_fields if getattr(section, name) is not None]
    if len(given) != 1:
        known = ", ".join(type(section).model_fields)
        problem = f"expected exactly one of {known}; got {', '.join(given) or 'none'}"
        raise ScenarioFileError([FileProblem(document.source, document.line_of(path), _dotted(path), problem)])
