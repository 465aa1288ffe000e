"""Builds the schedule of faults from the fault entries of a scenario file."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from nomos_testing.faults.durations import Span
from nomos_testing.faults.fault import TIMINGS, Fault
from nomos_testing.faults.schedule import At, During, Entry, Every, Randomly
from nomos_testing.registry import Word
from nomos_testing.scenario.file.fault_schema import FaultEntrySection, RandomlySection
from nomos_testing.scenario.file.times import RangeSection, moment, optional_moment
from nomos_testing.scenario.file.yaml_with_lines import FieldPath
from nomos_testing.sections import Section

_BELONGS_TO = {"lasting": ("at", "every"), "first": ("every",), "until": ("every",)}

Refuse = Callable[[FieldPath, str], None]
"""Raises an error for a field below the entry, with the problem."""


@dataclass(frozen=True, slots=True)
class EntryBuilder:
    """Builds entries with the faults that a scenario file knows."""

    words: Mapping[str, Word]
    refuse: Refuse

    def entry(self, section: FaultEntrySection) -> Entry:
        """Build an entry.

        Raises:
            Exception: what ``refuse`` raises, for keys that do not go together.
        """
        timing = self._only_one(section, TIMINGS, ())
        for name, owners in _BELONGS_TO.items():
            if getattr(section, name) is not None and timing not in owners:
                self.refuse((name,), f"goes with {' or '.join(owners)}, not with {timing}")
        if section.randomly is not None:
            return self._randomly(section, section.randomly)
        fault, lasting = self._fault(section, ()), optional_moment(section.lasting)
        if section.at is not None:
            return At(moment(section.at), fault, lasting)
        if section.every is not None:
            first, until = optional_moment(section.first), optional_moment(section.until)
            return Every(moment(section.every), fault, lasting, first, until)
        assert section.during is not None
        return During(moment(section.during.start), moment(section.during.end), fault)

    def _randomly(self, section: FaultEntrySection, values: RandomlySection) -> Randomly:
        beside = [word for word in self.words if getattr(section, word) is not None]
        if beside:
            self.refuse((beside[0],), "the faults of randomly belong below randomly.of")
        return Randomly(
            faults=tuple(self._fault(fault, ("randomly", "of", index)) for index, fault in enumerate(values.of)),
            gap=_range(values.gap),
            lasting=_range(values.lasting),
            start=moment(values.start),
            until=optional_moment(values.until),
            count=values.count,
        )

    def _fault(self, section: Section, path: FieldPath) -> Fault:
        word = self._only_one(section, self.words, path)
        fault = self.words[word].build(getattr(section, word))
        assert isinstance(fault, Fault)
        return fault

    def _only_one(self, section: Section, names: Collection[str], path: FieldPath) -> str:
        chosen = [name for name in names if getattr(section, name) is not None]
        if len(chosen) != 1:
            self.refuse(path, f"expected exactly one of {', '.join(names)}; got {', '.join(chosen) or 'none'}")
        return chosen[0]


def _range(section: RangeSection) -> tuple[Span, Span]:
    return moment(section.min), moment(section.max)
