"""Generator of a parameters file for tests, in the layout of ``kzg_params``, from a seed that everybody knows.

NOT A TRUSTED SET-UP: whoever has the seed has ``tau`` and can prove anything. Use it only for your own networks. Nodes
share blobs only when they have the same file, and equal seeds give equal files.

``python -m nomos_core.da.kzg_generator FILE`` makes the file if it is missing.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, TypeVar

from py_arkworks_bls12381 import G1Point, G2Point, Scalar

from nomos_core.da.kzg_params import G2_BYTES, MAX_POWERS, WORD_BYTES, KzgParams, KzgParamsError
from nomos_core.da.points import uncompressed
from nomos_core.hashing import blake2b_256

TEST_POWERS: Final = 8193
"""Powers in the file of the protocol's own tests, and in the default file here."""
TEST_SEED: Final = b"logos-blockchain-testing KZG test set-up, not to be trusted"
"""Seed of the default file."""
_TAU_BYTES: Final = 16
"""Bytes of ``tau``. With half the size of a scalar the work takes half the time, and there is nothing to protect."""
_COORDINATE: Final = G2_BYTES // 4

Group = TypeVar("Group", G1Point, G2Point)


def generated_params(powers: int = TEST_POWERS, seed: bytes = TEST_SEED) -> bytes:
    """Return the contents of a file with ``powers`` powers of ``tau``. The default takes about four seconds.

    Raises:
        ValueError: ``powers`` is less than 2 or more than ``kzg_params.MAX_POWERS``.
    """
    if not 2 <= powers <= MAX_POWERS:
        raise ValueError(f"can't make a set-up of {powers} powers, expected 2 to {MAX_POWERS}")
    tau = Scalar.from_le_bytes_mod_order(_derived(seed, "tau")[:_TAU_BYTES])
    g = G1Point() * _scalar(seed, "g")
    gamma_g = G1Point() * _scalar(seed, "gamma")
    h = G2Point() * _scalar(seed, "h")
    # From the lowest power up: each step then multiplies with tau, which is half as long as its inverse.
    negative_powers = list(_powers(h * _power(tau.inverse(), powers - 1), tau, powers))[::-1]
    return b"".join(
        (
            _word(powers),
            *map(uncompressed, _powers(g, tau, powers)),
            _word(powers + 1),
            *(_word(key) + uncompressed(point) for key, point in enumerate(_powers(gamma_g, tau, powers + 1))),
            _g2_bytes(h),
            _g2_bytes(h * tau),
            _word(powers),
            *(_word(key) + _g2_bytes(point) for key, point in enumerate(negative_powers)),
        )
    )


def write_test_params(path: Path, powers: int = TEST_POWERS, seed: bytes = TEST_SEED) -> None:
    """Write the file, whole or not at all. Its folder is made if it is missing.

    Raises:
        OSError: the file can't be written.
        ValueError: as for ``generated_params``.
    """
    data = generated_params(powers, seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        unfinished.write_bytes(data)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def main(arguments: Sequence[str]) -> int:
    """Make the file that the only argument names, unless it exists and holds parameters. Return the exit code."""
    if len(arguments) != 1:
        print("usage: python -m nomos_core.da.kzg_generator FILE", file=sys.stderr)
        return 2
    path = Path(arguments[0])
    try:
        if path.exists():
            KzgParams.load(path)
            print(f"{path} is there already and holds KZG parameters; delete it to have it made anew")
            return 0
        write_test_params(path)
    except (OSError, KzgParamsError) as error:
        print(f"no KZG parameters at {path}: {error}", file=sys.stderr)
        return 1
    print(f"made {path}: a test set-up of {TEST_POWERS} powers, whose secret everybody knows. Not for real networks")
    return 0


def _derived(seed: bytes, name: str) -> bytes:
    return blake2b_256(name.encode(), b"\0", seed)


def _scalar(seed: bytes, name: str) -> Scalar:
    return Scalar.from_le_bytes_mod_order(_derived(seed, name))


def _power(base: Scalar, exponent: int) -> Scalar:
    return base.pow(Scalar(exponent))


def _powers(first: Group, factor: Scalar, count: int) -> Iterator[Group]:
    for _ in range(count):
        yield first
        first = first * factor


def _word(value: int) -> bytes:
    return value.to_bytes(WORD_BYTES, "little")


def _g2_bytes(point: G2Point) -> bytes:
    """Return the bytes of a point. The imaginary part of each coordinate comes first."""
    data = point.to_xy_bytes_be()
    x0, x1, y0, y1 = (data[start : start + _COORDINATE] for start in range(0, G2_BYTES, _COORDINATE))
    return x1 + x0 + y1 + y0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
