"""The protocol's random numbers for choices that every node has to make alike: a stream of Blake2b-512 digests.

``BlakeRng`` gives the bytes ``H(seed || 0) || H(seed || 1) || ...`` with the counter as ``u64`` little-endian; numbers
below a bound and Fisher-Yates shuffles are drawn from it as the ``rand`` 0.8 crate does.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from itertools import islice
from typing import Any, Protocol, Self, TypeVar

_U64_BITS = 64


class _Ordered(Protocol):
    def __lt__(self, other: Any, /) -> bool: ...


T = TypeVar("T")
Sortable = TypeVar("Sortable", bound=_Ordered)


class BlakeRng:
    """A deterministic stream; two of the same seed give the same."""

    def __init__(self, seed: bytes) -> None:
        """``seed`` has 64 bytes."""
        self._seed = seed
        self._counter = 0
        self._buffer = b""

    @classmethod
    def of_session(cls, session: int) -> Self:
        """The stream by which a session's members are assigned."""
        return cls(session_seed(session))

    def next_u64(self) -> int:
        if not self._buffer:
            self._buffer = blake2b(self._seed + self._counter.to_bytes(8, "little")).digest()
            self._counter += 1
        word, self._buffer = self._buffer[:8], self._buffer[8:]
        return int.from_bytes(word, "little")

    def up_to(self, highest: int) -> int:
        """Uniform in ``0 ... highest``: a product's high word, drawn again while its low word is in the biased rest."""
        count = highest + 1
        zone = (count << (_U64_BITS - count.bit_length())) - 1
        while True:
            high, low = divmod(self.next_u64() * count, 1 << _U64_BITS)
            if low <= zone:
                return high

    def shuffle(self, items: list[T]) -> None:
        for last in range(len(items) - 1, 0, -1):
            other = self.up_to(last)
            items[last], items[other] = items[other], items[last]

    def sample(self, items: Iterable[Sortable], size: int) -> list[Sortable]:
        """``size`` of the items, or all if there are fewer: the first of their shuffled ascending order."""
        ordered = sorted(items)
        self.shuffle(ordered)
        return list(islice(ordered, size))


def session_seed(session: int) -> bytes:
    """Blake2b-512 of the session number, ``u64`` little-endian."""
    return blake2b(session.to_bytes(8, "little")).digest()
