"""Epochs: how the slots are cut into epochs, and where in an epoch its stake and nonce are fixed.

Cryptarchia's schedule (the Ouroboros Praos one) in units of the base period ``floor(k / f)``: an epoch is the time for
the stake distribution to become stable, then a buffer, then the time for the nonce to become stable. Times are slots.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ConsensusConfig:
    """``k``, the depth below which a block is final, and ``f``, the wished share of slots that have a block.

    Raises:
        ValueError: ``security_param`` is below 1, or ``active_slot_coeff`` is not in (0, 1].
    """

    security_param: int
    active_slot_coeff: float

    def __post_init__(self) -> None:
        if self.security_param < 1:
            raise ValueError(f"security_param must be at least 1, got {self.security_param}")
        if not 0 < self.active_slot_coeff <= 1:
            raise ValueError(f"active_slot_coeff must be above 0 and at most 1, got {self.active_slot_coeff}")

    @property
    def base_period_length(self) -> int:
        """Slots in which ``k`` blocks are expected, rounded down."""
        return math.floor(self.security_param / self.active_slot_coeff)

    @property
    def density_window(self) -> int:
        """``s``: the slots after a fork over which the bootstrapping rule counts blocks."""
        return 3 * self.base_period_length


@dataclass(frozen=True, slots=True)
class EpochConfig:
    """The three parts of an epoch, each a number of base periods."""

    stake_distribution_stabilization: int
    period_nonce_buffer: int
    period_nonce_stabilization: int

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")

    @property
    def base_periods(self) -> int:
        return self.stake_distribution_stabilization + self.period_nonce_buffer + self.period_nonce_stabilization


@dataclass(frozen=True, slots=True)
class EpochSchedule:
    """Which slots belong to which epoch under two configurations."""

    epoch_config: EpochConfig
    consensus_config: ConsensusConfig

    @property
    def epoch_length(self) -> int:
        return self.epoch_config.base_periods * self.consensus_config.base_period_length

    def epoch_of(self, slot: int) -> int:
        return slot // self.epoch_length

    def epoch_starting_slot(self, epoch: int) -> int:
        return epoch * self.epoch_length

    def nonce_snapshot_slot(self, epoch: int) -> int:
        """The slot of the epoch before from which on blocks no longer contribute to this epoch's nonce."""
        settled = self.epoch_config.stake_distribution_stabilization + self.epoch_config.period_nonce_buffer
        return self.stake_snapshot_slot(epoch) + settled * self.consensus_config.base_period_length

    def stake_snapshot_slot(self, epoch: int) -> int:
        """The slot of the epoch before at which this epoch's stake distribution is fixed (its first; 0 for epoch 0)."""
        return self.epoch_starting_slot(max(epoch - 1, 0))
