"""A scenario from a YAML file: the same calls on the same builder, with errors that cite file, line and field."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from nomos_testing.scenario.builder import ScenarioBuilder
from nomos_testing.scenario.errors import FileProblem, ScenarioBuildError, ScenarioFileError
from nomos_testing.scenario.file.build_expectations import expectation_step
from nomos_testing.scenario.file.build_faults import entry_of, moment
from nomos_testing.scenario.file.fault_schema import FaultEntrySection
from nomos_testing.scenario.file.schema import (
    NAME_PATTERN,
    DurationSection,
    ExpectationSection,
    ScenarioFile,
    WalletSection,
    WorkloadSection,
)
from nomos_testing.scenario.file.yaml_with_lines import FieldPath, LocatedDocument, read_located
from nomos_testing.scenario.scenario import Scenario
from nomos_testing.settings import Settings


def load_scenario(path: Path, settings: Settings | None = None, *, seed: int | None = None) -> Scenario:
    """Read and build a scenario file; a ``seed`` given here wins over the file's.

    Raises:
        ScenarioFileError: unreadable, malformed, against the schema, or parts that do not fit together.
    """
    return parse_scenario(_read(path), str(path), settings, seed=seed)


def load_builder(path: Path, settings: Settings | None = None, *, seed: int | None = None) -> ScenarioBuilder:
    """The same, up to the builder: for who has something to add, or a plan of faults already."""
    return _builder(_document(_read(path), str(path)), settings, seed)


def parse_scenario(text: str, source: str, settings: Settings | None = None, *, seed: int | None = None) -> Scenario:
    """Build a scenario from YAML text; ``source`` names it in errors."""
    document = _document(text, source)
    builder = _builder(document, settings, seed)
    with _located(document, ("workloads",)):
        return builder.build()


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise ScenarioFileError([FileProblem(str(path), 1, "", f"cannot be read: {reason}")]) from None


def _document(text: str, source: str) -> LocatedDocument:
    document = read_located(text, source)
    if not isinstance(document.data, dict):
        raise ScenarioFileError([FileProblem(source, 1, "", "expected a mapping with at least `run_for`")])
    return document


def _builder(document: LocatedDocument, settings: Settings | None, seed: int | None) -> ScenarioBuilder:
    file = _validated(document)
    with _located(document, ("topology",)):
        builder = ScenarioBuilder.topology(
            validators=file.topology.validators,
            executors=file.topology.executors,
            layout=file.topology.layout,
            data_availability=file.topology.data_availability,
            sampling_delay=file.topology.sampling_delay,
        )
    builder = builder.with_settings(settings or Settings())
    for path, step in _steps(file, document, settings or Settings()):
        with _located(document, path):
            builder = step(builder)
    return builder if seed is None else builder.seed(seed)


@contextmanager
def _located(document: LocatedDocument, path: FieldPath) -> Iterator[None]:
    """What the builder refuses is a problem of the field that asked for it."""
    try:
        yield
    except ScenarioBuildError as error:
        exact = path if error.path is None else error.path
        problem = FileProblem(document.source, document.line_of(exact), _dotted(exact), error.reason)
        raise ScenarioFileError([problem]) from None


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
    return str(item["msg"]).replace("Input should be", "expected") + shown


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


Step = Callable[[ScenarioBuilder], ScenarioBuilder]


def _steps(file: ScenarioFile, document: LocatedDocument, settings: Settings) -> Iterator[tuple[FieldPath, Step]]:
    """The builder calls that the file stands for, each with the field it comes from."""
    name = _file_stem(document.source) if file.name is None else file.name
    if name is not None:
        yield ("name",), partial(ScenarioBuilder.named, name=name)
    yield ("slot",), _slot_step(file, settings)
    if file.wallets is not None:
        yield ("wallets",), _wallet_step(file.wallets)
    if file.seed is not None:
        yield ("seed",), partial(ScenarioBuilder.seed, seed=file.seed)
    if file.node_control:
        yield ("node_control",), ScenarioBuilder.enable_node_control
    if file.network_control:
        yield ("network_control",), ScenarioBuilder.enable_network_control
    for index, workload in enumerate(file.workloads):
        _require_one_key(workload, ("workloads", index), document)
        yield ("workloads", index), _workload_step(workload)
    for index, entry in enumerate(file.faults):
        yield ("faults", index), _fault_step(entry, ("faults", index), document)
    for index, expectation in enumerate(file.expectations):
        _require_one_key(expectation, ("expectations", index), document)
        yield ("expectations", index), _expectation_step(expectation, ("expectations", index), document)
    yield ("run_for",), _duration_step(file.run_for, document)


def _file_stem(source: str) -> str | None:
    """The file's name without its ending; None where that cannot be a scenario's name."""
    stem = Path(source).stem
    return stem if re.fullmatch(NAME_PATTERN, stem) else None


def _slot_step(file: ScenarioFile, settings: Settings) -> Step:
    if file.slot is None:
        return partial(
            ScenarioBuilder.slot, seconds=settings.slot_seconds, active_slot_coeff=settings.active_slot_coeff
        )
    return partial(ScenarioBuilder.slot, seconds=file.slot.seconds, active_slot_coeff=file.slot.active_slot_coeff)


def _wallet_step(wallets: int | WalletSection) -> Step:
    if isinstance(wallets, int):
        return partial(ScenarioBuilder.wallets, users=wallets)
    if wallets.total is None:
        return partial(ScenarioBuilder.wallets, users=wallets.users)
    return partial(ScenarioBuilder.initialize_wallet, total=wallets.total, users=wallets.users)


def _workload_step(section: WorkloadSection) -> Step:
    if section.restarts is not None:
        restarts = section.restarts
        return partial(
            ScenarioBuilder.restarts,
            min_delay=moment(restarts.min_delay),
            max_delay=moment(restarts.max_delay),
            cooldown=moment(restarts.cooldown),
            include_validators=restarts.include_validators,
            include_executors=restarts.include_executors,
        )
    if section.data_availability is not None:
        return partial(ScenarioBuilder.data_availability, **section.data_availability.model_dump())
    assert section.transactions is not None, "the only key left"
    return partial(ScenarioBuilder.transactions, **section.transactions.model_dump())


def _fault_step(section: FaultEntrySection, path: FieldPath, document: LocatedDocument) -> Step:
    def refuse(field: FieldPath, problem: str) -> None:
        where = (*path, *field)
        raise ScenarioFileError([FileProblem(document.source, document.line_of(where), _dotted(where), problem)])

    entry = entry_of(section, refuse)
    return lambda builder: builder.faults(entry)


def _expectation_step(section: ExpectationSection, path: FieldPath, document: LocatedDocument) -> Step:
    for name in ("always", "eventually", "sometimes"):
        watch = getattr(section, name)
        if watch is not None:
            _require_one_key(watch.condition, (*path, name, "condition"), document)
    return expectation_step(section)


def _duration_step(run_for: float | DurationSection, document: LocatedDocument) -> Step:
    if not isinstance(run_for, DurationSection):
        return partial(ScenarioBuilder.run_for, seconds=run_for)
    _require_one_key(run_for, ("run_for",), document)
    return partial(ScenarioBuilder.run_for, seconds=run_for.seconds, slots=run_for.slots)


def _require_one_key(section: Any, path: FieldPath, document: LocatedDocument) -> None:
    given = [name for name in type(section).model_fields if getattr(section, name) is not None]
    if len(given) != 1:
        known = ", ".join(type(section).model_fields)
        problem = f"expected exactly one of {known}; got {', '.join(given) or 'none'}"
        raise ScenarioFileError([FileProblem(document.source, document.line_of(path), _dotted(path), problem)])
