"""The words that a scenario knows: the built-in ones, those of installed packages, and those of plugin files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Final

from nomos_testing.faults.vocabulary import FAULT_WORDS
from nomos_testing.registry import Kind, Word
from nomos_testing.scenario.file.expectation_schema import EXPECTATION_WORDS
from nomos_testing.scenario.file.workload_schema import WORKLOAD_WORDS
from nomos_testing.scenario.plugins import PackageWord, PluginError, PluginFile, load_plugin, package_words
from nomos_testing.sections import Section

BUILT_IN_WORDS: Final[Mapping[Kind, Mapping[str, Word]]] = MappingProxyType(
    {Kind.WORKLOAD: WORKLOAD_WORDS, Kind.EXPECTATION: EXPECTATION_WORDS, Kind.FAULT: FAULT_WORDS}
)


@dataclass(frozen=True)
class Vocabulary:
    """A set of words for each kind of part. Plugins add words and replace none."""

    packages: tuple[PackageWord, ...] = ()
    plugins: tuple[PluginFile, ...] = ()

    def __post_init__(self) -> None:
        self._words_of_files()  # a word that is taken is an error here, not when a word is looked up

    def of(self, kind: Kind) -> Mapping[str, Word]:
        """Return the words of a kind that can be used."""
        return self._words[kind]

    @cached_property
    def unusable(self) -> Mapping[tuple[Kind, str], str]:
        """The words that a package defines and that cannot be used, with the reason."""
        reasons: dict[tuple[Kind, str], str] = {}
        first: dict[tuple[Kind, str], PackageWord] = {}
        for entry in self.packages:
            key = (entry.kind, entry.name)
            if entry.name in BUILT_IN_WORDS[entry.kind]:
                reasons[key] = f"{entry} defines a built-in word; uninstall the package or give its word another name"
            elif entry.word is None:
                reasons[key] = f"{entry} {entry.problem}"
            elif key in first:
                reasons[key] = f"{entry} and {first[key]} define the same word; uninstall one of the packages"
            else:
                first[key] = entry
        return reasons

    def source_of(self, word: Word) -> PluginFile | PackageWord | None:
        """Find the plugin that a word comes from; None for a word that is built in.

        Raises:
            LookupError: it is not in this vocabulary.
        """
        if self.of(word.kind).get(word.word) != word:
            raise LookupError(f"the {word.kind.singular} {word.word!r} ({word.place}) is not in this vocabulary")
        if word in BUILT_IN_WORDS[word.kind].values():
            return None
        files = (plugin for plugin in self.plugins if word in plugin.words)
        packages = (entry for entry in self.packages if entry.word == word)
        return next(files, None) or next(packages)

    def models(self) -> Sequence[tuple[Kind, str, type[Section]]]:
        """Return every word that can be used with its model. Equal vocabularies give equal values."""
        return tuple((kind, name, word.model) for kind in Kind for name, word in self.of(kind).items())

    @cached_property
    def _words(self) -> Mapping[Kind, Mapping[str, Word]]:
        words = {kind: dict(built_in) for kind, built_in in BUILT_IN_WORDS.items()}
        for entry in self.packages:
            if entry.word is not None and (entry.kind, entry.name) not in self.unusable:
                words[entry.kind][entry.name] = entry.word
        for word in self._words_of_files():
            words[word.kind][word.word] = word
        return words

    def _words_of_files(self) -> Sequence[Word]:
        """Return the words that plugin files define.

        Raises:
            PluginError: a word is taken.
        """
        entries = {(entry.kind, entry.name): entry for entry in self.packages}
        defined: dict[tuple[Kind, str], tuple[str, Word]] = {}
        for plugin in self.plugins:
            for word in plugin.words:
                key, place = (word.kind, word.word), plugin.place_of(word)
                other: Word | None
                if (built_in := BUILT_IN_WORDS[word.kind].get(word.word)) is not None:
                    other, problem = built_in, "is built in; choose another word"
                elif (entry := entries.get(key)) is not None:
                    other, problem = entry.word, f"is defined by {entry} too"
                elif key in defined:
                    other, problem = defined[key][1], f"is defined twice, first at {defined[key][0]}"
                else:
                    defined[key] = (place, word)
                    continue
                if other != word:  # equal: the file imports the word from where it is defined
                    raise PluginError(f"{place}: the {word.kind.singular} {word.word!r} {problem}")
        return [word for _, word in defined.values()]


BUILT_IN: Final = Vocabulary()


def installed_vocabulary() -> Vocabulary:
    """Return the built-in words and those of installed packages."""
    return replace(BUILT_IN, packages=package_words())


def with_plugin(vocabulary: Vocabulary, path: Path) -> Vocabulary:
    """Add the words of a plugin file.

    Raises:
        PluginError: the file cannot be imported, or a word of it is taken.
    """
    return replace(vocabulary, plugins=(*vocabulary.plugins, load_plugin(path)))
