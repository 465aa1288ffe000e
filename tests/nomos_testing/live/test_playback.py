"""A view follows the newest entry, or plays a run back."""

from __future__ import annotations

from pathlib import Path

import pytest

from nomos_testing.live.model import FaultState
from nomos_testing.live.playback import SPEEDS, Playback
from support.inputs.live_journals import run_of


@pytest.fixture
def over(tmp_path: Path) -> Playback:
    playback = Playback()
    playback.add(run_of(tmp_path))
    return playback


@pytest.fixture
def in_progress(tmp_path: Path) -> Playback:
    playback = Playback()
    playback.add([item for item in run_of(tmp_path) if item.at <= 4.0])
    return playback


def height(playback: Playback) -> int | None:
    return playback.state.nodes["validator-0"].height


def test_a_run_in_progress_is_followed(in_progress: Playback, tmp_path: Path) -> None:
    assert in_progress.following
    assert height(in_progress) == 3
    in_progress.advance(0.4)
    assert in_progress.position == 4.4
    in_progress.add([item for item in run_of(tmp_path) if 4.0 < item.at <= 6.6])
    assert (in_progress.position, height(in_progress)) == (6.5, 6)


def test_seeking_back_gives_the_state_of_that_moment(over: Playback) -> None:
    over.seek(3.6)
    assert (height(over), over.state.faults[1].state, over.state.outcome) == (3, FaultState.ACTIVE, "")
    over.seek(2.6)
    assert (height(over), over.state.faults[1].state) == (2, FaultState.PLANNED)
    over.seek(8.6)
    assert (height(over), over.state.faults[1].state) == (8, FaultState.RECOVERED)
    over.seek(-5.0)
    assert (over.position, over.following) == (0.0, False)


@pytest.mark.parametrize("speed", [0.5, 1.0, 4.0])
def test_the_position_moves_with_the_speed(over: Playback, speed: float) -> None:
    over.speed = speed
    over.seek(2.0)
    over.advance(1.5)
    assert over.position == 2.0 + 1.5 * speed


def test_a_paused_playback_stands(over: Playback) -> None:
    over.seek(2.0)
    over.toggle()
    over.advance(5.0)
    assert over.position == 2.0
    over.toggle()
    over.advance(1.0)
    assert over.position == 3.0


def test_a_playback_ends_at_the_end_and_starts_again_there(over: Playback) -> None:
    over.seek(11.0)
    over.advance(20.0)
    assert (over.following, over.state.outcome, over.position) == (True, "passed", 11.5)
    over.advance(20.0)
    assert over.position == 11.5
    over.toggle()
    assert (over.following, over.playing, over.position) == (False, True, 0.0)


def test_a_playback_that_reaches_a_run_in_progress_follows_it(in_progress: Playback, tmp_path: Path) -> None:
    in_progress.seek(1.0)
    in_progress.add([item for item in run_of(tmp_path) if 4.0 < item.at <= 5.0])
    assert (in_progress.following, in_progress.position) == (False, 1.0)
    in_progress.advance(60.0)
    assert in_progress.following
    assert height(in_progress) == 4


def test_pausing_a_run_in_progress_keeps_the_moment(in_progress: Playback, tmp_path: Path) -> None:
    in_progress.toggle()
    in_progress.add([item for item in run_of(tmp_path) if item.at > 4.0])
    in_progress.advance(3.0)
    assert (in_progress.position, height(in_progress), in_progress.playing) == (4.0, 3, False)


def test_speeds_have_ends(over: Playback) -> None:
    for _ in SPEEDS:
        over.faster()
    assert over.speed == SPEEDS[-1]
    for _ in SPEEDS:
        over.slower()
    assert over.speed == SPEEDS[0]
