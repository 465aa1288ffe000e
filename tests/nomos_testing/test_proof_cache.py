"""Real proofs: made one at a time, kept for the next run, and never trusted unverified."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from nomos_core.identifiers import ZkSignature
from nomos_core.proofs.development import DevelopmentProver
from nomos_core.proofs.prover import ProofError
from nomos_testing.configgen import ConfigOptions, generate_topology
from nomos_testing.proof_cache import CachingProver, proof_directory
from nomos_testing.topology import TopologySpec, reserve_ports

KEYS = [3, 5]


class CountingProver(DevelopmentProver):
    """Knows how often it was asked, and how many proofs were in the making at once."""

    def __init__(self) -> None:
        self.made = 0
        self.most_at_once = 0
        self._at_once = 0
        self._lock = threading.Lock()
        self.together: threading.Barrier | None = None

    def sign(self, secret_keys: Sequence[int], message: int) -> ZkSignature:
        with self._lock:
            self.made += 1
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        if self.together is not None:
            self.together.wait(timeout=30)
        try:
            return super().sign(secret_keys, message)
        finally:
            with self._lock:
                self._at_once -= 1


@pytest.fixture
def prover() -> CountingProver:
    return CountingProver()


def caching(prover: CountingProver, directory: Path, identity: bytes = b"circuits") -> CachingProver:
    return CachingProver(prover, directory / "proofs", identity=identity)


def files(directory: Path) -> list[Path]:
    return sorted((directory / "proofs").glob("??/*"))


def test_a_proof_is_made_once_and_then_comes_from_the_cache(prover: CountingProver, tmp_path: Path) -> None:
    first = caching(prover, tmp_path).sign(KEYS, 7)
    assert caching(prover, tmp_path).sign(KEYS, 7) == first == DevelopmentProver().sign(KEYS, 7)
    assert prover.made == 1


@pytest.mark.parametrize(
    ("keys", "message", "identity"), [([3], 7, b"circuits"), (KEYS, 8, b"circuits"), (KEYS, 7, b"o")]
)
def test_other_inputs_and_other_circuits_are_other_proofs(
    prover: CountingProver, tmp_path: Path, keys: list[int], message: int, identity: bytes
) -> None:
    caching(prover, tmp_path).sign(KEYS, 7)
    caching(prover, tmp_path, identity).sign(keys, message)
    assert (prover.made, len(files(tmp_path))) == (2, 2)


@pytest.mark.parametrize("content", [b"", b"x" * 128, b"x" * 5000])
def test_a_damaged_or_foreign_file_is_made_anew(prover: CountingProver, tmp_path: Path, content: bytes) -> None:
    good = caching(prover, tmp_path).sign(KEYS, 7)
    (path,) = files(tmp_path)
    path.write_bytes(content)
    assert caching(prover, tmp_path).sign(KEYS, 7) == good
    assert (prover.made, path.read_bytes()) == (2, good)


def test_a_proof_of_something_else_in_its_place_is_made_anew(prover: CountingProver, tmp_path: Path) -> None:
    cache = caching(prover, tmp_path)
    other, good = cache.sign(KEYS, 8), cache.sign(KEYS, 7)
    for path in files(tmp_path):
        path.write_bytes(other)
    assert cache.sign(KEYS, 7) == good


def test_no_secret_is_in_the_cache(prover: CountingProver, tmp_path: Path) -> None:
    secret = 0x1234567890ABCDEF1234567890ABCDEF
    caching(prover, tmp_path).sign([secret], 7)
    (path,) = files(tmp_path)
    assert f"{secret:x}" not in str(path)
    assert secret.to_bytes(16, "big") not in path.read_bytes()
    assert secret.to_bytes(16, "little") not in path.read_bytes()


def test_a_cache_that_cannot_be_written_costs_time_only(prover: CountingProver, tmp_path: Path) -> None:
    (tmp_path / "proofs").write_text("a file is in the way")
    cache = caching(prover, tmp_path)
    assert cache.sign(KEYS, 7) == cache.sign(KEYS, 7)
    assert prover.made == 2


def test_proofs_are_made_one_at_a_time_but_for_where_all_processors_may_work(
    prover: CountingProver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    cache = caching(prover, tmp_path)
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda message: cache.sign(KEYS, message), range(6)))
        assert prover.most_at_once == 1
        prover.together = threading.Barrier(3)
        with cache.all_processors():
            list(pool.map(lambda message: cache.sign(KEYS, message), range(10, 16)))
        assert prover.most_at_once == 3
        prover.together = None
        prover.most_at_once = 0
        list(pool.map(lambda message: cache.sign(KEYS, message), range(20, 26)))
        assert prover.most_at_once == 1


def test_the_oldest_proofs_go(prover: CountingProver, tmp_path: Path) -> None:
    cache = caching(prover, tmp_path)
    for message in range(5):
        cache.sign(KEYS, message)
    cache.prune(most=3)
    assert len(files(tmp_path)) == 3


def test_two_runs_may_prune_at_once(prover: CountingProver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache, listed = caching(prover, tmp_path), Path.glob
    for message in range(3):
        cache.sign(KEYS, message)

    def pruned_meanwhile(directory: Path, pattern: str) -> Iterator[Path]:
        first, *others = listed(directory, pattern)
        first.unlink()
        yield from (first, *others)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "glob", pruned_meanwhile)
        cache.prune(most=1)
    assert len(files(tmp_path)) == 1


def test_what_cannot_be_deleted_stays(prover: CountingProver, tmp_path: Path) -> None:
    cache = caching(prover, tmp_path)
    cache.sign(KEYS, 7)
    (path,) = files(tmp_path)
    path.unlink()
    path.mkdir()
    cache.prune(most=0)
    assert files(tmp_path) == [path]


def test_the_end_of_all_processors_does_not_wait_for_proofs_in_the_making(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    begun, go_on = threading.Barrier(3), threading.Event()

    class Held(CountingProver):
        def sign(self, secret_keys: Sequence[int], message: int) -> ZkSignature:
            begun.wait(timeout=30)
            assert go_on.wait(timeout=30), "the end of the block waits for this proof"
            return super().sign(secret_keys, message)

    cache = caching(Held(), tmp_path)
    with ThreadPoolExecutor(2) as pool:
        with cache.all_processors():
            proofs = [pool.submit(cache.sign, KEYS, message) for message in range(2)]
            begun.wait(timeout=30)
        go_on.set()
        assert all(proof.result(timeout=30) for proof in proofs)


@pytest.mark.parametrize(("niceness", "expected"), [(0, 10), (15, 15)])
def test_proofs_are_made_at_low_priority_and_never_at_a_higher_one_than_the_run(
    tmp_path: Path, niceness: int, expected: int
) -> None:
    if os.nice(0) != 0:
        pytest.skip("the tests run at a niceness of their own")
    program = f"""
