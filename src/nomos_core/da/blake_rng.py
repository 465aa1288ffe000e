"""Random numbers of the protocol, for choices that every node must make alike: a stream of Blake2b-512 digests.

``BlakeRng`` returns the bytes ``H(seed || 0) || H(seed || 1) || ...``, with the counter as ``u64`` little-endian.
Numbers below a bound and Fisher-Yates shuffles are drawn from it as the ``rand`` 0.8 crate draws them.
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
    """Deterministic stream of random numbers. Two streams of the same seed are equal."""

    def __init__(self, seed: bytes) -> None:
        """Start the stream of ``seed``, which has 64 bytes."""
        self._seed = seed
        self._counter = 0
        self._buffer = b""

    @classmethod
    def of_session(cls, session: int) -> Self:
        """Return the stream by which the members of a session are assigned to subnetworks."""
        return cls(session_seed(session))

    def next_u64(self) -> int:
        """Draw an integer from 0 to 2^64 - 1: the next eight bytes, little-endian."""
        if not self._buffer:
            self._buffer = blake2b(self._seed + self._counter.to_bytes(8, "little")).digest()
            self._counter += 1
        word, self._buffer = self._buffer[:8], self._buffer[8:]
        return int.from_bytes(word, "little")

    def up_to(self, highest: int) -> int:
        """Draw an integer from 0 to ``highest``, each with the same probability.

        It is the high word of a product. A draw whose low word is in the biased rest is repeated.
        """
        count = highest + 1
        zone = (count << (_U64_BITS - count.bit_length())) - 1
        while True:
            high, low = divmod(self.next_u64() * count, 1 << _U64_BITS)
            if low <= zone:
                return high

    def shuffle(self, items: list[T]) -> None:
        """Shuffle a list in place, from the last item to the first."""
        for last in range(len(items) - 1, 0, -1):
            other = self.up_to(last)
            items[last], items[other] = items[other], items[last]

    def sample(self, items: Iterable[Sortable], size: int) -> list[Sortable]:
        """Draw ``size`` of the items, or all if there are fewer.

        The items are sorted and shuffled, and the first ``size`` are returned.
        """
        ordered = sorted(items)
        self.shuffle(ordered)
        return list(islice(ordered, size))


def session_seed(session: int) -> bytes:
    """Return Blake2b-512 of the session number as ``u64`` little-endian."""
    return blake2b(session.to_bytes(8, "little")).digest()
