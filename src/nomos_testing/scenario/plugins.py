"""Plugins: words that a scenario file knows beside the built-in ones.

A plugin is a Python file that a scenario file names, or an entry point of an installed package in the group
``nomos_testing.workloads``, ``nomos_testing.expectations`` or ``nomos_testing.faults``.
"""

from __future__ import annotations

import re
import sys
import traceback
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from importlib import metadata
from importlib.metadata import EntryPoint, entry_points
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Final

from nomos_testing.registry import Kind, Word, word_of

SUFFIX: Final = ".py"


class PluginError(ValueError):
    """A plugin that cannot be used. The text begins with the file and the line where one is to blame."""


@dataclass(frozen=True, slots=True)
class PluginFile:
    """A Python file with words. It can import installed packages, and nothing from its own folder."""

    path: Path
    """Absolute."""
    content: bytes = field(repr=False)
    """As it was imported."""
    words: tuple[Word, ...] = field(compare=False)
    """In the order of their names in the file."""
    module: str = field(compare=False)
    """The name of the module, which files with the same content share."""

    def place_of(self, word: Word) -> str:
        """Return the file and the line where the word is defined."""
        return f"{self.path}:{word.line}" if word.defined_by.__module__ == self.module else word.place

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def sha256(self) -> str:
        return sha256(self.content).hexdigest()

    def __str__(self) -> str:
        return str(self.path)


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageWord:
    """An entry point of an installed package."""

    kind: Kind
    name: str
    """The entry point's name, which is the word."""
    package: str
    version: str
    word: Word | None = None
    """None where the entry point cannot be used."""
    problem: str = ""
    """The reason why it cannot be used."""

    def __str__(self) -> str:
        return f"the entry point {self.name!r} ({group_of(self.kind)}) of the package {self.package} {self.version}"


def group_of(kind: Kind) -> str:
    """Return the group of entry points for a vocabulary."""
    return f"nomos_testing.{kind}"


def load_plugin(path: Path) -> PluginFile:
    """Import a plugin file. The same content is imported once in a process.

    Raises:
        PluginError: it cannot be read or imported, or it defines no word.
    """
    path = path.absolute()
    if path.suffix != SUFFIX:
        raise PluginError(f"{path}: expected a Python file, whose name ends in {SUFFIX}")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise PluginError(f"{path}: cannot be read: {error.strerror}") from None
    module = _imported(path, content)
    words = [word for word in map(word_of, vars(module).values()) if word is not None]
    if not words:
        raise PluginError(
            f"{path}: defines no word; decorate a class with nomos_testing.workload, nomos_testing.expectation or "
            "nomos_testing.faults.fault"
        )
    return PluginFile(path, content, tuple(dict.fromkeys(words)), module.__name__)


def package_words() -> tuple[PackageWord, ...]:
    """Load the entry points of all installed packages. One that fails is in the result, with its problem."""
    return _package_words(tuple(sys.path))


@cache
def _package_words(search_path: tuple[str, ...]) -> tuple[PackageWord, ...]:
    found = [(kind, entry) for kind in Kind for entry in entry_points(group=group_of(kind))]
    return tuple(_package_word(kind, entry) for kind, entry in found)


def _package_word(kind: Kind, entry: EntryPoint) -> PackageWord:
    package, version = (entry.dist.name, entry.dist.version) if entry.dist else ("(unknown)", "(unknown)")
    word, problem = None, ""
    try:
        loaded = entry.load()
    except (Exception, SystemExit) as error:
        problem = f"cannot be loaded: {_place(error)}{_described(error)}"
    else:
        word = word_of(loaded)
        problem = _mismatch(kind, entry, word)
    return PackageWord(
        kind=kind,
        name=entry.name,
        package=package,
        version=version,
        word=None if problem else word,
        problem=problem,
    )


def _mismatch(kind: Kind, entry: EntryPoint, word: Word | None) -> str:
    if word is None:
        return f"points to {entry.value}, which is no class with a word; decorate it with {kind.singular}"
    if (word.kind, word.word) != (kind, entry.name):
        return f"points to {entry.value}, which is the {word.kind.singular} {word.word!r} ({word.place})"
    return ""


def _imported(path: Path, content: bytes) -> ModuleType:
    # The name holds the content: a plugin beside a scenario and its copy beside a run are one module.
    stem = re.sub(r"\W", "_", path.stem)
    name = f"nomos_testing_plugin_{stem}_{sha256(content).hexdigest()[:16]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = spec_from_file_location(name, path)
    assert spec is not None, "a Python file has a loader"
    module = sys.modules[name] = module_from_spec(spec)
    try:
        # Not the spec's loader: it reads the file again, and writes a __pycache__ beside it.
        exec(compile(content, str(path), "exec"), vars(module))
    except BaseException as error:
        del sys.modules[name]
        if not isinstance(error, Exception | SystemExit):
            raise
        where = _place(error, str(path)) or f"{path}: "
        raise PluginError(f"{where}cannot be imported: {_described(error)}") from error
    return module


def _place(error: BaseException, file: str | None = None) -> str:
    """Find the line that raised, in ``file`` where one is given: ``checks.py:3: ``."""
    if isinstance(error, SyntaxError) and error.filename and file in {None, error.filename}:
        return f"{error.filename}:{error.lineno}: "
    lines = [
        f"{frame.filename}:{frame.lineno}: "
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename == file or (file is None and not _is_import_machinery(frame.filename))
    ]
    return lines[-1] if lines else ""


def _is_import_machinery(filename: str) -> bool:
    return filename.startswith("<frozen ") or filename in {metadata.__file__, __file__}


def _described(error: BaseException) -> str:
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
