"""The words of a scenario file. A word names a pydantic model, and builds a part of a scenario from it.

There are three vocabularies: workloads, expectations and faults. The decorators ``workload``, ``expectation`` and
``nomos_testing.faults.fault`` define a word. A definition only remembers the class. Which words a scenario file knows
is decided by ``nomos_testing.scenario.vocabulary``, so that two scenarios in one process can have different plugins.

```python
@workload("burst")
class Burst(Section):
    count: int = Field(ge=1, description="Number of transactions.")

    def build(self) -> Workload:
        return BurstWorkload(self.count)
```
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from nomos_testing.sections import OneOf, Section

if TYPE_CHECKING:
    from nomos_testing.runtime.interfaces import AnyExpectation, AnyWorkload

WORD_PATTERN: Final = r"[a-z][a-z0-9_]*"


class Kind(StrEnum):
    """A vocabulary. The value is also the key of its list in a scenario file, and ends the name of its entry points."""

    WORKLOAD = "workloads"
    EXPECTATION = "expectations"
    FAULT = "faults"

    @property
    def singular(self) -> str:
        return self.value.removesuffix("s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A definition: the word, its model, and the function from the model to a workload, an expectation or a fault."""

    kind: Kind
    word: str
    model: type[Section]
    build: Callable[[Any], Any]
    defined_by: type[Any]
    """The decorated class."""
    file: str
    line: int
    """The place of the decorator."""

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}"


class BuildsWorkload(Protocol):
    """A section that stands for a workload."""

    def build(self) -> AnyWorkload:
        """Make the workload.

        Raises:
            ValueError: the values do not fit together. The error cites the section.
        """
        ...


class BuildsExpectation(Protocol):
    """A section that stands for an expectation."""

    def build(self) -> AnyExpectation:
        """Make the expectation.

        Raises:
            ValueError: the values do not fit together. The error cites the section.
        """
        ...


C = TypeVar("C", bound=type[Any])
W = TypeVar("W", bound=BuildsWorkload)
E = TypeVar("E", bound=BuildsExpectation)

_WORDS: dict[type[Any], Word] = {}


def workload(word: str) -> Callable[[type[W]], type[W]]:
    """Define a workload: decorate a ``Section`` that has ``build``.

    Raises:
        ValueError: ``word`` is not a word.
        TypeError: from the decorator, for a class that is no ``Section`` or has no ``build``.
    """
    return define(Kind.WORKLOAD, word, parts=_model_and_build)


def expectation(word: str) -> Callable[[type[E]], type[E]]:
    """Define an expectation: decorate a ``Section`` that has ``build``.

    Raises:
        ValueError: ``word`` is not a word.
        TypeError: from the decorator, for a class that is no ``Section`` or has no ``build``.
    """
    return define(Kind.EXPECTATION, word, parts=_model_and_build)


def define(
    kind: Kind,
    word: str,
    *,
    parts: Callable[[C], tuple[type[Section], Callable[[Any], Any]]],
    reserved: Collection[str] = (),
) -> Callable[[C], C]:
    """Make a class decorator that defines ``word``.

    Args:
        parts: returns the model and the build function of a decorated class. Raises TypeError for others.
        reserved: words that stand for something else at the same place of a file. The attributes of pydantic's models
            are reserved as well, because words become fields of a model.

    Raises:
        ValueError: ``word`` is not a word.
        TypeError: from the decorator, for a class that is no definition.
    """
    if not re.fullmatch(WORD_PATTERN, word):
        raise ValueError(f"{kind.singular} {word!r}: expected lower case letters, digits and _")
    if word in reserved or hasattr(OneOf, word):
        raise ValueError(f"{kind.singular} {word!r}: this word is reserved; choose another one")

    def decorate(cls: C) -> C:
        caller = sys._getframe(1)
        model, build = parts(cls)
        _WORDS[cls] = Word(
            kind=kind,
            word=word,
            model=model,
            build=build,
            defined_by=cls,
            file=caller.f_code.co_filename,
            line=caller.f_lineno,
        )
        return cls

    return decorate


def word_of(part: object) -> Word | None:
    """Find the definition of a class, or of the class of an object. A subclass does not inherit its word."""
    return _WORDS.get(part if isinstance(part, type) else type(part))


def words_of(classes: Collection[type[Any]]) -> Mapping[str, Word]:
    """Map the words of classes that are known to have one each."""
    words = [_WORDS[cls] for cls in classes]
    return {word.word: word for word in words}


def _model_and_build(cls: type[Any]) -> tuple[type[Section], Callable[[Any], Any]]:
    if not (isinstance(cls, type) and issubclass(cls, Section)):
        raise TypeError(f"expected a class that subclasses nomos_testing.Section, got {cls!r}")
    build = getattr(cls, "build", None)
    if not callable(build):
        raise TypeError(f"{cls.__qualname__} has no method build(self): it makes what the section stands for")
    return cls, build
