"""Choice between the compiled Poseidon2 permutation and the one on gmpy2."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class States(Protocol):
    """Sponges that have absorbed one row each."""

    def absorb(self, suffix: Sequence[int]) -> list[int]:
        """Return the first element of each state after the suffix. The states stay as they are."""
        ...


class Permutation(Protocol):
    """Interface of the two implementations. All elements are integers from 0 to ``field.MODULUS - 1``."""

    @property
    def NAME(self) -> str:
        """Name of the implementation, ``compiled`` or ``gmpy2``."""
        ...

    def permute(self, state: Sequence[int]) -> tuple[int, int, int]:
        """Return the permuted state. A state has three elements."""
        ...

    def compress_pairs(self, pairs: Sequence[tuple[int, int]]) -> list[int]:
        """Return the first element of the permuted state ``(left, right, 0)`` for every pair."""
        ...

    def absorb_many(self, rows: Sequence[Sequence[int]]) -> list[int]:
        """Return the first element of the sponge after each row, without a final ONE."""
        ...

    def absorb_rows(self, rows: Sequence[Sequence[int]]) -> States:
        """Return the sponges that have absorbed one row each."""
        ...


def select_permutation(wanted: str | None) -> Permutation:
    """Return the permutation of this name, ``compiled`` or ``gmpy2``.

    For None return the compiled one if it can be used, else the other.

    Raises:
        ImportError: ``compiled`` is wanted and can't be used.
        ValueError: no such permutation.
    """
    if wanted not in (None, "", "compiled", "gmpy2"):
        raise ValueError(f"NOMOS_POSEIDON2 is {wanted!r}; expected compiled or gmpy2, or leave it unset")
    if wanted == "gmpy2":
        return _on_gmpy2()
    from nomos_core.poseidon2_compiled import AcceleratorUnavailable, CompiledPermutation

    try:
        return CompiledPermutation()
    except AcceleratorUnavailable as reason:
        if wanted == "compiled":
            raise AcceleratorUnavailable(
                f"NOMOS_POSEIDON2 insists on the compiled Poseidon2, but {reason}. "
                "Install the project again where a C compiler is found, or unset NOMOS_POSEIDON2"
            ) from None
        return _on_gmpy2()


def _on_gmpy2() -> Permutation:
    from nomos_core import poseidon2_gmpy2

    return poseidon2_gmpy2
