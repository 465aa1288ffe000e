"""Poseidon2 in the compiled permutation, ``_poseidon2.c``, which is built when the project is installed.

The library is called through ctypes: no interpreter version is built in. A call that does much work releases the GIL; a
short one keeps it, because a thread that gives it up among busy ones waits milliseconds to get it back.
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
LIBRARY: Final = os.path.join(os.path.dirname(__file__), "_poseidon2.so")

_ABI_VERSION: Final = 1
_WIDTH: Final = 3
_LONG_CALL: Final = 64
"""From so many permutations on (about a third of a millisecond) a call releases the GIL."""


class AcceleratorUnavailable(ImportError):
    """The compiled permutation was not built, or is not the one that belongs to this version of the project."""


class CompiledPermutation:
    """The functions of one loaded library."""

    NAME: Final = NAME

    def __init__(self, library: str = LIBRARY) -> None:
        """
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
        out = ctypes.create_string_buffer(_WIDTH * BYTES)
        self._short.nomos_poseidon2_permute(_packed(state), out)
        first, second, third = _unpacked(out.raw)
        return first, second, third

    def compress_pairs(self, pairs: Sequence[tuple[int, int]]) -> list[int]:
        count = len(pairs)
        out = ctypes.create_string_buffer(count * BYTES)
        packed = _packed(element for pair in pairs for element in pair)
        self.library_for(count).nomos_poseidon2_compress(packed, ctypes.c_size_t(count), out)
        return _unpacked(out.raw)

    def absorb_many(self, rows: Sequence[Sequence[int]]) -> list[int]:
        return self.absorb_rows(rows).absorb(())

    def absorb_rows(self, rows: Sequence[Sequence[int]]) -> _States:
        lengths = array("I", map(len, rows))
        states = ctypes.create_string_buffer(len(rows) * _WIDTH * BYTES)
        packed = _packed(element for row in rows for element in row)
        self.library_for(sum(lengths)).nomos_poseidon2_absorb(
            packed, lengths.tobytes(), ctypes.c_size_t(len(rows)), states
        )
        return _States(self, states, len(rows))

    def library_for(self, permutations: int) -> ctypes.CDLL:
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
