"""What the encoding of a blob costs, against the library's own operations on points; and what it costs the node's loop.

Run it with ``.venv/bin/python benchmarks/kzg.py``; it takes two to three minutes and needs a quiet machine. The blob
has 31 x 32 KiB, once in rows of one chunk (2 columns) and once in rows of 1024 (2048 columns).

- *commitments*: those of all rows, beside as many multi-scalar multiplications of the same size by the library alone.
- *proofs*: those of all columns, beside the time of the group operations that the algorithm needs, counted and priced
  one by one: ``n/2`` multiplications with values, two transforms of ``n`` points, ``n`` multiplications with indices
  between them, and ``n`` sums of three.
- *memory*: what the process holds before the first blob (with the parameters' bytes), after it, and after three more.
- *loop*: the longest that an event loop waited for a turn while ``nomos_node`` encoded the same blob, or the largest
  one whose shares can be sent.

Exit code 1 if commitments take more than 1.5 times the library's own.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

from py_arkworks_bls12381 import G1Point, Scalar

from nomos_core.da.commitment_basis import CommitmentBasis, combined
from nomos_core.da.dispersal_messages import max_blob_bytes
from nomos_core.da.encoding import chunk_rows, encode
from nomos_core.da.kzg_generator import write_test_params
from nomos_core.da.kzg_params import KzgParams
from nomos_core.da.shares import row_challenge
from nomos_node.da.kzg import Kzg, KzgSettings

DATA: Final = random.Random(7).randbytes(31 * 32 * 1024)
COLUMNS: Final = (2, 2048)
WORST_COMMITMENTS: Final = 1.5
BLOBS: Final = 3
MEGABYTE: Final = 1 << 20
_PRICED: Final = 256
"""Operations that are timed for the price of one."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds, and megabytes of resident memory."""

    columns: int
    rows: int
    basis: float
    commitments: float
    library: float
    proofs: float
    operations: float
    whole: float
    memory: tuple[float, float, float]
    loop: float
    loop_whole: float
    loop_bytes: int


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--params", type=Path, help="a file of KZG parameters (default: a test set-up, made first)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        params = arguments.params or Path(directory) / "kzgrs_test_params"
        if arguments.params is None:
            seconds, _ = _timed(lambda: write_test_params(params))
            print(f"a test set-up of 8193 powers was made in {seconds:.1f} s")
        # A process for each, so that neither's memory is in the other's figures.
        with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as pool:
            results = list(pool.map(measure, COLUMNS, [params] * len(COLUMNS)))
    _print(results)
    return int(any(result.commitments > WORST_COMMITMENTS * result.library for result in results))


