"""Turns a built scenario into a scenario file, so that a run can be repeated from its run directory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import PurePath
from typing import Any, Final

from nomos_testing.expectations.continuous import section_of
from nomos_testing.faults.fault import Fault
from nomos_testing.faults.schedule import Randomly, RandomRestarts
from nomos_testing.registry import Kind, Word, word_of
from nomos_testing.runtime.interfaces import AnyExpectation, AnyWorkload, RunPlan
from nomos_testing.scenario.plugins import PackageWord, PluginFile
from nomos_testing.scenario.vocabulary import Vocabulary, installed_vocabulary
from nomos_testing.sections import Section
from nomos_testing.topology import DataAvailability, PodPlacement, TopologySpec
from nomos_testing.workloads.faults import FaultInjection

_SAID_IN_FILES: Final = {
    *("validators", "executors", "layout", "wallet", "slot_duration", "active_slot_coeff", "seed"),
    *("data_availability", "sampling_delay"),
}
"""Fields of a topology that a scenario file has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioSource:
    """A scenario as a file, with the plugins that the file needs."""

    document: Mapping[str, Any] | None = None
    """The scenario file as plain data; None where the scenario cannot be a file."""
    not_replayable_because: str = ""
    """The part of the scenario that only Python can say."""
    plugins: tuple[PluginFile, ...] = ()
    """The plugin files that the scenario names."""
    packages: tuple[PackageWord, ...] = ()
    """The words of installed packages that the scenario uses."""

    def text(self) -> str:
        """Write the scenario file. There must be a document."""
        import yaml

        assert self.document is not None, "a scenario without a document has no file"
        return yaml.safe_dump(dict(self.document), sort_keys=False, allow_unicode=True, width=120)

    def copies(self) -> Mapping[str, bytes]:
        """Return the plugin files to put beside the scenario file, by the names that it has for them."""
        return {name: plugin.content for name, plugin in zip(_names(self.plugins), self.plugins, strict=True)}

    def plugin_records(self) -> dict[str, Any]:
        """Describe the plugins for ``plan.json``."""
        return {
            "plugins": [
                {"file": name, "copied_from": str(plugin.path), "sha256": plugin.sha256}
                for name, plugin in zip(_names(self.plugins), self.plugins, strict=True)
            ],
            "packages": [
                {"kind": entry.kind, "word": entry.name, "package": entry.package, "version": entry.version}
                for entry in self.packages
            ],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The parts of a built scenario, and where they come from."""

    workloads: Sequence[AnyWorkload]
    expectations: Sequence[AnyExpectation]
    """Without those that the workloads bring with them."""
    sections: Mapping[tuple[Kind, int], Section]
    """The sections that built parts, by the list and the place of the part."""
    vocabulary: Vocabulary

    def named(self) -> Iterator[tuple[Kind, AnyWorkload | AnyExpectation, Any]]:
        """Walk over the parts that a scenario file has in its lists of workloads and expectations.

        The last item is the part as a scenario file has it; None for a part that only Python can say.
        """
        for kind, parts in ((Kind.WORKLOAD, self.workloads), (Kind.EXPECTATION, self.expectations)):
            for index, part in enumerate(parts):
                if not isinstance(part, FaultInjection):
                    yield kind, part, section_of(part) or self._written(kind, index)

    def _written(self, kind: Kind, index: int) -> Any:
        section = self.sections.get((kind, index))
        word = word_of(section)
        return None if section is None or word is None else {word.word: section.model_dump(mode="json")}


def source_of(name: str, plan: RunPlan, placement: PodPlacement, parts: Parts) -> ScenarioSource:
    """Make the source of a scenario, or say why there is none."""
    faults = [planned.fault for planned in plan.faults] + list(_scheduled(parts.workloads))
    reason = _only_python(plan.topology, parts, faults)
    if reason is not None:
        return ScenarioSource(not_replayable_because=reason)
    spec, plugins = plan.topology, parts.vocabulary.plugins
    document: dict[str, Any] = {
        "name": name,
        "topology": _topology(spec),
        "slot": {"seconds": float(spec.slot_duration), "active_slot_coeff": float(spec.active_slot_coeff)},
    }
    if plugins:
        document["plugins"] = list(_names(plugins))
    if spec.wallet is not None:
        document["wallets"] = {"users": spec.wallet.users, "total": spec.wallet.total}
    document |= {
        "workloads": [section for kind, _, section in parts.named() if kind is Kind.WORKLOAD],
        "faults": _faults(parts.workloads),
        "expectations": [section for kind, _, section in parts.named() if kind is Kind.EXPECTATION],
        "run_for": float(plan.metrics.run_duration),
        "seed": plan.seed,
        "node_control": plan.node_control,
        "network_control": plan.network_control,
    }
    if placement != PodPlacement():
        document["k8s"] = placement.to_json()
    sources = [_plugin_of(word, parts.vocabulary) for word in _words(parts, faults)]
    packages = dict.fromkeys(source for source in sources if isinstance(source, PackageWord))
    return ScenarioSource(document=document, plugins=plugins, packages=tuple(packages))


def _names(plugins: Sequence[PluginFile]) -> Iterator[str]:
    """Name the copies of plugin files, each with a name of its own."""
    taken: set[str] = set()
    for plugin in plugins:
        name, number = PurePath(plugin.name), 2
        while name.name in taken:
            name, number = name.with_name(f"{PurePath(plugin.name).stem}-{number}{name.suffix}"), number + 1
        taken.add(name.name)
        yield name.name


def _topology(spec: TopologySpec) -> dict[str, Any]:
    section: dict[str, Any] = {
        "validators": spec.validators,
        "executors": spec.executors,
        "layout": str(spec.layout),
        "data_availability": str(spec.data_availability),
    }
    return section if spec.sampling_delay is None else section | {"sampling_delay": spec.sampling_delay}


def _faults(workloads: Sequence[AnyWorkload]) -> list[dict[str, Any]]:
    return [
        entry.to_json()
        for workload in workloads
        if isinstance(workload, FaultInjection)
        for entry in workload.entries
        if not isinstance(entry, RandomRestarts)
    ]


def _scheduled(workloads: Sequence[AnyWorkload]) -> Iterator[Fault]:
    """Walk over the faults of the schedule as it was written, with nothing drawn yet."""
    for workload in workloads:
        for entry in workload.entries if isinstance(workload, FaultInjection) else ():
            if not isinstance(entry, RandomRestarts):
                yield from entry.faults if isinstance(entry, Randomly) else (entry.fault,)


def _words(parts: Parts, faults: Sequence[Fault]) -> Iterator[Word]:
    for part in (*parts.sections.values(), *faults):
        word = word_of(part)
        if word is not None:
            yield word


def _plugin_of(word: Word, vocabulary: Vocabulary) -> PluginFile | PackageWord | None:
    """Find the plugin that a word comes from; None for a built-in word.

    Raises:
        LookupError: the word is neither built in nor of a plugin.
    """
    try:
        return vocabulary.source_of(word)
    except LookupError:
        return installed_vocabulary().source_of(word)


def _only_python(spec: TopologySpec, parts: Parts, faults: Sequence[Fault]) -> str | None:
    """Say what a scenario file cannot say; None where it can say everything."""
    for kind, part, section in parts.named():
        if section is None:
            return f"{kind.singular} {part.name!r} is Python ({_class_of(part)})"
    for fault in faults:
        if word_of(fault) is None:
            return f"fault {fault} is Python ({_class_of(fault)})"
    for word in _words(parts, faults):
        try:
            _plugin_of(word, parts.vocabulary)
        except LookupError:
            return (
                f"{word.kind.singular} {word.word!r} is Python ({_class_of(word.defined_by)}): "
                "it is in no plugin file of the scenario and in no entry point of a package"
            )
    if isinstance(spec.data_availability, DataAvailability):
        return "its topology sets data_availability, which a scenario file can only name"
    for item in fields(spec):
        if item.name not in _SAID_IN_FILES and getattr(spec, item.name) != item.default:
            return f"its topology sets {item.name}, which a scenario file cannot say"
    return None


def _class_of(part: object) -> str:
    cls = part if isinstance(part, type) else type(part)
    return f"{cls.__module__}.{cls.__qualname__}"
