"""The leader lottery against the real node: constants, tickets, thresholds, and which slots a note wins."""

import pytest

from nomos_core import field
from nomos_core.cryptarchia.leadership import (
    Lottery,
    development_constants,
    negated_log,
    production_constants,
    ticket,
)
from nomos_core.identifiers import NoteId
from support.inputs.golden import Golden, entries


def element(entry: Golden) -> int:
    return field.from_hex(entry.value)


@pytest.mark.parametrize("entry", entries("leadership.json", "dev_constants"))
def test_development_constants(entry: Golden) -> None:
    f = entry["f"].value
    constants = development_constants(entry["total_stake"].value, f)
    assert str(negated_log(f)) == entry["neg_ln_1e18_dec"].value
    assert str(constants.t0) == entry["t0_dec"].value
    assert str(constants.t1) == entry["t1_dec"].value


@pytest.mark.parametrize("entry", entries("leadership.json", "production_constants"))
def test_production_constants(entry: Golden) -> None:
    constants = production_constants(entry["total_stake"].value)
    assert str(constants.t0) == entry["t0_dec"].value
    assert str(constants.t1) == entry["t1_dec"].value


@pytest.mark.parametrize("entry", entries("leadership.json", "lottery"))
def test_draw(entry: Golden) -> None:
    value, slot, total_stake, f = (entry[key].value for key in ("value", "slot", "total_stake", "f"))
    note_id, secret_key, nonce = NoteId(element(entry["note_id"])), element(entry["sk"]), element(entry["epoch_nonce"])
    drawn = ticket(note_id, secret_key, nonce, slot)
    development = development_constants(total_stake, f).threshold(value)
    production = production_constants(total_stake).threshold(value)
    assert drawn == element(entry["ticket"])
    assert development == element(entry["threshold_dev"])
    assert production == element(entry["threshold_production"])
    assert (drawn < development) is entry["wins_dev"].value
    assert (drawn < production) is entry["wins_production"].value
    lottery = Lottery([(note_id, value)], secret_key, nonce, total_stake, f)
    assert lottery.winning_note(slot) == (note_id if drawn < development else None)


@pytest.mark.parametrize("entry", entries("leadership.json", "runs"))
def test_slots_won_by_a_note(entry: Golden) -> None:
    assert entry["sk"].value == (b"ld".hex() + entry["node_id"].value[:28]).ljust(64, "0")
    note_id = NoteId(element(entry["note_id"]))
    lottery = Lottery(
        [(note_id, entry["value"].value)],
        element(entry["sk"]),
        element(entry["epoch_nonce"]),
        entry["total_stake"].value,
        entry["f"].value,
    )
    won = [slot for slot in range(1, 201) if lottery.winning_note(slot) == note_id]
    assert won == entry["winning_slots_1_to_200"].value