def measure(columns: int, path: Path) -> Measured:
    params = KzgParams.load(path)
    before = _resident()
    basis_seconds, basis = _timed(lambda: params.basis(columns))
    rows = [[Scalar.from_le_bytes(chunk) for chunk in row] for row in chunk_rows(DATA, columns)]
    values = combined(rows, row_challenge([basis.commit(rows[0])]))
    basis.prove(values)  # makes the points that all proofs share
    commitments, library = _commitments(basis, rows, params.powers(len(rows[0])))
    proofs = statistics.median(_timed(lambda: basis.prove(values))[0] for _ in range(BLOBS))
    whole, _ = _timed(lambda: encode(DATA, basis))
    after = _resident()
    for _ in range(BLOBS):
        encode(DATA, basis)
    size = min(len(DATA), max_blob_bytes(columns) // 31 * 31)
    loop_whole, loop = asyncio.run(_loop_lag(Kzg(KzgSettings(path, columns)), DATA[:size]))
    return Measured(
        columns=columns,
        rows=len(rows),
        basis=basis_seconds,
        commitments=commitments,
        library=library,
        proofs=proofs,
        operations=_operations(columns),
        whole=whole,
        memory=(before, after, _resident()),
        loop=loop,
        loop_whole=loop_whole,
        loop_bytes=size,
    )


def _commitments(
    basis: CommitmentBasis, rows: Sequence[Sequence[Scalar]], points: Sequence[G1Point]
) -> tuple[float, float]:
    """The median of three rounds of each, in turns."""
    normal = [G1Point.from_xy_bytes_unchecked_be(point.to_xy_bytes_be()) for point in points]
    ours, library = [], []
    for _ in range(BLOBS):
        ours.append(_timed(lambda: [basis.commit(row) for row in rows])[0])
        library.append(_timed(lambda: [G1Point.multiexp_unchecked(normal, list(row)) for row in rows])[0])
    return statistics.median(ours), statistics.median(library)


def _operations(columns: int) -> float:
    """The seconds that the group operations of all proofs take, one after the other."""
    choice = random.Random(1)
    points = [G1Point() * _scalar(choice) for _ in range(_PRICED)]
    scalars = [_scalar(choice) for _ in range(_PRICED)]
    indices = [Scalar(choice.randrange(columns)) for _ in range(_PRICED)]
    pairs = list(zip(points, reversed(points), strict=True))
    multiplication = _timed(lambda: [point * scalar for point, scalar in zip(points, scalars, strict=True)])[0]
    by_index = _timed(lambda: [point * index for point, index in zip(points, indices, strict=True)])[0]
    addition = _timed(lambda: [a + b for a, b in pairs])[0]
    three = _timed(lambda: [G1Point.multiexp_unchecked(points[:3], scalars[:3]) for _ in range(_PRICED)])[0]
    levels = columns.bit_length() - 1
    multiplications = columns // 2 + 2 * (columns // 2 * (levels - 2) + 1)
    total = multiplications * multiplication + columns * by_index + 2 * columns * levels * addition + columns * three
    return total / _PRICED


def _scalar(choice: random.Random) -> Scalar:
    return Scalar.from_le_bytes_mod_order(choice.randbytes(32))


async def _loop_lag(kzg: Kzg, data: bytes) -> tuple[float, float]:
    """Seconds that the node takes for a blob, and the longest turn that its loop had to wait for meanwhile."""
    await kzg.encode(data)
    turns = [time.perf_counter()]

    async def turn() -> None:
        while True:
            await asyncio.sleep(0.001)
            turns.append(time.perf_counter())

    turning = asyncio.create_task(turn())
    start = time.perf_counter()
    await kzg.encode(data)
    whole = time.perf_counter() - start
    turning.cancel()
    await kzg.close()
    return whole, max(after - before for before, after in pairwise(turns))


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MEGABYTE


def _print(results: Sequence[Measured]) -> None:
    print(f"a blob of {len(DATA)} bytes, Python {sys.version.split()[0]}, {_processor()}\n")
    header = ("columns", "rows", "basis", "commitments", "library", "ratio", "proofs", "operations", "ratio", "whole")
    print("".join(f"{title:>13}" for title in header))
    for each in results:
        cells = (
            f"{each.columns}",
            f"{each.rows}",
            f"{each.basis:.2f} s",
            f"{each.commitments:.2f} s",
            f"{each.library:.2f} s",
            f"{each.commitments / each.library:.2f}",
            f"{each.proofs:.4f} s",
            f"{each.operations:.4f} s",
            f"{each.proofs / each.operations:.2f}",
            f"{each.whole:.2f} s",
        )
        print("".join(f"{cell:>13}" for cell in cells))
    for each in results:
        before, after, later = each.memory
        print(
            f"\n{each.columns} columns: {before:.0f} MB with the parameters, {after:.0f} MB after the first blob, "
            f"{later:.0f} MB after {BLOBS} more; a node encodes {each.loop_bytes} bytes in {each.loop_whole:.2f} s, "
            f"and its loop waits at most {1000 * each.loop:.0f} ms for a turn"
        )


def _processor() -> str:
    found = subprocess.run(["uname", "-m"], capture_output=True, text=True, check=True).stdout.strip()
    return f"{os.cpu_count()} processors, {found}"


if __name__ == "__main__":
    sys.exit(main())
