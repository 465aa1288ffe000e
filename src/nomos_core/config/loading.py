"""Reading a node's configuration from YAML or JSON, and writing it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any, Literal, TypeVar, overload

from nomos_core.config.codecs import Reading, key_text
from nomos_core.config.document import DocumentError, Mapping, Mark, Node, Scalar, Sequence, parse_document
from nomos_core.config.errors import ConfigError, UnknownKey, UnknownKeysError
from nomos_core.config.field_errors import InvalidField
from nomos_core.config.node import ExecutorConfig, Kind, NodeConfig, ValidatorConfig
from nomos_core.config.structs import StructCodec
from nomos_core.config.writing import Plain, dump, to_json

T = TypeVar("T")


@overload
def load_config(text: str, *, source: str, kind: Literal["validator"]) -> ValidatorConfig: ...
@overload
def load_config(text: str, *, source: str, kind: Literal["executor"]) -> ExecutorConfig: ...
@overload
def load_config(text: str, *, source: str, kind: Kind) -> ValidatorConfig | ExecutorConfig: ...
def load_config(text: str, *, source: str, kind: Kind) -> ValidatorConfig | ExecutorConfig:
    """Read a node's configuration from YAML. ``source`` names the file in errors.

    Keys that no node reads are returned in ``unknown_keys``. The caller decides about them (``refuse_unknown_keys``).

    Raises:
        ConfigError: malformed YAML, or a value that is missing, of the wrong type or refused.
    """
    return _read_node_config(text, source=source, kind=kind, reading=Reading())


def load_config_json(text: str, *, source: str, kind: Kind) -> ValidatorConfig | ExecutorConfig:
    """Read a node's configuration from JSON, the form in which cfgsync sends it.

    It is otherwise like ``load_config``.

    Raises:
        ConfigError: malformed JSON, or a value that is missing, of the wrong type or refused.
    """
    return _read_node_config(text, source=source, kind=kind, reading=Reading(enums_as_maps=True))


def _read_node_config(text: str, *, source: str, kind: Kind, reading: Reading) -> ValidatorConfig | ExecutorConfig:
    config: ValidatorConfig | ExecutorConfig
    config, unknown = _read(text, _codec(kind), source=source, reading=reading)
    return replace(config, unknown_keys=unknown) if unknown else config


def load_document(text: str, kind: type[T], *, source: str) -> T:
    """Read a YAML document whose schema is a dataclass (see ``structs``).

    Raises:
        ConfigError: malformed YAML, or a value that is missing, of the wrong type or refused.
        UnknownKeysError: a key that the schema does not have.
    """
    value, unknown = _read(text, StructCodec(kind), source=source, reading=Reading())
    if unknown:
        raise UnknownKeysError(unknown, source=source)
    return value


def _read(text: str, codec: StructCodec[T], *, source: str, reading: Reading) -> tuple[T, tuple[UnknownKey, ...]]:
    try:
        root = parse_document(text)
        value = codec.read(root, reading)
    except DocumentError as error:
        place = _place(error.mark)
        raise ConfigError(str(error), source=source, **place, advice="correct the YAML there") from None
    except InvalidField as field_error:
        place = _place(field_error.field_mark)
        raise ConfigError(
            _summary(field_error), source=source, **place, field=field_error.field_path, advice=field_error.advice
        ) from None
    return value, tuple(_unknown_keys(root, reading.unknown)) if root is not None and reading.unknown else ()


def refuse_unknown_keys(config: NodeConfig, *, source: str) -> None:
    """Refuse a configuration with keys that no node reads.

    Raises:
        UnknownKeysError: the file had keys that no node reads.
    """
    if config.unknown_keys:
        raise UnknownKeysError(config.unknown_keys, source=source)


def dump_config(config: NodeConfig) -> str:
    """Return YAML that the real node takes, and that ``load_config`` reads back as an equal configuration."""
    return dump(_plain(_codec(config.kind), config))


def config_to_json(config: NodeConfig) -> dict[str, Any]:
    """Return the configuration as JSON values, which ``load_config_json`` reads back."""
    plain: dict[str, Any] = to_json(_codec(config.kind).write(config))
    return plain


def dump_document(value: Any) -> str:
    """Return YAML that ``load_document`` reads back as an equal value."""
    return dump(_plain(StructCodec(type(value)), value))


def _plain(codec: StructCodec[Any], value: Any) -> dict[str, Plain]:
    plain = codec.write(value)
    assert isinstance(plain, dict)
    return plain


def with_setting(config: T, path: str, value: Any) -> T:
    """Return a copy with one setting changed: ``with_setting(config, "network.backend.swarm.port", 3000)``.

    Raises:
        AttributeError: no such setting.
    """
    name, _, rest = path.partition(".")
    inner = getattr(config, name)
    changed = with_setting(inner, rest, value) if rest else value
    return replace(config, **{name: changed})  # type: ignore[type-var]


@cache
def _codec(kind: Kind) -> StructCodec[Any]:
    return StructCodec(ValidatorConfig) if kind == "validator" else StructCodec(ExecutorConfig)


def _summary(field_error: InvalidField) -> str:
    prefix = f"{field_error.path}: " if field_error.path else ""
    place = f" at line {field_error.mark.line + 1} column {field_error.mark.column + 1}" if field_error.mark else ""
    return f"{prefix}{field_error.message}{place}"


def _place(mark: Mark | None) -> dict[str, Any]:
    return {} if mark is None else {"line": mark.line + 1, "column": mark.column + 1}


def _unknown_keys(root: Node, keys: list[Node]) -> Iterator[UnknownKey]:
    """Yield the place of these keys in the document: ``network.backend.swarm.extra``."""
    wanted = {id(key) for key in keys}

    def search(node: Node, path: str) -> Iterator[UnknownKey]:
        if isinstance(node, Mapping):
            for key, value in node.entries:
                inner = f"{path}.{key_text(key)}".removeprefix(".")
                if id(key) in wanted:
                    yield UnknownKey(inner, key.mark.line + 1)
                elif not isinstance(value, Scalar):
                    yield from search(value, inner)
        elif isinstance(node, Sequence):
            for index, item in enumerate(node.entries):
                if not isinstance(item, Scalar):
                    yield from search(item, f"{path}.{index}")

    return search(root, "")
