"""The schema of the scenario file: the keys that a YAML scenario may have, and the limits of their values.

The models are the one source of the published JSON Schema (``docs/scenario.schema.json``) and of the field errors. The
models of workloads, faults and expectations are made from a vocabulary, so that plugins can add words.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import Field, create_model

from nomos_testing.registry import Kind
from nomos_testing.scenario.file.fault_schema import FaultEntrySection, RandomlySection
from nomos_testing.scenario.vocabulary import BUILT_IN, Vocabulary
from nomos_testing.sections import Count, OneOf, Positive, Seconds, Section

NAME_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"


class TopologySection(Section):
    """How many nodes there are and who dials whom."""

    validators: Count = Field(default=1, description="Number of validators; at least one.")
    executors: Count = Field(default=0, description="Number of executors.")
    layout: Literal["star", "chain", "full"] = Field(
        default="star",
        description="star: all dial node 0; chain: each dials the one before; full: each dials all before.",
    )
    data_availability: Literal["standard", "original"] = Field(
        default="standard",
        description="Parameters of data availability. standard: nodes can sample every blob; original: those of the "
        "original framework, with which three and more nodes can't.",
    )
    sampling_delay: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = Field(
        default=None,
        description="Seconds from a blob's transaction to its first sample, for slots of a second or more. Default: 2 "
        "seconds, 5 with the original's parameters. NOMOS_SDP_TRIGGER_DELAY_SECS wins where it is set.",
    )


class SlotSection(Section):
    """The slot clock."""

    seconds: Seconds = Field(default=2.0, description="Length of a slot. Below one second: embedded nodes only.")
    active_slot_coeff: Annotated[float, Field(gt=0, le=1)] = Field(default=0.9)


class WalletSection(Section):
    """Funded accounts in genesis."""

    users: Positive = Field(description="Number of accounts.")
    total: Positive | None = Field(default=None, description="Tokens, split evenly; default 100 an account.")


class DurationSection(Section):
    """How long the scenario runs; exactly one of its keys is given."""

    seconds: Seconds | None = None
    slots: Positive | None = None


class ScenarioFile(Section):
    """A scenario: topology, wallets, workloads, expectations, duration, seed."""

    name: Annotated[str, Field(pattern=NAME_PATTERN)] | None = Field(
        default=None, description="Default: the file's name without its ending."
    )
    topology: TopologySection = TopologySection()
    slot: SlotSection | None = Field(default=None, description="Default: CONSENSUS_SLOT_TIME, else 2 seconds.")
    wallets: Positive | WalletSection | None = Field(default=None, description="Number of accounts of 100 tokens each.")
    plugins: list[str] = Field(
        default=[],
        description="Python files that define more workloads, faults and expectations. A relative path begins at the "
        "folder of this file.",
    )
    workloads: list[OneOf] = Field(default=[])
    faults: list[FaultEntrySection] = Field(default=[], description="What is done to nodes and links, and when.")
    expectations: list[OneOf] = Field(default=[])
    run_for: Seconds | DurationSection = Field(description="Seconds, or {seconds: N} or {slots: N}.")
    seed: Count | None = Field(default=None, description="Node keys and every random choice follow from it.")
    node_control: bool = Field(default=False, description="Let workloads and faults stop and start nodes.")
    network_control: bool = Field(
        default=False, description="Let workloads cut and slow links; faults of links bring it with them."
    )


def file_model(vocabulary: Vocabulary = BUILT_IN) -> type[ScenarioFile]:
    """Make the model of a scenario file that knows the words of ``vocabulary``."""
    return _file_model(vocabulary.models())


@lru_cache(maxsize=8)
def _file_model(models: Sequence[tuple[Kind, str, type[Section]]]) -> type[ScenarioFile]:
    fields: dict[Kind, Any] = {kind: {} for kind in Kind}
    for kind, word, model in models:
        fields[kind][word] = (model | None, None)
    workload = _model("WorkloadSection", OneOf, _one("workload"), fields[Kind.WORKLOAD])
    expectation = _model("ExpectationSection", OneOf, _one("expectation"), fields[Kind.EXPECTATION])
    fault = _model("FaultSection", Section, _one("fault"), fields[Kind.FAULT])
    drawn_of = (Annotated[list[fault], Field(min_length=1)], ...)  # type: ignore[valid-type]
    drawn = _model("RandomlySection", RandomlySection, RandomlySection.__doc__, {"of": drawn_of})
    # The last base comes first in the order of the fields: the words of faults, then the times.
    randomly: dict[str, Any] = {"randomly": (drawn | None, None)}
    entry = create_model(
        "FaultEntrySection",
        __base__=(FaultEntrySection, fault),
        __doc__=FaultEntrySection.__doc__,
        __module__=__name__,
        **randomly,
    )
    lists = {Kind.WORKLOAD: workload, Kind.FAULT: entry, Kind.EXPECTATION: expectation}
    return _model(
        "ScenarioFile",
        ScenarioFile,
        ScenarioFile.__doc__,
        {
            kind.value: (list[model], Field(default=[], description=ScenarioFile.model_fields[kind].description))  # type: ignore[valid-type]
            for kind, model in lists.items()
        },
    )


def _one(part: str) -> str:
    return f"One {part}; exactly one of its keys is given."


S = TypeVar("S", bound=Section)


def _model(name: str, base: type[S], description: str | None, fields: dict[str, Any]) -> type[S]:
    return create_model(name, __base__=base, __doc__=description, __module__=__name__, **fields)


def json_schema(vocabulary: Vocabulary = BUILT_IN) -> dict[str, Any]:
    """Make the schema that editors check scenario files with."""
    schema = file_model(vocabulary).model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Scenario", **schema}
