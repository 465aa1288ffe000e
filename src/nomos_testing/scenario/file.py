"""The scenario file's schema: what a YAML scenario may say, and its limits.

The models are the one source of the published JSON Schema (``docs/scenario.schema.json``) and of the field errors.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Positive = Annotated[int, Field(ge=1)]
Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class TopologySection(_Section):
    """How many nodes there are and who dials whom."""

    validators: Count = Field(default=1, description="Number of validators; at least one.")
    executors: Count = Field(default=0, description="Number of executors.")
    layout: Literal["star", "chain", "full"] = Field(
        default="star",
        description="star: all dial node 0; chain: each dials the one before; full: each dials all before.",
    )


class SlotSection(_Section):
    """The slot clock."""

    seconds: Seconds = Field(default=2.0, description="Length of a slot. Below one second: embedded nodes only.")
    active_slot_coeff: Annotated[float, Field(gt=0, le=1)] = Field(default=0.9)


class WalletSection(_Section):
    """Funded accounts in genesis."""

    users: Positive = Field(description="Number of accounts.")
    total: Positive | None = Field(default=None, description="Tokens, split evenly; default 100 an account.")


class TransactionsSection(_Section):
    """Self-transfers of the wallets' genesis notes, one an account."""

    rate: Positive = Field(default=1, description="Transactions a block.")
    users: Positive | None = Field(default=None, description="At most this many accounts send; default all.")


class WorkloadSection(_Section):
    """One workload; exactly one of its keys is given."""

    transactions: TransactionsSection | None = None


class LivenessSection(_Section):
    """Every node keeps near the highest, and the chain grows."""

    lag_allowance: Annotated[int, Field(ge=0, le=5)] = Field(default=2, description="Blocks a node may be behind.")


class ExpectationSection(_Section):
    """One expectation; exactly one of its keys is given."""

    consensus_liveness: LivenessSection | None = None


class DurationSection(_Section):
    """How long the scenario runs; exactly one of its keys is given."""

    seconds: Seconds | None = None
    slots: Positive | None = None


class ScenarioFile(_Section):
    """A scenario: topology, wallets, workloads, expectations, duration, seed."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")] = "scenario"
    topology: TopologySection = TopologySection()
    slot: SlotSection | None = Field(default=None, description="Default: CONSENSUS_SLOT_TIME, else 2 seconds.")
    wallets: Positive | WalletSection | None = Field(default=None, description="Number of accounts of 100 tokens each.")
    workloads: list[WorkloadSection] = []
    expectations: list[ExpectationSection] = []
    run_for: Seconds | DurationSection = Field(description="Seconds, or {seconds: N} or {slots: N}.")
    seed: Count | None = Field(default=None, description="Node keys and every random choice follow from it.")
    node_control: bool = Field(default=False, description="Let workloads stop and start nodes.")


def json_schema() -> dict[str, Any]:
    """The schema editors check scenario files against."""
    schema = ScenarioFile.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Scenario", **schema}
