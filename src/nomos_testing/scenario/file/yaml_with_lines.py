"""Reads YAML with the line of every field, so that an error can cite it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import yaml

from nomos_testing.scenario.errors import FileProblem, ScenarioFileError

FieldPath = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class LocatedDocument:
    """Plain data, and the 1-based line on which each of its fields starts."""

    source: str
    data: Any
    lines: dict[FieldPath, int]

    def line_of(self, path: FieldPath) -> int:
        """Return the line of a field, or of the nearest field around it that exists."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def read_located(text: str, source: str) -> LocatedDocument:
    """Parse one YAML document.

    Raises:
        ScenarioFileError: malformed YAML, or a key given twice.
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        lines: dict[FieldPath, int] = {}
        data = _construct(root, (), lines, source) if root is not None else None
    except yaml.MarkedYAMLError as error:
        raise ScenarioFileError([_malformed(error, source)]) from None
    except yaml.YAMLError as error:
        raise ScenarioFileError([FileProblem(source, 1, "", f"not YAML: {error}")]) from None
    return LocatedDocument(source, data, lines)


def _malformed(error: yaml.MarkedYAMLError, source: str) -> FileProblem:
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark else 1
    snippet = mark.get_snippet(indent=2) if mark else None
    message = f"malformed YAML: {error.problem or error.context}"
    return FileProblem(source, line, "", f"{message}\n{snippet}" if snippet else message)


def _construct(node: yaml.Node, path: FieldPath, lines: dict[FieldPath, int], source: str) -> Any:
    lines[path] = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        return _construct_mapping(node, path, lines, source)
    if isinstance(node, yaml.SequenceNode):
        return [_construct(item, (*path, index), lines, source) for index, item in enumerate(node.value)]
    return _scalar(node)


def _construct_mapping(
    node: yaml.MappingNode, path: FieldPath, lines: dict[FieldPath, int], source: str
) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = str(_scalar(key_node))
        line = key_node.start_mark.line + 1
        if key in data:
            raise ScenarioFileError([FileProblem(source, line, ".".join(map(str, path)), f"{key!r} is given twice")])
        data[key] = _construct(value_node, (*path, key), lines, source)
        lines[(*path, key)] = line
    return data


def _scalar(node: yaml.Node) -> Any:
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_object(node, deep=True)
    finally:
        loader.dispose()
