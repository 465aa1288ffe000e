"""The epoch tables of the real node's ledger configuration."""

import pytest

from nomos_core.cryptarchia.epochs import ConsensusConfig, EpochConfig, EpochSchedule
from support.inputs.golden import Golden, entries


def schedule_of(entry: Golden) -> EpochSchedule:
    parts = entry["epoch_config"].value
    return EpochSchedule(
        EpochConfig(
            parts["stake_distribution_stabilization"],
            period_nonce_buffer=parts["nonce_buffer"],
            period_nonce_stabilization=parts["nonce_stabilization"],
        ),
        ConsensusConfig(entry["security_param"].value, entry["active_slot_coeff"].value),
    )


@pytest.mark.parametrize("entry", entries("leadership.json", "epochs"))
def test_epochs(entry: Golden) -> None:
    schedule = schedule_of(entry)
    assert schedule.consensus_config.base_period_length == entry["base_period_length"].value
    assert schedule.consensus_config.density_window == entry["s"].value
    assert schedule.epoch_length == entry["epoch_length"].value
    for slot, epoch in entry["epoch_of_slot"].value:
        assert schedule.epoch_of(slot) == epoch
    for epoch, slot in entry["epoch_starting_slot"].value:
        assert schedule.epoch_starting_slot(epoch) == slot
    for epoch, slot in entry["nonce_snapshot_slot"].value:
        assert schedule.nonce_snapshot_slot(epoch) == slot
    for epoch, slot in entry["stake_snapshot_slot"].value:
        assert schedule.stake_snapshot_slot(epoch) == slot
