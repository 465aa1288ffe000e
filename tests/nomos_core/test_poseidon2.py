"""Poseidon2's two permutations are one function, its batches are many single calls, and the right one is chosen."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nomos_core import field, poseidon2, poseidon2_gmpy2
from nomos_core.poseidon2_compiled import AcceleratorUnavailable, CompiledPermutation
from nomos_core.poseidon2_selection import select_permutation

near_the_modulus = st.integers(field.MODULUS - 4, field.MODULUS - 1)
with_full_or_empty_limbs = st.lists(st.sampled_from([0, 1, 2**64 - 1]), min_size=4, max_size=4).map(
    lambda limbs: sum(limb << 64 * position for position, limb in enumerate(limbs)) % field.MODULUS
)
elements = st.integers(0, field.MODULUS - 1) | st.integers(0, 2**64) | near_the_modulus | with_full_or_empty_limbs
rows = st.lists(st.lists(elements, max_size=5), max_size=6)


@given(st.tuples(elements, elements, elements))
def test_both_permutations_are_equal(compiled: CompiledPermutation, state: tuple[int, int, int]) -> None:
    assert compiled.permute(state) == poseidon2_gmpy2.permute(state)


@given(rows, st.lists(elements, max_size=3))
def test_both_implementations_give_equal_batches(
    compiled: CompiledPermutation, rows: list[list[int]], suffix: list[int]
) -> None:
    assert compiled.absorb_many(rows) == poseidon2_gmpy2.absorb_many(rows)
    assert compiled.absorb_rows(rows).absorb(suffix) == poseidon2_gmpy2.absorb_rows(rows).absorb(suffix)
    pairs = [(row[0], row[1]) for row in rows if len(row) > 1]
    assert compiled.compress_pairs(pairs) == poseidon2_gmpy2.compress_pairs(pairs)


@given(rows, st.lists(elements, max_size=3))
def test_a_batch_gives_what_single_calls_give(rows: list[list[int]], suffix: list[int]) -> None:
    assert poseidon2.absorb_many(rows) == [poseidon2.absorb(row) for row in rows]
    batch = poseidon2.StateBatch(rows)
    expected = [poseidon2.digest([*row, *suffix]) for row in rows]
    assert batch.finish(suffix) == expected
    assert batch.finish(suffix) == expected, "a finished batch can be finished again"


@given(elements, elements)
def test_compression_is_one_permutation(left: int, right: int) -> None:
    expected = poseidon2.permute((left, right, 0))[0]
    assert poseidon2.compress(left, right) == expected
    assert poseidon2.compress_pairs([(left, right), (right, left)])[0] == expected


def test_long_batches_equal_short_ones(compiled: CompiledPermutation) -> None:
    """From some length on a call releases the GIL, through another handle of the library."""
    pairs = [(index, field.MODULUS - 1 - index) for index in range(200)]
    assert compiled.compress_pairs(pairs) == [compiled.compress_pairs([pair])[0] for pair in pairs]


def test_a_long_batch_lets_other_threads_run(compiled: CompiledPermutation) -> None:
    batch = compiled.absorb_rows([[index] for index in range(1000)])
    suffix = [0] * 40
    thread = threading.Thread(target=batch.absorb, args=(suffix,))
    thread.start()
    turns = 0
    while thread.is_alive():
        turns += 1
        time.sleep(0.001)
    thread.join()
    assert turns > 10, "40,000 permutations take a quarter of a second; the interpreter was blocked for it"


def implementation_of_a_new_process(wanted: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", "from nomos_core import poseidon2; print(poseidon2.IMPLEMENTATION)"],
        env={**os.environ, "NOMOS_POSEIDON2": wanted},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_the_environment_chooses_the_implementation(compiled: CompiledPermutation) -> None:
    assert implementation_of_a_new_process("gmpy2") == "gmpy2"
    assert implementation_of_a_new_process("compiled") == compiled.NAME
    assert implementation_of_a_new_process("") == compiled.NAME


def test_an_unknown_implementation_is_refused() -> None:
    with pytest.raises(ValueError, match="NOMOS_POSEIDON2 is 'rust'; expected compiled or gmpy2"):
        select_permutation("rust")


@pytest.fixture
def no_library(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    missing = tmp_path / "_poseidon2.so"
    monkeypatch.setattr(CompiledPermutation.__init__, "__defaults__", (str(missing),))
    return missing


def test_without_a_library_gmpy2_serves(no_library: Path) -> None:
    assert select_permutation(None).NAME == "gmpy2"


def test_without_a_library_insisting_on_it_is_an_error(no_library: Path) -> None:
    with pytest.raises(AcceleratorUnavailable, match=f"insists on the compiled Poseidon2, but {no_library} can't be"):
        select_permutation("compiled")


def test_a_file_that_is_no_library_is_not_used(no_library: Path) -> None:
    no_library.write_text("no library")
    assert select_permutation(None).NAME == "gmpy2"