import os, pathlib, threading
from nomos_core.proofs.development import DevelopmentProver
from nomos_testing.proof_cache import CachingProver

class Telling(DevelopmentProver):
    def sign(self, secret_keys, message):
        print(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        return super().sign(secret_keys, message)

os.nice({niceness})
CachingProver(Telling(), pathlib.Path({str(tmp_path)!r}), identity=b"circuits").sign([3], 7)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout.strip(), done.stderr) == (str(expected), "")


def test_a_proof_that_cannot_be_made_says_so_and_the_next_one_is_tried(tmp_path: Path) -> None:
    class Broken(CountingProver):
        def sign(self, secret_keys: Sequence[int], message: int) -> ZkSignature:
            if not message:
                raise ProofError("no witness")
            return super().sign(secret_keys, message)

    cache = caching(Broken(), tmp_path)
    with pytest.raises(ProofError, match="no witness"):
        cache.sign(KEYS, 0)
    assert cache.sign(KEYS, 1)


def test_the_cache_is_the_users(tmp_path: Path) -> None:
    below = Path("logos-blockchain-testing/proofs")
    assert proof_directory({"XDG_CACHE_HOME": str(tmp_path)}) == tmp_path / below
    assert proof_directory({"XDG_CACHE_HOME": "relative", "HOME": str(tmp_path)}) == tmp_path / ".cache" / below


def test_genesis_proofs_are_made_on_all_processors_and_are_those_of_one(
    prover: CountingProver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    spec, made = TopologySpec(validators=2, executors=1, seed=1), list[Any]()
    signers: list[Any] = [DevelopmentProver(), caching(prover, tmp_path)]
    prover.together = threading.Barrier(2)
    with reserve_ports(3) as ports:
        for signer in signers:
            network = generate_topology(spec, ConfigOptions(kzg_params=tmp_path), ports=ports.nodes, prover=signer)
            made.append(network.genesis_tx)
    assert made[0] == made[1]
    assert (prover.made, prover.most_at_once) == (6, 2)
