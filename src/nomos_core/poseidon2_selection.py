"""The choice between the compiled Poseidon2 permutation and the one on gmpy2."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class States(Protocol):
    """Sponges that have absorbed one row each."""

    def absorb(self, suffix: Sequence[int]) -> list[int]: ...


class Permutation(Protocol):
    """What both implementations offer."""

    @property
    def NAME(self) -> str: ...

    def permute(self, state: Sequence[int]) -> tuple[int, int, int]: ...

    def compress_pairs(self, pairs: Sequence[tuple[int, int]]) -> list[int]: ...

    def absorb_many(self, rows: Sequence[Sequence[int]]) -> list[int]: ...

    def absorb_rows(self, rows: Sequence[Sequence[int]]) -> States: ...


def select_permutation(wanted: str | None) -> Permutation:
    from nomos_core import poseidon2_gmpy2

    return poseidon2_gmpy2
