"""Real proofs: made one at a time, kept for the next run, and never trusted unverified."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from nomos_core.identifiers import ZkSignature
from nomos_core.proofs.development import DevelopmentProver
from nomos_core.proofs.prover import ProofError
from nomos_testing import proof_cache
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
    monkeypatch.setattr(proof_cache.os, "cpu_count", lambda: 3)
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
    monkeypatch.setattr(proof_cache.os, "cpu_count", lambda: 2)
    spec, made = TopologySpec(validators=2, executors=1, seed=1), list[Any]()
    signers: list[Any] = [DevelopmentProver(), caching(prover, tmp_path)]
    prover.together = threading.Barrier(2)
    with reserve_ports(3) as ports:
        for signer in signers:
            network = generate_topology(spec, ConfigOptions(kzg_params=tmp_path), ports=ports.nodes, prover=signer)
            made.append(network.genesis_tx)
    assert made[0] == made[1]
    assert (prover.made, prover.most_at_once) == (6, 2)
