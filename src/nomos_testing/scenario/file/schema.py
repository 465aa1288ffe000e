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
    """The nodes of the network, and which node connects to which."""

    validators: Count = Field(default=1, description="Number of validators; at least one.")
    executors: Count = Field(default=0, description="Number of executors.")
    layout: Literal["star", "chain", "full"] = Field(
        default="star",
        description="star: all nodes connect to node 0. chain: each node connects to the one before. full: each node "
        "connects to all before.",
    )
    data_availability: Literal["standard", "original"] = Field(
        default="standard",
        description="Parameters of data availability. standard: nodes can sample every blob. original: those of the "
        "original framework, with which three or more nodes cannot.",
    )
    sampling_delay: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = Field(
        default=None,
        description="Seconds from a blob's transaction to its first sample, for slots of a second or more. Default: 2, "
        "or 5 with the original's parameters. The variable NOMOS_SDP_TRIGGER_DELAY_SECS wins.",
    )


class SlotSection(Section):
    """The slot clock."""

    seconds: Seconds = Field(default=2.0, description="Length of a slot. Below 1: embedded nodes only.")
    active_slot_coeff: Annotated[float, Field(gt=0, le=1)] = Field(
        default=0.9, description="Share of the slots that have a leader on average."
    )


class WalletSection(Section):
    """Accounts that genesis funds."""

    users: Positive = Field(description="Number of accounts.")
    total: Positive | None = Field(default=None, description="Tokens in all, split evenly. Default: 100 per account.")


Quantities = dict[str, str | int | float]


class ResourcesSection(Section):
    """Resources of each node's pod, by their names: cpu, memory, ephemeral-storage."""

    requests: Quantities = Field(
        default={}, description="What a pod asks for, like {cpu: 100m, memory: 256Mi}. Default: the deployer's."
    )
    limits: Quantities = Field(default={}, description="The most that a pod gets. Default: no limits.")


class K8sSection(Section):
    """The pods of a run on Kubernetes. Other runs ignore it. The variables K8S_RUNNER_... win."""

    resources: ResourcesSection = ResourcesSection()
    node_selector: dict[str, str] = Field(
        default={}, description="Labels of the machines that pods may run on, like {disktype: ssd}."
    )
    spread: bool = Field(
        default=True, description="True: nodes run on different machines where the cluster has several."
    )


class DurationSection(Section):
    """The duration of the run; exactly one of the keys is given."""

    seconds: Seconds | None = Field(default=None, description="The duration in seconds.")
    slots: Positive | None = Field(default=None, description="The duration in slots.")


class ScenarioFile(Section):
    """A scenario: topology, wallets, workloads, faults, expectations, duration, seed."""

    name: Annotated[str, Field(pattern=NAME_PATTERN)] | None = Field(
        default=None,
        description="Name in reports and of the run directory. Default: the file's name without its ending.",
    )
    topology: TopologySection = TopologySection()
    slot: SlotSection | None = Field(
        default=None, description="The slot clock. Default: slots of CONSENSUS_SLOT_TIME seconds, or of 2."
    )
    wallets: Positive | WalletSection | None = Field(
        default=None, description="Number of accounts with 100 tokens each."
    )
    plugins: list[str] = Field(
        default=[],
        description="Python files that define more workloads, faults and expectations. A relative path begins at the "
        "folder of this file.",
    )
    workloads: list[OneOf] = Field(default=[])
    faults: list[FaultEntrySection] = Field(default=[], description="Faults of nodes and links, and their times.")
    expectations: list[OneOf] = Field(default=[])
    run_for: Seconds | DurationSection = Field(
        description="Duration of the run, in seconds; or {seconds: N}, or {slots: N}."
    )
    seed: Count | None = Field(
        default=None,
        description="Node keys and every random choice follow from it. Default: a new one, which the run prints.",
    )
    node_control: bool = Field(default=False, description="True: workloads and faults may stop and start nodes.")
    network_control: bool = Field(
        default=False, description="True: workloads may cut and slow links. Faults of links turn it on by themselves."
    )
    k8s: K8sSection = Field(default=K8sSection(), description="The pods of a run on Kubernetes.")


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
    return f"One {part}; exactly one of the keys is given."


S = TypeVar("S", bound=Section)


def _model(name: str, base: type[S], description: str | None, fields: dict[str, Any]) -> type[S]:
    return create_model(name, __base__=base, __doc__=description, __module__=__name__, **fields)


def json_schema(vocabulary: Vocabulary = BUILT_IN) -> dict[str, Any]:
    """Make the schema that editors check scenario files with."""
    schema = file_model(vocabulary).model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Scenario", **schema}
