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
    """Send transactions: each wallet transfers its tokens to itself."""

    rate: Positive = Field(default=1, description="Transactions per block.")
    users: Positive | None = Field(default=None, description="At most this many accounts send. Default: all.")
    once_per_account: bool = Field(
        default=False, description="True: each account sends once. False: it spends its change again."
    )
    best_effort: bool = Field(
        default=False,
        description="True: too few accounts send as much as they can. False: too few accounts are an error.",
    )

    def build(self) -> AnyWorkload:
        return TransactionWorkload(
            rate=self.rate, users=self.users, once_per_account=self.once_per_account, best_effort=self.best_effort
        )


@workload("data_availability")
class DataAvailabilitySection(Section):
    """Disperse blobs. The blobs of a channel are linked to one another."""

    channel_rate: Positive | None = Field(
        default=None, description="Number of channels in use at the same time. Default: as many as the blobs need."
    )
    blob_rate: Positive = Field(default=1, description="Blobs per block, over all channels.")
    headroom_percent: Count | None = Field(
        default=None, description="Additional channels in percent, rounded up. Default: 20 with a channel_rate, else 0."
    )
    verify_blobs: bool = Field(
        default=True, description="At the end, fetch a sample of the blobs and compare it with what was sent."
    )

    def build(self) -> AnyWorkload:
        return DataAvailabilityWorkload(
            channel_rate=self.channel_rate,
            blob_rate=self.blob_rate,
            headroom_percent=self.headroom_percent,
            verify_blobs=self.verify_blobs,
        )


@workload("restarts")
class RestartsSection(Section):
    """Kill and start nodes at random moments. Needs node_control."""

    min_delay: Moment = Field(default=10.0, description="Shortest time between two restarts.")
    max_delay: Moment = Field(default=30.0, description="Longest time between two restarts.")
    cooldown: Moment = Field(default=60.0, description="Time after its restart in which a node is not restarted again.")
    include_validators: bool = Field(default=True, description="Restart validators.")
    include_executors: bool = Field(default=True, description="Restart executors.")

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
