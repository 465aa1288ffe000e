"""Parameters of the polynomial commitments (KZG), read from the file that all nodes of a network share.

The file is arkworks' ``UniversalParams`` of BLS12-381, uncompressed: 64-bit little-endian counts and keys, and points
in the ZCash form::

    count n, n points g^(tau^i)              96 bytes each
    count m, m x (key, gamma^(tau^i))        8 + 96
    h, h^tau                                 192 each
    count k, k x (key, h^(-tau^i))           8 + 192

Loading checks the whole layout but decodes only five points. The powers are decoded when a number of columns first
needs them. Every point that is used is checked: it is on the curve, in the group, and not infinity.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Final, TypeVar

from py_arkworks_bls12381 import GT, G1Point, G2Point

from nomos_core.da.commitment_basis import CommitmentBasis
from nomos_core.da.points import UNCOMPRESSED_BYTES

G1_BYTES: Final = UNCOMPRESSED_BYTES
"""Length of an uncompressed point of the first group."""
G2_BYTES: Final = 2 * G1_BYTES
"""Length of an uncompressed point of the second group."""
WORD_BYTES: Final = 8
"""Length of a count or a key."""
MAX_POWERS: Final = 1 << 17
"""Powers that a file may have. It is more than any number of columns: share indices have 16 bits."""
# Each power takes 96 + 104 + 200 bytes in the three lists.
_MAX_FILE_BYTES: Final = MAX_POWERS * 400 + 4096
_COORDINATE: Final = G1_BYTES // 2
Point = TypeVar("Point", G1Point, G2Point)
_REMEDY: Final = "generate a file with `nomos-testing kzg-params` or name another one"


class KzgParamsError(ValueError):
    """Refusal of a file that is missing, has another layout or holds no points. The message says which and where."""


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """Points with which a proof is checked."""

    g: G1Point
    """Generator of the first group: power 0 of ``tau``."""
    gamma_g: G1Point
    """First power of gamma. Blinding would need it; the protocol does not use it."""
    h: G2Point
    """Generator of the second group."""
    beta_h: G2Point
    """``h^tau``."""


class KzgParams:
    """Commitment parameters.

    They are safe to share between threads. A basis is made once for each number of columns.
    """

    def __init__(self, powers: bytes, verification_key: VerificationKey, source: str) -> None:
        """Take the points ``g^(tau^i)`` as the file has them, and the key made from the file."""
        self.verification_key = verification_key
        self._powers = powers
        self._source = source
        self._bases: dict[int, CommitmentBasis] = {}
        self._lock = Lock()

    @classmethod
    def load(cls, path: Path) -> KzgParams:
        """Read the parameters from a file.

        Raises:
            KzgParamsError: no readable file, or no parameters in it.
        """
        try:
            size = path.stat().st_size
            if size > _MAX_FILE_BYTES:
                raise KzgParamsError(f"{path} has {size} bytes, at most {_MAX_FILE_BYTES} are expected; {_REMEDY}")
            data = path.read_bytes()
        except OSError as error:
            raise KzgParamsError(f"the KZG parameters {path} can't be read: {error.strerror}; {_REMEDY}") from None
        return cls.parse(data, str(path))

    @classmethod
    def parse(cls, data: bytes, source: str) -> KzgParams:
        """Read the parameters from the contents of a file. ``source`` names the file in errors.

        Raises:
            KzgParamsError: the bytes have another layout, or a point that is needed at once is invalid.
        """
        return _LayoutReader(data, source).params()

    @property
    def power_count(self) -> int:
        """Number of powers of ``tau``: the greatest number of columns."""
        return len(self._powers) // G1_BYTES

    def powers(self, count: int) -> list[G1Point]:
        """Return the first ``count`` powers as points.

        Raises:
            KzgParamsError: the file has fewer, or one of them is not a point.
        """
        if count > self.power_count:
            raise KzgParamsError(f"{self._source} has {self.power_count} powers, {count} are needed; {_REMEDY}")
        starts = range(0, count * G1_BYTES, G1_BYTES)
        return [read_g1(self._powers[start : start + G1_BYTES], start + WORD_BYTES, self._source) for start in starts]

    def basis(self, columns: int) -> CommitmentBasis:
        """Return the basis for commitments to rows of ``columns`` values and for the proofs of the columns.

        Raises:
            ValueError: ``columns`` is not a power of two from 2 to the number of powers.
        """
        if columns < 2 or columns & (columns - 1) or columns > self.power_count:
            raise ValueError(
                f"a blob can't have {columns} columns: expected a power of two from 2 to {self.power_count}, "
                f"the number of powers in {self._source}"
            )
        with self._lock:
            if columns not in self._bases:
                self._bases[columns] = CommitmentBasis(self.powers(columns))
            return self._bases[columns]


class _LayoutReader:
    """Reader of the sections of the file. It checks every count against the bytes that are left."""

    def __init__(self, data: bytes, source: str) -> None:
        self._data = data
        self._source = source
        self._at = 0

    def params(self) -> KzgParams:
        powers = self._section("powers of g", G1_BYTES, least=2)
        gammas = self._section("powers of gamma", WORD_BYTES + G1_BYTES, least=1)
        gamma_at = self._at - len(gammas) + WORD_BYTES
        h_at = self._at
        g2_points = self._take(2 * G2_BYTES, "the points h and h^tau")
        self._section("negative powers of h", WORD_BYTES + G2_BYTES, least=0)
        if self._at != len(self._data):
            raise self._error(f"{len(self._data) - self._at} bytes follow the last section")
        key = VerificationKey(
            g=read_g1(powers[:G1_BYTES], WORD_BYTES, self._source),
            gamma_g=read_g1(gammas[WORD_BYTES : WORD_BYTES + G1_BYTES], gamma_at, self._source),
            h=read_g2(g2_points[:G2_BYTES], h_at, self._source),
            beta_h=read_g2(g2_points[G2_BYTES:], h_at + G2_BYTES, self._source),
        )
        second = read_g1(powers[G1_BYTES : 2 * G1_BYTES], WORD_BYTES + G1_BYTES, self._source)
        if not GT.pairing_check([second, -key.g], [key.h, key.beta_h]):
            raise self._error("the powers of g and the point h^tau belong to different set-ups")
        return KzgParams(powers, key, self._source)

    def _section(self, name: str, entry_bytes: int, least: int) -> bytes:
        count = int.from_bytes(self._take(WORD_BYTES, f"the number of {name}"), "little")
        if not least <= count <= MAX_POWERS:
            raise self._error(f"{count} {name} at offset {self._at - WORD_BYTES}, expected {least} to {MAX_POWERS}")
        return self._take(count * entry_bytes, f"{count} {name}")

    def _take(self, size: int, what: str) -> bytes:
        start, self._at = self._at, self._at + size
        if self._at > len(self._data):
            raise self._error(f"{what} need {size} bytes at offset {start}, the file ends at {len(self._data)}")
        return self._data[start : self._at]

    def _error(self, text: str) -> KzgParamsError:
        return KzgParamsError(f"{self._source} holds no KZG parameters: {text}; {_REMEDY}")


def read_g1(data: bytes, offset: int, source: str) -> G1Point:
    """Read an uncompressed point of the first group. ``offset`` and ``source`` name its place in errors.

    Raises:
        KzgParamsError: no point of the first group, or infinity.
    """
    return _checked(G1Point.from_xy_bytes_be, data, G1Point.identity(), offset, source)


def read_g2(data: bytes, offset: int, source: str) -> G2Point:
    """Read an uncompressed point of the second group. The imaginary part of each coordinate comes first.

    Raises:
        KzgParamsError: no point of the second group, or infinity.
    """
    x1, x0, y1, y0 = (data[start : start + _COORDINATE] for start in range(0, G2_BYTES, _COORDINATE))
    return _checked(G2Point.from_xy_bytes_be, x0 + x1 + y0 + y1, G2Point.identity(), offset, source)


def _checked(read: Callable[[bytes], Point], data: bytes, infinity: Point, offset: int, source: str) -> Point:
    try:
        point = read(data)
    except ValueError as error:
        raise KzgParamsError(f"{source} holds no point at offset {offset}: {error}; {_REMEDY}") from None
    if point == infinity:
        raise KzgParamsError(f"{source} holds the point at infinity at offset {offset}; {_REMEDY}")
    return point
