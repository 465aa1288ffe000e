"""The workloads of a scenario file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pydantic import Field

from nomos_testing.registry import Word, words_of, workload
from nomos_testing.runtime.interfaces import AnyWorkload
from nomos_testing.scenario.file.times import Moment, moment
from nomos_testing.sections import Count, Positive, Section
from nomos_testing.workloads.blobs.workload import DataAvailabilityWorkload
from nomos_testing.workloads.chaos import ChaosRestart
from nomos_testing.workloads.transactions.workload import TransactionWorkload


@workload("transactions")
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

    def build(self) -> AnyWorkload:
        return TransactionWorkload(
            rate=self.rate, users=self.users, once_per_account=self.once_per_account, best_effort=self.best_effort
        )


@workload("data_availability")
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

    def build(self) -> AnyWorkload:
        return DataAvailabilityWorkload(
            channel_rate=self.channel_rate,
            blob_rate=self.blob_rate,
            headroom_percent=self.headroom_percent,
            verify_blobs=self.verify_blobs,
        )


@workload("restarts")
class RestartsSection(Section):
    """Nodes are killed and started at random moments. Needs node_control."""

    min_delay: Moment = 10.0
    max_delay: Moment = 30.0
    cooldown: Moment = Field(default=60.0, description="How long a node that was restarted is left alone.")
    include_validators: bool = True
    include_executors: bool = True

    def build(self) -> AnyWorkload:
        return ChaosRestart(
            min_delay=moment(self.min_delay),
            max_delay=moment(self.max_delay),
            target_cooldown=moment(self.cooldown),
            include_validators=self.include_validators,
            include_executors=self.include_executors,
        )


WORKLOAD_WORDS: Final[Mapping[str, Word]] = words_of((TransactionsSection, DataAvailabilitySection, RestartsSection))
"""Every built-in workload by its word."""
