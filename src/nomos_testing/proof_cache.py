"""Real proofs that leave the processors to the nodes: made one at a time, at low priority, and kept for the next run.

A proof takes a good part of a second of a processor, and the nodes run on the same machine. So the framework makes one
at a time, except where nothing is being measured: ``all_processors`` lets all of them work, such as before the load of
a run starts. Proofs are kept in the user's cache directory under a hash of all that they depend on. What is read there
is verified: a damaged or foreign file is made anew.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from nomos_core.identifiers import ZkPublicKey, ZkSignature
from nomos_core.keys import zk_public_keys
from nomos_core.proofs.prover import SIGNATURE_BYTES, Prover, ProverName

MOST_PROOFS: Final = 20_000
"""Largest number of files in the cache, of 128 bytes each. The oldest are deleted."""
_NICENESS: Final = 10
_CACHED: Final = Path("logos-blockchain-testing") / "proofs"


def proof_directory(environ: Mapping[str, str]) -> Path:
    """Return ``logos-blockchain-testing/proofs`` below ``$XDG_CACHE_HOME``, or else below ``~/.cache``."""
    named = Path(environ.get("XDG_CACHE_HOME", ""))
    return (named if named.is_absolute() else Path(environ.get("HOME") or Path.home()) / ".cache") / _CACHED


class CachingProver:
    """A prover that keeps its proofs in ``directory``. ``identity`` distinguishes sets of circuits.

    Where the directory can't be written to, every proof is made anew.
    """

    def __init__(self, prover: Prover, directory: Path, *, identity: bytes) -> None:
        self._prover = prover
        self._directory = directory
        self._identity = identity
        self.processors = os.cpu_count() or 1
        self._turns = threading.Condition()
        self._at_once, self._most_at_once = 0, 1
        self._workers = ThreadPoolExecutor(self.processors, "proof", initializer=_lower_priority)

    @property
    def name(self) -> ProverName:
        return self._prover.name

    def verify(self, public_keys: Sequence[ZkPublicKey], message: int, signature: ZkSignature) -> bool:
        return self._prover.verify(public_keys, message, signature)

    def sign(self, secret_keys: Sequence[int], message: int) -> ZkSignature:
        """Return the signature from the cache, or make it in turn.

        Raises:
            ValueError: more than ``MAX_KEYS`` keys.
            ProofError: the proof could not be made.
        """
        path = self._path(secret_keys, message)
        kept = self._read(path, secret_keys, message)
        if kept is not None:
            return kept
        with self._turn():
            signature = self._workers.submit(self._prover.sign, secret_keys, message).result()
        self._keep(path, signature)
        return signature

    @contextmanager
    def all_processors(self) -> Iterator[None]:
        """Use all processors for proofs while the block runs.

        Leaving the block does not wait for proofs in the making: it is left in an event loop, too.
        """
        self._allow(self.processors - 1)
        try:
            yield
        finally:
            self._allow(1 - self.processors)

    def _allow(self, more: int) -> None:
        with self._turns:
            self._most_at_once += more
            self._turns.notify_all()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        with self._turns:
            self._turns.wait_for(lambda: self._at_once < self._most_at_once)
            self._at_once += 1
        try:
            yield
        finally:
            with self._turns:
                self._at_once -= 1
                self._turns.notify_all()

    def _path(self, secret_keys: Sequence[int], message: int) -> Path:
        # Only the hash is written: nothing of a key can be read from it.
        parts = [self._identity, *(key.to_bytes(32, "big") for key in secret_keys), message.to_bytes(32, "big")]
        digest = hashlib.sha256(b"".join(len(part).to_bytes(4, "big") + part for part in parts)).hexdigest()
        return self._directory / digest[:2] / digest

    def _read(self, path: Path, secret_keys: Sequence[int], message: int) -> ZkSignature | None:
        try:
            kept = ZkSignature(path.read_bytes())
        except OSError:
            return None
        if len(kept) != SIGNATURE_BYTES or not self._prover.verify(zk_public_keys(secret_keys), message, kept):
            return None
        with suppress(OSError):
            os.utime(path)  # it is one of the newest again
        return kept

    def _keep(self, path: Path, signature: ZkSignature) -> None:
        # A cache that can't be written to costs time, not a run.
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(dir=path.parent)
            with os.fdopen(descriptor, "wb") as file:
                file.write(signature)
            os.replace(name, path)

    def prune(self, most: int = MOST_PROOFS) -> None:
        """Delete the oldest proofs beyond ``most``. Proofs that cannot be deleted stay."""
        found: list[tuple[float, Path]] = []
        for entry in self._directory.glob("??/*"):
            # Another run may prune the same directory meanwhile.
            with suppress(OSError):
                found.append((entry.stat().st_mtime, entry))
        for _, entry in sorted(found)[: max(0, len(found) - most)]:
            with suppress(OSError):
                entry.unlink()


def _lower_priority() -> None:
    """Lower the priority of this thread.

    On Linux a thread has its own niceness, and programs that it starts inherit it.
    """
    thread = threading.get_native_id()
    # Only the superuser may take niceness back, so a run that is nicer already stays as it is.
    os.setpriority(os.PRIO_PROCESS, thread, max(_NICENESS, os.getpriority(os.PRIO_PROCESS, thread)))
