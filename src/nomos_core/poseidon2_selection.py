"""The choice between the compiled Poseidon2 permutation and the one on gmpy2."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class States(Protocol):
    """Sponges that have absorbed one row each."""

    def absorb(self, suffix: Sequence[int]) -> list[int]:
        """The first element of each state after the suffix; the states stay as they are."""
        ...


class Permutation(Protocol):
    """What both implementations offer."""

    @property
    def NAME(self) -> str: ...

    def permute(self, state: Sequence[int]) -> tuple[int, int, int]: ...

    def compress_pairs(self, pairs: Sequence[tuple[int, int]]) -> list[int]: ...

    def absorb_many(self, rows: Sequence[Sequence[int]]) -> list[int]: ...

    def absorb_rows(self, rows: Sequence[Sequence[int]]) -> States: ...


def select_permutation(wanted: str | None) -> Permutation:
    """The permutation of that name (``compiled`` or ``gmpy2``); for None the compiled one if it can be used.

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
