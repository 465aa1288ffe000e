"""The parameters file: what is read of it and what is said of a file that is none."""

from __future__ import annotations

import re
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from py_arkworks_bls12381 import GT

from nomos_core.da.kzg_generator import TEST_POWERS, generated_params, write_test_params
from nomos_core.da.kzg_params import G1_BYTES, G2_BYTES, MAX_POWERS, WORD_BYTES, KzgParams, KzgParamsError

SMALL_POWERS = 17
"""Of the small set-up."""
GAMMAS_AT = WORD_BYTES + SMALL_POWERS * G1_BYTES
H_AT = GAMMAS_AT + WORD_BYTES + (SMALL_POWERS + 1) * (WORD_BYTES + G1_BYTES)
NEGATIVES_AT = H_AT + 2 * G2_BYTES
PROTOCOLS_FILE_BYTES = 3_277_712


def changed(data: bytes, at: int, replacement: bytes) -> bytes:
    return data[:at] + replacement + data[at + len(replacement) :]


def refusal(data: bytes) -> str:
    with pytest.raises(KzgParamsError) as caught:
        KzgParams.parse(data, "the file")
    assert "the file" in str(caught.value)
    assert "nomos-testing kzg-params" in str(caught.value)
    return str(caught.value)


def test_a_made_file_is_a_set_up(small_params: KzgParams) -> None:
    key, powers = small_params.verification_key, small_params.powers(SMALL_POWERS)
    assert small_params.power_count == len(set(powers)) == SMALL_POWERS
    for power, following in pairwise(powers):
        assert GT.pairing_check([following, -power], [key.h, key.beta_h])


def test_a_seed_gives_one_file_and_another_seed_another(small_file: bytes) -> None:
    assert generated_params(SMALL_POWERS) == small_file
    assert generated_params(SMALL_POWERS, b"another") != small_file


def size(powers: int) -> int:
    words, keyed = 3 * WORD_BYTES, 2 * powers + 1
    return words + keyed * WORD_BYTES + (2 * powers + 1) * G1_BYTES + (powers + 2) * G2_BYTES


def test_the_layout_is_that_of_the_protocols_own_file(small_file: bytes) -> None:
    assert size(TEST_POWERS) == PROTOCOLS_FILE_BYTES
    assert len(small_file) == size(SMALL_POWERS)


def test_the_protocols_own_file_has_its_size(real_params_path: Path) -> None:
    assert real_params_path.stat().st_size == PROTOCOLS_FILE_BYTES


@pytest.mark.parametrize("powers", [-1, 0, 1, MAX_POWERS + 1])
def test_a_set_up_needs_a_sensible_number_of_powers(powers: int) -> None:
    with pytest.raises(ValueError, match=f"expected 2 to {MAX_POWERS}"):
        generated_params(powers)


def test_a_file_is_written_whole_with_its_folder(tmp_path: Path, small_file: bytes) -> None:
    path = tmp_path / "kzgrs_test_params" / "kzgrs_test_params"
    write_test_params(path, SMALL_POWERS)
    assert path.read_bytes() == small_file
    assert list(path.parent.iterdir()) == [path]
    assert KzgParams.load(path).power_count == SMALL_POWERS


def test_loading_is_quick_however_large_the_file(tmp_path: Path, small_file: bytes) -> None:
    file = tmp_path / "params"
    file.write_bytes(stretched(small_file, TEST_POWERS))
    assert file.stat().st_size == PROTOCOLS_FILE_BYTES
    start = time.process_time()  # of this process alone: others may be busy
    assert KzgParams.load(file).power_count == TEST_POWERS
    assert time.process_time() - start < 0.3


def stretched(data: bytes, powers: int) -> bytes:
    """The small file with so many powers, the later ones all the same."""

    def section(at: int, count: int, size: int) -> bytes:
        items = data[at + WORD_BYTES : at + WORD_BYTES + SMALL_POWERS * size]
        return count.to_bytes(WORD_BYTES, "little") + items + items[-size:] * (count - SMALL_POWERS)

    return (
        section(0, powers, G1_BYTES)
        + section(GAMMAS_AT, powers + 1, WORD_BYTES + G1_BYTES)
        + data[H_AT:NEGATIVES_AT]
        + section(NEGATIVES_AT, powers, WORD_BYTES + G2_BYTES)
    )


