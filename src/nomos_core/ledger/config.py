"""Parameters of a ledger. All nodes of a network must use the same ones.

They come from the ``deployment`` section of a node's configuration: Cryptarchia's schedule, and for each service the
session and lock times of the Service Declaration Protocol (SDP).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from nomos_core.cryptarchia.epochs import ConsensusConfig, EpochConfig, EpochSchedule
from nomos_core.mantle.operations import ServiceType


@dataclass(frozen=True, slots=True)
class ServiceParameters:
    """Times of one service.

    The lock period and the session duration are blocks, the two periods of expiry are sessions.

    Raises:
        ValueError: ``session_duration`` is below 1.
    """

    session_duration: int
    """Length of a session in blocks, at least 1."""
    lock_period: int
    """Blocks. A declaration made in block ``c`` can be withdrawn in a block after ``c + lock_period``."""
    inactivity_period: int
    """Sessions. A declaration expires after ``inactivity_period + retention_period`` sessions without activity."""
    retention_period: int
    """Sessions, added to the inactivity period."""

    def __post_init__(self) -> None:
        if self.session_duration < 1:
            raise ValueError(f"session_duration must be at least 1 block, got {self.session_duration}")

    def session_at(self, block_number: int) -> int:
        """Return the number of the session that block ``block_number`` belongs to; session 0 starts at block 0."""
        return block_number // self.session_duration

    def expires_before(self, active: int, block_number: int) -> bool:
        """Tell whether a declaration is expired at ``block_number`` when its last activity was in block ``active``.

        The rule is ``active + (inactivity_period + retention_period) * session_duration < block_number``.
        """
        kept = (self.inactivity_period + self.retention_period) * self.session_duration
        return active + kept < block_number


@dataclass(frozen=True)
class LedgerConfig:
    """Parameters that every transition of the ledger takes beside the state.

    Raises:
        ValueError: a service has no parameters.
    """

    epoch_config: EpochConfig
    """Lengths of the three parts of an epoch, in base periods."""
    consensus_config: ConsensusConfig
    """Security parameter ``k`` and active slot coefficient ``f``."""
    services: Mapping[ServiceType, ServiceParameters]
    """Times of every service. A missing service is refused."""
    minimum_stake: int
    """Units of value. A note that backs a declaration must be worth at least this."""
    blend_minimum_network_size: int
    """Providers. Blend reports are taken only when the session they report on had at least this many."""

    def __post_init__(self) -> None:
        if missing := [service.value for service in ServiceType if service not in self.services]:
            raise ValueError(f"no service parameters for {', '.join(missing)}")

    @cached_property
    def schedule(self) -> EpochSchedule:
        """Schedule that assigns slots to epochs, computed from the two configurations above."""
        return EpochSchedule(self.epoch_config, self.consensus_config)
