"""A node's YAML file to its typed configuration and back."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any, Literal, TypeVar, overload

from nomos_core.config.document import DocumentError, Mapping, Node, Scalar, Sequence, parse_document
from nomos_core.config.errors import ConfigError, UnknownKeysError
from nomos_core.config.node import ExecutorConfig, Kind, NodeConfig, ValidatorConfig
from nomos_core.config.reading import Misfit, Reading, StructCodec
from nomos_core.config.writing import dump

T = TypeVar("T")


@overload
def load_config(text: str, *, source: str, kind: Literal["validator"]) -> ValidatorConfig: ...
@overload
def load_config(text: str, *, source: str, kind: Literal["executor"]) -> ExecutorConfig: ...
@overload
def load_config(text: str, *, source: str, kind: Kind) -> ValidatorConfig | ExecutorConfig: ...
def load_config(text: str, *, source: str, kind: Kind) -> ValidatorConfig | ExecutorConfig:
    """Read a node's configuration. ``source`` names the file in errors.

    Keys that no node reads end up in the result's ``unknown_keys``; what to do about them is the caller's decision
    (``refuse_unknown_keys``).

    Raises:
        ConfigError: malformed YAML, or a value that is missing, of the wrong type or refused.
    """
    reading = Reading()
    try:
        root = parse_document(text)
        config: ValidatorConfig | ExecutorConfig = _codec(kind).read(root, reading)
    except DocumentError as error:
        raise _config_error(str(error), error.mark, source, "correct the YAML there") from None
    except Misfit as misfit:
        raise _config_error(_summary(misfit), misfit.mark, source, misfit.advice) from None
    if root is None or not reading.unknown:
        return config
    return replace(config, unknown_keys=tuple(_key_paths(root, reading.unknown)))


def refuse_unknown_keys(config: NodeConfig, *, source: str) -> None:
    """
    Raises:
        UnknownKeysError: the file had keys that no node reads.
    """
    if config.unknown_keys:
        raise UnknownKeysError(config.unknown_keys, source=source)


def dump_config(config: NodeConfig) -> str:
    """YAML that the real node takes, and that ``load_config`` reads back as an equal configuration."""
    plain = _codec(config.kind).write(config)
    assert isinstance(plain, dict)
    return dump(plain)


def with_setting(config: T, path: str, value: Any) -> T:
    """A copy with one setting changed: ``with_setting(config, "network.backend.swarm.port", 3000)``.

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


def _summary(misfit: Misfit) -> str:
    prefix = f"{misfit.path}: " if misfit.path else ""
    place = f" at line {misfit.mark.line + 1} column {misfit.mark.column + 1}" if misfit.mark else ""
    return f"{prefix}{misfit.message}{place}"


def _config_error(summary: str, mark: Any, source: str, advice: str) -> ConfigError:
    if mark is None:
        return ConfigError(summary, source=source, advice=advice)
    return ConfigError(summary, source=source, line=mark.line + 1, column=mark.column + 1, advice=advice)


def _key_paths(root: Node, keys: list[Node]) -> list[str]:
    """Where in the document these keys stand, ``network.backend.swarm.extra``."""
    wanted = {id(key) for key in keys}
    found: list[str] = []

    def search(node: Node, path: str) -> None:
        if isinstance(node, Mapping):
            for key, value in node.entries:
                inner = f"{path}.{key.text if isinstance(key, Scalar) else '?'}".removeprefix(".")
                if id(key) in wanted:
                    found.append(inner)
                else:
                    search(value, inner)
        elif isinstance(node, Sequence):
            for index, value in enumerate(node.entries):
                search(value, f"{path}.{index}")

    search(root, "")
    return found
