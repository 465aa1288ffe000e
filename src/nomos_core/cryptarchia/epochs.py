"""Epochs: how slots are divided into epochs, and where in an epoch the next one's stake and nonce are fixed.

Cryptarchia follows the schedule of Ouroboros Praos in units of the base period, ``floor(k / f)`` slots. An epoch is the
time for the stake distribution to become stable, then a buffer, then the time for the nonce to become stable. All times
here are slots.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ConsensusConfig:
    """Parameters ``k`` and ``f`` of Cryptarchia.

    Raises:
        ValueError: ``security_param`` is below 1, or ``active_slot_coeff`` is not in (0, 1].
    """

    security_param: int
    """``k``, blocks, at least 1. When online, a block with ``k`` blocks on top of it is final."""
    active_slot_coeff: float
    """``f``, above 0 and at most 1: the fraction of slots that should have a block."""

    def __post_init__(self) -> None:
        if self.security_param < 1:
            raise ValueError(f"security_param must be at least 1, got {self.security_param}")
        if not 0 < self.active_slot_coeff <= 1:
            raise ValueError(f"active_slot_coeff must be above 0 and at most 1, got {self.active_slot_coeff}")

    @property
    def base_period_length(self) -> int:
        """Slots in which ``k`` blocks are expected: ``floor(k / f)``."""
        return math.floor(self.security_param / self.active_slot_coeff)

    @property
    def density_window(self) -> int:
        """``s``, slots: after a fork the bootstrapping rule counts the blocks of this many slots.

        Three base periods.
        """
        return 3 * self.base_period_length


@dataclass(frozen=True, slots=True)
class EpochConfig:
    """Lengths of the three parts of an epoch, each a number of base periods, at least 1.

    Raises:
        ValueError: a length is below 1.
    """

    stake_distribution_stabilization: int
    """Base periods for the stake distribution to become stable; the first part."""
    period_nonce_buffer: int
    """Base periods between the stake snapshot and the nonce snapshot, after the first part."""
    period_nonce_stabilization: int
    """Base periods for the nonce to become stable; the last part."""

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")

    @property
    def base_periods(self) -> int:
        """Length of an epoch in base periods."""
        return self.stake_distribution_stabilization + self.period_nonce_buffer + self.period_nonce_stabilization


@dataclass(frozen=True, slots=True)
class EpochSchedule:
    """Schedule that assigns slots to epochs under two configurations."""

    epoch_config: EpochConfig
    """Lengths of the parts of an epoch, in base periods."""
    consensus_config: ConsensusConfig
    """``k`` and ``f``, which give the length of a base period."""

    @property
    def epoch_length(self) -> int:
        """Length of an epoch in slots."""
        return self.epoch_config.base_periods * self.consensus_config.base_period_length

    def epoch_of(self, slot: int) -> int:
        """Return the epoch of a slot: ``slot // epoch_length``."""
        return slot // self.epoch_length

    def epoch_starting_slot(self, epoch: int) -> int:
        """Return the first slot of an epoch."""
        return epoch * self.epoch_length

    def nonce_snapshot_slot(self, epoch: int) -> int:
        """Return the slot at which the nonce of ``epoch`` is fixed: it lies in the epoch before.

        From this slot on, blocks no longer contribute to the nonce of ``epoch``. It is the end of the second part.
        """
        settled = self.epoch_config.stake_distribution_stabilization + self.epoch_config.period_nonce_buffer
        return self.stake_snapshot_slot(epoch) + settled * self.consensus_config.base_period_length

    def stake_snapshot_slot(self, epoch: int) -> int:
        """Return the slot at which the stake distribution of ``epoch`` is fixed: the first slot of the epoch before, or
        0.
        """
        return self.epoch_starting_slot(max(epoch - 1, 0))
