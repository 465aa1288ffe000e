"""The golden vectors, and the record of which of their leaves a test has compared.

``entries(file, section)`` gives one ``Golden`` per item; navigation marks nothing, ``.value`` marks the whole
subtree as read. ``test_zz_completeness_vectors`` fails when a leaf of a file was read by no test, so that a vector
can't be forgotten.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

VECTORS = Path(os.environ.get("NOMOS_VECTORS_DIR") or Path(__file__).parents[2] / "vectors")
_DESCRIPTIVE = frozenset({"about", "node_revision", "name"})

LeafPath = tuple[str | int, ...]


class _Record:
    def __init__(self) -> None:
        self.read: set[LeafPath] = set()
        self.excused: dict[LeafPath, str] = {}


_records: dict[str, _Record] = {}


def record_of(file: str) -> _Record:
    return _records.setdefault(file, _Record())


class Golden:
    """A place in a golden file."""

    def __init__(self, data: Any, file: str, path: LeafPath = ()) -> None:
        self._data = data
        self._file = file
        self._path = path

    @property
    def value(self) -> Any:
        """The plain value; everything below it counts as read."""
        record_of(self._file).read.add(self._path)
        return self._data

    def not_compared(self, reason: str) -> None:
        """Excuse a subtree that cannot be compared, saying why."""
        assert reason
        record_of(self._file).excused[self._path] = reason

    def get(self, key: str) -> Golden | None:
        return self[key] if key in self else None  # noqa: SIM401 (this is the get)

    def items(self) -> Iterator[tuple[str, Golden]]:
        return ((key, self[key]) for key in self._data)

    def __getitem__(self, key: str | int) -> Golden:
        return Golden(self._data[key], self._file, (*self._path, key))

    def __contains__(self, key: str) -> bool:
        return isinstance(self._data, dict) and key in self._data

    def __iter__(self) -> Iterator[Golden]:
        assert isinstance(self._data, list), f"{self!r} is no list"
        return (self[index] for index in range(len(self._data)))

    def __len__(self) -> int:
        return len(self._data)

    def __repr__(self) -> str:
        name = self._data.get("name") if isinstance(self._data, dict) else None
        return f"{self._file}:{'.'.join(map(str, self._path))}" + (f"({name})" if isinstance(name, str) else "")

    __str__ = __repr__


@cache
def _parsed(file: str) -> Any:
    return json.loads((VECTORS / file).read_text())


def load(file: str) -> Golden:
    return Golden(_parsed(file), file)


def entries(file: str, section: str) -> list[Any]:
    """One ``pytest.param`` per item of a section, with an id that says where it stands."""
    import pytest

    items = load(file)[section]
    places = items if isinstance(items._data, list) else (item for _, item in items.items())
    return [pytest.param(place, id=repr(place).partition(":")[2]) for place in places]


def golden_path(file: str) -> Path:
    """The path of a golden file that is no JSON; it counts as read."""
    record_of(file).read.add(())
    return VECTORS / file


def all_files() -> list[str]:
    return sorted(str(path.relative_to(VECTORS)) for path in VECTORS.rglob("*") if path.suffix in {".json", ".yaml"})


def unread_leaves(file: str) -> list[str]:
    """The leaves of a golden file that no test has read or excused."""
    if not file.endswith(".json"):
        return [] if record_of(file).read else [file]
    record = record_of(file)
    return [".".join(map(str, path)) for path in _unread(_parsed(file), (), record.read | record.excused.keys())]


def _unread(data: Any, path: LeafPath, covered: set[LeafPath]) -> Iterator[LeafPath]:
    if path in covered:
        return
    if isinstance(data, dict) and data:
        for key, item in data.items():
            if key not in _DESCRIPTIVE or isinstance(item, dict | list):
                yield from _unread(item, (*path, key), covered)
    elif isinstance(data, list) and data:
        for index, item in enumerate(data):
            yield from _unread(item, (*path, index), covered)
    else:
        yield path
