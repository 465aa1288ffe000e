"""Zero-knowledge signatures as the real node makes them: Groth16 proofs of the circuit ``zksign`` over BN254.

The public inputs of the circuit are the 32 padded public keys and then the message. The witness comes from the bundle's
``witness_generator``. The proof comes from the bundle's ``prover`` if it is installed, else from groth16py in this
process. groth16py checks signatures. It is the optional extra ``groth16`` and is imported when a key is loaded.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from nomos_core.identifiers import ZkPublicKey, ZkSignature
from nomos_core.keys import zk_public_keys
from nomos_core.proofs.bn254_points import G1, G2, Groth16Proof, PointError, Q
from nomos_core.proofs.circuits import Circuits
from nomos_core.proofs.prover import MAX_KEYS, ProofError, ProverName, check_key_count, padded_public_keys
from nomos_core.proofs.verification_key import read_verification_key

if TYPE_CHECKING:
    import groth16py

_STEP_TIMEOUT_SECONDS: Final = 60.0
_WORD: Final = 32


class VerificationKeyError(ValueError):
    """Refusal of a verification key that is not that of zksign."""


class Groth16Verifier:
    """Verifier of signatures against one verification key."""

    name: Final[ProverName] = "groth16"

    def __init__(self, verification_key: Path) -> None:
        """Load the verification key from a snarkjs JSON file.

        Raises:
            VerificationKeyError: the file can't be read, or belongs to no circuit of this shape.
            ImportError: groth16py is not installed.
        """
        import groth16py

        try:
            key = read_verification_key(verification_key)
        except (OSError, ValueError, groth16py.EncodingError) as error:
            raise VerificationKeyError(f"{verification_key} is not a verification key: {error}") from None
        if key.n_public != MAX_KEYS + 1:
            raise VerificationKeyError(
                f"{verification_key} has {key.n_public} public inputs, that of zksign has {MAX_KEYS + 1}"
            )
        self._verifier = groth16py.Verifier(key)
        self._encoding_error = groth16py.EncodingError

    def verify(self, public_keys: Sequence[ZkPublicKey], message: int, signature: ZkSignature) -> bool:
        """Tell whether the signature proves knowledge of the secret keys of these public keys, for this message."""
        if len(public_keys) > MAX_KEYS:
            return False
        try:
            proof = Groth16Proof.decompress(signature)
            return self._verifier.verify(_ethereum_words(proof), [*padded_public_keys(public_keys), message])
        except (PointError, self._encoding_error):
            return False


class Groth16Prover(Groth16Verifier):
    """Prover with an installed circuit bundle. A signature takes a good part of a second."""

    def __init__(self, circuits: Circuits) -> None:
        super().__init__(circuits.verification_key)
        self._circuits = circuits

    def sign(self, secret_keys: Sequence[int], message: int) -> ZkSignature:
        """Make a signature with at most ``MAX_KEYS`` secret keys over a message, and check it.

        Raises:
            ValueError: more than ``MAX_KEYS`` keys.
            ProofError: a step failed, or the files of the bundle do not belong together.
        """
        check_key_count(len(secret_keys))
        with tempfile.TemporaryDirectory(prefix="zksign-") as directory:
            witness = self._witness(Path(directory), secret_keys, message)
            proof = self._proof(Path(directory), witness)
        signature = ZkSignature(proof.compress())
        if not self.verify(zk_public_keys(secret_keys), message, signature):
            raise ProofError(
                f"the proof made with {self._circuits.proving_key} does not verify against "
                f"{self._circuits.verification_key}: install the circuits again, all files from one bundle"
            )
        return signature

    def _witness(self, directory: Path, secret_keys: Sequence[int], message: int) -> Path:
        inputs, witness = directory / "input.json", directory / "witness.wtns"
        padded = [*secret_keys, *(MAX_KEYS - len(secret_keys)) * [0]]
        # The file holds secret keys, so only its owner may read it and its directory.
        inputs.touch(mode=0o600)
        inputs.write_text(json.dumps({"msg": str(message), "secret_keys": [str(key) for key in padded]}))
        _run(self._circuits.witness_generator, inputs, witness, result=witness)
        return witness

    def _proof(self, directory: Path, witness: Path) -> Groth16Proof:
        if os.access(self._circuits.prover, os.X_OK):
            return self._proof_by_program(directory, witness)
        return self._proof_in_process(witness)

    def _proof_by_program(self, directory: Path, witness: Path) -> Groth16Proof:
        proof, public = directory / "proof.json", directory / "public.json"
        _run(self._circuits.prover, self._circuits.proving_key, witness, proof, public, result=proof)
        try:
            # The program writes its whole buffer, so NUL bytes may follow the text.
            return _from_snarkjs(json.loads(proof.read_bytes().rstrip(b"\0")))
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise ProofError(f"{self._circuits.prover} wrote no snarkjs proof: {error!r}") from None

    def _proof_in_process(self, witness: Path) -> Groth16Proof:
        import groth16py

        try:
            return _from_ethereum_words(groth16py.prove_wtns(self._proving_key, str(witness)))
        except (groth16py.WitnessError, groth16py.SetupError, groth16py.EncodingError, ValueError) as error:
            raise ProofError(
                f"{self._circuits.proving_key} makes no proof of what {self._circuits.witness_generator} wrote: {error}"
            ) from None

    @cached_property
    def _proving_key(self) -> groth16py.ProvingKey:
        import groth16py

        try:
            return groth16py.import_zkey(str(self._circuits.proving_key))[0]
        except (groth16py.SetupError, groth16py.EncodingError, OSError) as error:
            raise ProofError(f"{self._circuits.proving_key} is not a proving key: {error}") from None


def _run(program: Path, *arguments: Path, result: Path) -> None:
    try:
        done = subprocess.run(
            [program, *arguments],
            cwd=result.parent,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_STEP_TIMEOUT_SECONDS,
            check=False,
        )
    except OSError as error:
        raise ProofError(f"{program} can't be started: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise ProofError(f"{program} was stopped after {_STEP_TIMEOUT_SECONDS:.0f} s") from None
    output = (done.stderr or done.stdout).decode(errors="replace").strip()[-500:] or "nothing"
    if done.returncode != 0:
        raise ProofError(f"{program} ended with exit code {done.returncode} and said: {output}")
    if not result.is_file():
        raise ProofError(f"{program} ended without writing {result.name} and said: {output}")


def _from_snarkjs(proof: Any) -> Groth16Proof:
    (ax, ay), (bx, by), (cx, cy) = (proof[name][:2] for name in ("pi_a", "pi_b", "pi_c"))
    return Groth16Proof(
        G1(_coordinate(ax), _coordinate(ay)),
        G2((_coordinate(bx[0]), _coordinate(bx[1])), (_coordinate(by[0]), _coordinate(by[1]))),
        G1(_coordinate(cx), _coordinate(cy)),
    )


def _coordinate(decimal: str) -> int:
    coordinate = int(decimal)
    if not 0 <= coordinate < Q:
        raise ValueError(f"expected a coordinate below the modulus of BN254, got {decimal}")
    return coordinate


def _ethereum_words(proof: Groth16Proof) -> bytes:
    """Return groth16py's form of a proof: big-endian words, the parts of a G2 coordinate in the order c1, c0."""
    a, b, c = proof.a, proof.b, proof.c
    words = (a.x, a.y, b.x[1], b.x[0], b.y[1], b.y[0], c.x, c.y)
    return b"".join(word.to_bytes(_WORD, "big") for word in words)


def _from_ethereum_words(data: bytes) -> Groth16Proof:
    words = [int.from_bytes(data[start : start + _WORD], "big") for start in range(0, len(data), _WORD)]
    ax, ay, bx1, bx0, by1, by0, cx, cy = words
    return Groth16Proof(G1(ax, ay), G2((bx0, bx1), (by0, by1)), G1(cx, cy))
