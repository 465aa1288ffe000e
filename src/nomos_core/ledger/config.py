"""The parameters a ledger is run with; every node of a network has the same ones.

They are the ``deployment`` part of a node's configuration: Cryptarchia's schedule, and for each service the session and
lock times of the Service Declaration Protocol (SDP).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from nomos_core.cryptarchia.epochs import ConsensusConfig, EpochConfig, EpochSchedule
from nomos_core.mantle.operations import ServiceType


@dataclass(frozen=True, slots=True)
class ServiceParameters:
    """The times of one service. Periods are in blocks, but those of expiry in sessions.

    Raises:
        ValueError: ``session_duration`` is below 1.
    """

    session_duration: int
    """Blocks of a session."""
    lock_period: int
    """Blocks after a declaration during which it can't be withdrawn."""
    inactivity_period: int
    """Sessions; together with the retention period, the time without activity after which a declaration expires."""
    retention_period: int
    """Sessions."""

    def __post_init__(self) -> None:
        if self.session_duration < 1:
            raise ValueError(f"session_duration must be at least 1 block, got {self.session_duration}")

    def session_at(self, block_number: int) -> int:
        return block_number // self.session_duration

    def expires_before(self, active: int, block_number: int) -> bool:
        """Whether a declaration last active at block ``active`` is expired at ``block_number``."""
        kept = (self.inactivity_period + self.retention_period) * self.session_duration
        return active + kept < block_number


@dataclass(frozen=True)
class LedgerConfig:
    """What the ledger's transitions need to know beside the state.

    Raises:
        ValueError: a service has no parameters.
    """

    epoch_config: EpochConfig
    consensus_config: ConsensusConfig
    services: Mapping[ServiceType, ServiceParameters]
    minimum_stake: int
    """The least value of a note that backs a declaration."""
    blend_minimum_network_size: int
    """The least number of Blend providers in a session whose activity is accepted in the session after it."""

    def __post_init__(self) -> None:
        if missing := [service.value for service in ServiceType if service not in self.services]:
            raise ValueError(f"no service parameters for {', '.join(missing)}")

    @cached_property
    def schedule(self) -> EpochSchedule:
        return EpochSchedule(self.epoch_config, self.consensus_config)
