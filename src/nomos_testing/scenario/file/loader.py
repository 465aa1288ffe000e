"""Builds a scenario from a YAML file: the same calls on the same builder. Errors cite file, line and field."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from nomos_testing.registry import Kind
from nomos_testing.scenario.builder import ScenarioBuilder
from nomos_testing.scenario.errors import FileProblem, ScenarioBuildError, ScenarioFileError
from nomos_testing.scenario.file.build_faults import EntryBuilder
from nomos_testing.scenario.file.fault_schema import FaultEntrySection
from nomos_testing.scenario.file.schema import (
    NAME_PATTERN,
    DurationSection,
    K8sSection,
    ScenarioFile,
    WalletSection,
    file_model,
)
from nomos_testing.scenario.file.yaml_with_lines import FieldPath, LocatedDocument, read_located
from nomos_testing.scenario.plugins import PluginError
from nomos_testing.scenario.scenario import Scenario
from nomos_testing.scenario.vocabulary import Vocabulary, installed_vocabulary, with_plugin
from nomos_testing.sections import problem_of
from nomos_testing.settings import Settings


def load_scenario(path: Path, settings: Settings | None = None, *, seed: int | None = None) -> Scenario:
    """Read and build a scenario file. A ``seed`` given here wins over the file's.

    Raises:
        ScenarioFileError: unreadable, malformed, against the schema, or parts that do not fit together.
    """
    return parse_scenario(_read(path), str(path), settings, seed=seed)


def load_builder(path: Path, settings: Settings | None = None, *, seed: int | None = None) -> ScenarioBuilder:
    """Read a scenario file, and stop before ``build``: for callers that add something, or have a plan of faults.

    Raises:
        ScenarioFileError: as ``load_scenario``.
    """
    return _builder(_document(_read(path), str(path)), settings, seed)


def parse_scenario(text: str, source: str, settings: Settings | None = None, *, seed: int | None = None) -> Scenario:
    """Build a scenario from YAML text. ``source`` is the file in errors, and plugins are looked for in its folder.

    Raises:
        ScenarioFileError: as ``load_scenario``.
    """
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
    vocabulary = _vocabulary(document)
    file = _validated(document, vocabulary)
    with _located(document, ("topology",)):
        builder = ScenarioBuilder.topology(
            validators=file.topology.validators,
            executors=file.topology.executors,
            layout=file.topology.layout,
            data_availability=file.topology.data_availability,
            sampling_delay=file.topology.sampling_delay,
        )
    builder = builder.with_settings(settings or Settings()).with_vocabulary(vocabulary)
    for path, step in _steps(file, document, settings or Settings()):
        with _located(document, path):
            builder = step(builder)
    return builder if seed is None else builder.seed(seed)


@contextmanager
def _located(document: LocatedDocument, path: FieldPath) -> Iterator[None]:
    """Turn what the builder refuses into a problem of the field that asked for it."""
    try:
        yield
    except ScenarioBuildError as error:
        raise _refusal(document, error.path or error.part or path, error.reason) from None


def _refusal(document: LocatedDocument, path: FieldPath, message: str) -> ScenarioFileError:
    return ScenarioFileError([FileProblem(document.source, document.line_of(path), _dotted(path), message)])


def _vocabulary(document: LocatedDocument) -> Vocabulary:
    """Return the words that the file knows. An installed plugin that is broken only matters to files that use it."""
    vocabulary = installed_vocabulary()
    named = document.data.get("plugins")
    for index, name in enumerate(named if isinstance(named, list) else ()):
        if isinstance(name, str):
            try:
                vocabulary = with_plugin(vocabulary, Path(document.source).parent / name)
            except PluginError as error:
                raise _refusal(document, ("plugins", index), str(error)) from error
    for kind, word, path in _used_words(document.data):
        problem = vocabulary.unusable.get((kind, word))
        if problem is not None:
            raise _refusal(document, path, problem)
    return vocabulary


def _used_words(data: Any) -> Iterator[tuple[Kind, str, FieldPath]]:
    """Walk over the keys where words stand, in a document that nothing has checked yet."""
    for kind in Kind:
        for index, entry in _items(data.get(kind)):
            yield from ((kind, word, (kind.value, index, word)) for word in entry)
            randomly = entry.get("randomly") if kind is Kind.FAULT else None
            for place, drawn in _items(randomly.get("of") if isinstance(randomly, dict) else None):
                yield from ((kind, word, (kind.value, index, "randomly", "of", place, word)) for word in drawn)


def _items(value: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    return (
        (index, item) for index, item in enumerate(value if isinstance(value, list) else ()) if isinstance(item, dict)
    )


def _validated(document: LocatedDocument, vocabulary: Vocabulary) -> ScenarioFile:
    model = file_model(vocabulary)
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        raise ScenarioFileError(list(_problems(error, document, model))) from None


def _problems(error: ValidationError, document: LocatedDocument, model: type[ScenarioFile]) -> Iterator[FileProblem]:
    reported: set[FieldPath] = set()
    for item in error.errors(include_url=False):
        path = _field_path(item["loc"], document)
        if path not in reported:
            reported.add(path)
            yield FileProblem(document.source, document.line_of(path), _dotted(path), _message(item, path, model))


def _field_path(location: tuple[int | str, ...], document: LocatedDocument) -> FieldPath:
    # pydantic puts the name of the union's member it tried into the location. A user knows only the fields of the file.
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


def _message(item: Any, path: FieldPath, model: type[ScenarioFile]) -> str:
    known = f"; {_known_fields(path, model)}" if item["type"] == "extra_forbidden" else ""
    return problem_of(item) + known


def _known_fields(path: FieldPath, model: type[ScenarioFile]) -> str:
    section: Any = model
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
    """Return the builder calls that the file stands for, each with the field it comes from."""
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
    yield ("k8s",), _k8s_step(file.k8s)
    for index, workload in enumerate(file.workloads):
        yield ("workloads", index), partial(ScenarioBuilder.with_workload, workload=workload.given()[1])
    for index, entry in enumerate(file.faults):
        yield ("faults", index), _fault_step(entry, ("faults", index), document)
    for index, expectation in enumerate(file.expectations):
        yield ("expectations", index), partial(ScenarioBuilder.with_expectation, expectation=expectation.given()[1])
    yield ("run_for",), _duration_step(file.run_for, document)


def _file_stem(source: str) -> str | None:
    """Return the file's name without its ending; None where that cannot be a scenario's name."""
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


def _k8s_step(section: K8sSection) -> Step:
    def texts(quantities: Mapping[str, str | int | float]) -> dict[str, str]:
        return {resource: str(quantity) for resource, quantity in quantities.items()}

    return partial(
        ScenarioBuilder.k8s,
        requests=texts(section.resources.requests),
        limits=texts(section.resources.limits),
        node_selector=section.node_selector,
        spread=section.spread,
    )


def _fault_step(section: FaultEntrySection, path: FieldPath, document: LocatedDocument) -> Step:
    def refuse(field: FieldPath, problem: str) -> None:
        raise _refusal(document, (*path, *field), problem)

    def step(builder: ScenarioBuilder) -> ScenarioBuilder:
        return builder.faults(EntryBuilder(builder.vocabulary.of(Kind.FAULT), refuse).entry(section))

    return step


def _duration_step(run_for: float | DurationSection, document: LocatedDocument) -> Step:
    if not isinstance(run_for, DurationSection):
        return partial(ScenarioBuilder.run_for, seconds=run_for)
    # DurationSection is no OneOf: pydantic would first tell of the other member of the union, the number.
    given = [name for name in ("seconds", "slots") if getattr(run_for, name) is not None]
    if len(given) != 1:
        problem = f"expected exactly one of seconds, slots; got {', '.join(given) or 'none'}"
        raise _refusal(document, ("run_for",), problem)
    return partial(ScenarioBuilder.run_for, seconds=run_for.seconds, slots=run_for.slots)
