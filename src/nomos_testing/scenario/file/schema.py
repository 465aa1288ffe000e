"""The scenario file's schema: what a YAML scenario may say, and its limits.

The models are the one source of the published JSON Schema (``docs/scenario.schema.json``) and of the field errors.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import Field

from nomos_testing.scenario.file.expectation_schema import (
    AlwaysSection,
    EmptySection,
    EventuallySection,
    NoStallsSection,
    RecoversSection,
    SometimesSection,
)
from nomos_testing.scenario.file.fault_schema import FaultEntrySection, RestartsSection
from nomos_testing.scenario.file.sections import Count, Positive, Seconds, Section

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


class TransactionsSection(Section):
    """Self-transfers of the wallets' notes."""

    rate: Positive = Field(default=1, description="Transactions a block.")
    users: Positive | None = Field(default=None, description="At most this many accounts send; default all.")
    once_per_account: bool = Field(
        default=False, description="Each account sends once. By default it spends its change again."
    )
    best_effort: bool = Field(
        default=False,
        description="Accounts too few for the rate or for users send what they can. By default refused.",
    )


class DataAvailabilitySection(Section):
    """Blobs, linked to one another in channels."""

    channel_rate: Positive | None = Field(
        default=None, description="Channels that are filled at the same time; default: as many as carry the blobs."
    )
    blob_rate: Positive = Field(default=1, description="Blobs a block, over all channels.")
    headroom_percent: Count | None = Field(
        default=None, description="So many more channels, rounded up; default 20 with a channel_rate, else 0."
    )
    verify_blobs: bool = Field(default=True, description="At the end, fetch a sample back and compare it.")


class WorkloadSection(Section):
    """One workload; exactly one of its keys is given."""

    transactions: TransactionsSection | None = None
    data_availability: DataAvailabilitySection | None = None
    restarts: RestartsSection | None = None


class LivenessSection(Section):
    """Every node keeps near the highest, and the chain grows."""

    lag_allowance: Annotated[int, Field(ge=0, le=5)] = Field(default=2, description="Blocks a node may be behind.")
    window: Literal["run", "original"] = Field(
        default="run",
        description="run: blocks of the run's duration; original: heights at the end, the cooldown's blocks included.",
    )


class ExpectationSection(Section):
    """One expectation; exactly one of its keys is given."""

    consensus_liveness: LivenessSection | None = None
    no_conflicting_lib: EmptySection | None = Field(
        default=None, description="No two nodes ever hold conflicting blocks for final."
    )
    no_stalls: NoStallsSection | None = None
    recovers_from_faults: RecoversSection | None = None
    inclusions_stay: EmptySection | None = Field(
        default=None, description="What all nodes have included after a recovery is included at the end."
    )
    always: AlwaysSection | None = None
    eventually: EventuallySection | None = None
    sometimes: SometimesSection | None = None


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
    workloads: list[WorkloadSection] = Field(default=[])
    faults: list[FaultEntrySection] = Field(default=[], description="What is done to nodes and links, and when.")
    expectations: list[ExpectationSection] = Field(default=[])
    run_for: Seconds | DurationSection = Field(description="Seconds, or {seconds: N} or {slots: N}.")
    seed: Count | None = Field(default=None, description="Node keys and every random choice follow from it.")
    node_control: bool = Field(default=False, description="Let workloads and faults stop and start nodes.")
    network_control: bool = Field(
        default=False, description="Let workloads cut and slow links; faults of links bring it with them."
    )


def json_schema() -> dict[str, Any]:
    """The schema editors check scenario files against."""
    schema = ScenarioFile.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Scenario", **schema}
