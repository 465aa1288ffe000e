"""Poseidon2 by the compiled permutation ``_poseidon2.c``, which is built when the project is installed.

The library is called through ctypes, so it does not depend on a version of the interpreter. A call that does much work
releases the GIL. A short call keeps it: a thread that releases it among busy threads waits milliseconds to get it back.
"""

from __future__ import annotations

import ctypes
import os
from array import array
from collections.abc import Iterable, Sequence
from typing import Final

from nomos_core.field import BYTES
from nomos_core.poseidon2_constants import EXTERNAL_ROUND_CONSTANTS, INTERNAL_ROUND_CONSTANTS

NAME: Final = "compiled"
"""Name of this permutation."""
LIBRARY: Final = os.path.join(os.path.dirname(__file__), "_poseidon2.so")
"""Path of the compiled library."""

_ABI_VERSION: Final = 1
"""Version of the library's functions. A library left over from another version of the project is refused."""
_WIDTH: Final = 3
_LONG_CALL: Final = 64
"""Permutations from which on a call releases the GIL. So many take about a third of a millisecond."""


class AcceleratorUnavailable(ImportError):
    """Refusal of a compiled permutation that was not built, or that belongs to another version of the project."""


class CompiledPermutation:
    """Functions of one loaded library."""

    NAME: Final = NAME

    def __init__(self, library: str = LIBRARY) -> None:
        """Load the library and give it the constants.

        Raises:
            AcceleratorUnavailable: there is no library, it can't be loaded, or it is of another version.
        """
        try:
            self._long = ctypes.CDLL(library)
            self._short = ctypes.PyDLL(library)
            version = self._long.nomos_poseidon2_abi()
        except (OSError, AttributeError) as error:
            raise AcceleratorUnavailable(f"{library} can't be used: {error}") from None
        if version != _ABI_VERSION:
            raise AcceleratorUnavailable(f"{library} has version {version}, expected {_ABI_VERSION}")
        constants = (*(constant for row in EXTERNAL_ROUND_CONSTANTS for constant in row), *INTERNAL_ROUND_CONSTANTS)
        self._short.nomos_poseidon2_setup(_packed(constants))

    def permute(self, state: Sequence[int]) -> tuple[int, int, int]:
        """Return the permuted state."""
        out = ctypes.create_string_buffer(_WIDTH * BYTES)
        self._short.nomos_poseidon2_permute(_packed(state), out)
        first, second, third = _unpacked(out.raw)
        return first, second, third

    def compress_pairs(self, pairs: Sequence[tuple[int, int]]) -> list[int]:
        """Return the first element of the permuted state ``(left, right, 0)`` for every pair."""
        count = len(pairs)
        out = ctypes.create_string_buffer(count * BYTES)
        packed = _packed(element for pair in pairs for element in pair)
        self.library_for(count).nomos_poseidon2_compress(packed, ctypes.c_size_t(count), out)
        return _unpacked(out.raw)

    def absorb_many(self, rows: Sequence[Sequence[int]]) -> list[int]:
        """Return the first element of the sponge after each row, without a final ONE."""
        return self.absorb_rows(rows).absorb(())

    def absorb_rows(self, rows: Sequence[Sequence[int]]) -> _States:
        """Return the sponges that have absorbed one row each."""
        lengths = array("I", map(len, rows))
        states = ctypes.create_string_buffer(len(rows) * _WIDTH * BYTES)
        packed = _packed(element for row in rows for element in row)
        self.library_for(sum(lengths)).nomos_poseidon2_absorb(
            packed, lengths.tobytes(), ctypes.c_size_t(len(rows)), states
        )
        return _States(self, states, len(rows))

    def library_for(self, permutations: int) -> ctypes.CDLL:
        """Return the library for a call of so many permutations: the one that releases the GIL, or the one that keeps
        it.
        """
        return self._long if permutations >= _LONG_CALL else self._short


class _States:
    """Sponges in the library's own form, packed one after the other."""

    __slots__ = ("_count", "_permutation", "_states")

    def __init__(self, permutation: CompiledPermutation, states: ctypes.Array[ctypes.c_char], count: int) -> None:
        self._permutation = permutation
        self._states = states
        self._count = count

    def absorb(self, suffix: Sequence[int]) -> list[int]:
        out = ctypes.create_string_buffer(self._count * BYTES)
        library = self._permutation.library_for(self._count * len(suffix))
        library.nomos_poseidon2_finish(
            self._states, ctypes.c_size_t(self._count), _packed(suffix), ctypes.c_size_t(len(suffix)), out
        )
        return _unpacked(out.raw)


def _packed(elements: Iterable[int]) -> bytes:
    return b"".join([element.to_bytes(BYTES, "little") for element in elements])


def _unpacked(data: bytes) -> list[int]:
    return [int.from_bytes(data[start : start + BYTES], "little") for start in range(0, len(data), BYTES)]
