"""The lottery over many notes: which of several winners leads, and how often notes win."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nomos_core.cryptarchia.leadership import Lottery, development_constants, ticket
from nomos_core.identifiers import NoteId

SECRET, NONCE = 11, 7
NOTES = [(NoteId(number), 100) for number in range(1, 21)]
STAKE = 2000


def lottery(active_slot_coeff: float = 0.9) -> Lottery:
    return Lottery(NOTES, SECRET, NONCE, STAKE, active_slot_coeff)


def winners(slot: int) -> list[NoteId]:
    limit = development_constants(STAKE, 0.9).threshold(100)
    return [note_id for note_id, _ in NOTES if ticket(note_id, SECRET, NONCE, slot) < limit]


@pytest.mark.parametrize("slot", range(1, 15))
def test_the_first_winner_in_order_leads_and_spent_notes_are_passed_over(slot: int) -> None:
    won = winners(slot)
    unspent = {note_id for note_id, _ in NOTES}
    while won:
        assert lottery().winning_note(slot, unspent) == won[0]
        unspent.remove(won.pop(0))
    assert lottery().winning_note(slot, unspent) is None
    assert lottery().winning_note(slot) == next(iter(winners(slot)), None)


def test_more_wished_blocks_make_more_wins() -> None:
    rare, often = (sum(lottery(f).winning_note(slot) is not None for slot in range(40)) for f in (0.05, 0.9))
    assert rare < 10
    assert often > 20


@given(st.integers(0, 2**64 - 1))
def test_nobody_wins_without_notes(slot: int) -> None:
    assert Lottery([], SECRET, NONCE, STAKE, 0.9).winning_note(slot) is None


def test_a_lottery_without_stake_is_refused() -> None:
    with pytest.raises(ValueError, match="total stake of at least 1"):
        Lottery([], SECRET, NONCE, 0, 0.9)