def test_a_missing_file_is_named_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(
        KzgParamsError,
        match=r"nothing_here can't be read: No such file.*; generate .* `nomos-testing kzg-params`",
    ):
        KzgParams.load(tmp_path / "nothing_here")


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(KzgParamsError, match="Is a directory"):
        KzgParams.load(tmp_path)


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "sparse"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(KzgParamsError, match="has 1099511627776 bytes, at most"):
        KzgParams.load(path)


def test_an_empty_file_ends_at_once() -> None:
    assert "the number of powers of g need 8 bytes at offset 0, the file ends at 0" in refusal(b"")


def test_bytes_after_the_last_section_are_refused(small_file: bytes) -> None:
    assert "1 bytes follow the last section" in refusal(small_file + b"\0")


@given(st.data())
def test_a_file_cut_anywhere_is_refused(small_file: bytes, data: st.DataObject) -> None:
    end = data.draw(st.integers(0, len(small_file) - 1))
    assert f"the file ends at {end}" in refusal(small_file[:end])


@pytest.mark.parametrize(
    ("at", "count"),
    [(0, 0), (0, 1), (0, 1 << 63), (GAMMAS_AT, 0), (GAMMAS_AT, MAX_POWERS + 1), (NEGATIVES_AT, 1 << 20)],
)
def test_an_impossible_count_is_named_with_its_offset(small_file: bytes, at: int, count: int) -> None:
    text = refusal(changed(small_file, at, count.to_bytes(WORD_BYTES, "little")))
    assert re.search(rf": {count} .* at offset {at}, expected", text)


@pytest.mark.parametrize("at", [WORD_BYTES, WORD_BYTES + G1_BYTES, GAMMAS_AT + 2 * WORD_BYTES, H_AT, H_AT + G2_BYTES])
def test_what_is_no_point_is_named_with_its_offset(small_file: bytes, at: int) -> None:
    flipped = bytes([small_file[at + 20] ^ 1])
    assert f"holds no point at offset {at}" in refusal(changed(small_file, at + 20, flipped))


@pytest.mark.parametrize(("at", "size"), [(WORD_BYTES, G1_BYTES), (H_AT, G2_BYTES)])
def test_infinity_is_no_parameter(small_file: bytes, at: int, size: int) -> None:
    assert f"the point at infinity at offset {at}" in refusal(changed(small_file, at, bytes(size)))


def test_parts_of_different_set_ups_are_refused(small_file: bytes) -> None:
    other = generated_params(SMALL_POWERS, b"another")
    mixed = changed(small_file, H_AT, other[H_AT : H_AT + 2 * G2_BYTES])
    assert "belong to different set-ups" in refusal(mixed)


def test_a_bad_power_is_found_when_it_is_needed(small_file: bytes) -> None:
    at = WORD_BYTES + 9 * G1_BYTES
    params = KzgParams.parse(changed(small_file, at, b"\x01" * G1_BYTES), "the file")
    assert params.basis(8).columns == 8
    with pytest.raises(KzgParamsError, match=f"no point at offset {at}"):
        params.basis(16)


def test_a_file_may_go_without_what_no_node_uses(small_file: bytes) -> None:
    """One gamma and no negative powers: what a verification key needs."""
    gammas = (1).to_bytes(WORD_BYTES, "little") + small_file[GAMMAS_AT + WORD_BYTES :][: WORD_BYTES + G1_BYTES]
    short = small_file[:GAMMAS_AT] + gammas + small_file[H_AT:NEGATIVES_AT] + bytes(WORD_BYTES)
    assert KzgParams.parse(short, "short").verification_key == KzgParams.parse(small_file, "whole").verification_key


def test_more_powers_than_there_are_cannot_be_had(small_params: KzgParams) -> None:
    with pytest.raises(KzgParamsError, match="small set-up has 17 powers, 18 are needed"):
        small_params.powers(SMALL_POWERS + 1)


@pytest.mark.parametrize("columns", [-2, 0, 1, 3, 6, 12, 32])
def test_columns_are_a_power_of_two_within_the_powers(small_params: KzgParams, columns: int) -> None:
    with pytest.raises(ValueError, match=r"can't have .* columns: expected a power of two from 2 to 17"):
        small_params.basis(columns)


def test_threads_share_one_basis(small_file: bytes) -> None:
    params = KzgParams.parse(small_file, "small")
    with ThreadPoolExecutor(4) as threads:
        bases = list(threads.map(params.basis, [16] * 8))
    assert all(basis is bases[0] for basis in bases)
