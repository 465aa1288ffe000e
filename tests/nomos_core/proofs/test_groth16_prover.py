"""Proving with a circuit bundle: through its programs, in this process, and what is said when a step fails."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nomos_core import field, keys
from nomos_core.identifiers import ZkSignature
from nomos_core.proofs.bn254_points import Groth16Proof
from nomos_core.proofs.circuits import Circuits
from nomos_core.proofs.groth16 import Groth16Prover, Groth16Verifier, VerificationKeyError
from nomos_core.proofs.prover import MAX_KEYS, ProofError
from support.inputs.golden import golden_path, load

groth16py = pytest.importorskip("groth16py", reason="the extra groth16 is not installed")

InstallProgram = Callable[[Path, str], None]


class RealSignature:
    """A signature of the real node whose secret keys are known."""

    def __init__(self, name: str) -> None:
        entry = next(entry for entry in load("zksign.json")["valid"] if entry["name"].value == name)
        self.secrets = [field.from_hex(text) for text in entry["secret_keys"].value]
        self.message = int(entry["message_dec"].value)
        self.signature = bytes.fromhex(entry["proof_hex"].value)

    def snarkjs(self) -> dict[str, Any]:
        proof = Groth16Proof.decompress(self.signature)
        return {
            "pi_a": [str(proof.a.x), str(proof.a.y), "1"],
            "pi_b": [[str(part) for part in proof.b.x], [str(part) for part in proof.b.y], ["1", "0"]],
            "pi_c": [str(proof.c.x), str(proof.c.y), "1"],
            "protocol": "groth16",
        }


def program_that_writes(text: str) -> str:
    """Takes the prover's arguments: key, witness, proof, public inputs."""
    return f"assert open(sys.argv[2]).read(); pathlib.Path(sys.argv[3]).write_text({text!r})"


def test_the_bundles_prover_gives_the_nodes_bytes(circuits: Circuits, install_program: InstallProgram) -> None:
    real = RealSignature("keys_2")
    install_program(circuits.prover, program_that_writes(json.dumps(real.snarkjs()) + "\0\0\0"))
    assert Groth16Prover(circuits).sign(real.secrets, real.message) == real.signature


def test_the_witness_generator_is_asked_as_the_node_asks_it(
    circuits: Circuits, install_program: InstallProgram, tmp_path: Path
) -> None:
    real = RealSignature("keys_2")
    asked = tmp_path / "asked.json"
    install_program(
        circuits.witness_generator,
        f"text = open(sys.argv[1]).read(); pathlib.Path({str(asked)!r}).write_text(text)\n"
        "pathlib.Path(sys.argv[2]).write_text('witness')",
    )
    install_program(circuits.prover, program_that_writes(json.dumps(real.snarkjs())))
    Groth16Prover(circuits).sign(real.secrets, real.message)
    assert json.loads(asked.read_text()) == {
        "msg": str(real.message),
        "secret_keys": [str(secret) for secret in real.secrets] + ["0"] * (MAX_KEYS - 2),
    }


def test_a_proof_that_does_not_verify_is_not_handed_out(circuits: Circuits, install_program: InstallProgram) -> None:
    real = RealSignature("keys_2")
    install_program(circuits.prover, program_that_writes(json.dumps(real.snarkjs())))
    with pytest.raises(ProofError, match=r"does not verify against .*: install the circuits again"):
        Groth16Prover(circuits).sign(real.secrets, real.message + 1)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("sys.exit('no such signal')", "ended with exit code 1 and said: no such signal"),
        ("sys.exit(3)", "ended with exit code 3 and said: nothing"),
        ("print('done')", "ended without writing witness.wtns and said: done"),
    ],
)
def test_a_failing_witness_generator_is_named_with_its_words(
    circuits: Circuits, install_program: InstallProgram, script: str, reason: str
) -> None:
    install_program(circuits.witness_generator, script)
    with pytest.raises(ProofError, match=f"{circuits.witness_generator} {reason}"):
        Groth16Prover(circuits).sign([1], 2)


def test_a_witness_generator_that_is_no_program_is_named(circuits: Circuits) -> None:
    circuits.witness_generator.write_text("garbage")
    with pytest.raises(ProofError, match=f"{circuits.witness_generator} can't be started: Exec format error"):
        Groth16Prover(circuits).sign([1], 2)


@pytest.mark.parametrize(
    "written",
    [
        "",
        "garbage",
        "[]",
        "{}",
        '{"pi_a": [], "pi_b": [], "pi_c": []}',
        '{"pi_a": ["x", "1"], "pi_b": [["1", "1"], ["1", "1"]], "pi_c": ["1", "1"]}',
        '{"pi_a": ["-1", "1"], "pi_b": [["1", "1"], ["1", "1"]], "pi_c": ["1", "1"]}',
    ],
)
def test_a_prover_that_writes_garbage_is_named(
    circuits: Circuits, install_program: InstallProgram, written: str
) -> None:
    install_program(circuits.prover, program_that_writes(written))
    with pytest.raises(ProofError, match=f"{circuits.prover} wrote no snarkjs proof"):
        Groth16Prover(circuits).sign([1], 2)


def test_a_broken_proving_key_is_named(circuits: Circuits) -> None:
    with pytest.raises(ProofError, match=f"{circuits.proving_key} is not a proving key"):
        Groth16Prover(circuits).sign([1], 2)


def test_no_more_keys_than_the_circuit_has(circuits: Circuits) -> None:
    with pytest.raises(ValueError, match="at most 32 keys"):
        Groth16Prover(circuits).sign([0] * (MAX_KEYS + 1), 2)


def test_a_verification_key_of_another_circuit_is_refused(tmp_path: Path) -> None:
    key = json.loads(golden_path("zksign_verification_key.json").read_text())
    other = tmp_path / "verification_key.json"
    other.write_text(json.dumps({**key, "nPublic": 4, "IC": key["IC"][:5]}))
    with pytest.raises(VerificationKeyError, match="has 4 public inputs, that of zksign has 33"):
        Groth16Verifier(other)
    with pytest.raises(VerificationKeyError, match=r"absent\.json is not a verification key"):
        Groth16Verifier(tmp_path / "absent.json")


@pytest.mark.parametrize("size", [0, 127, 128, 129])
def test_other_bytes_are_refused(circuits: Circuits, size: int) -> None:
    assert not Groth16Prover(circuits).verify([], 0, ZkSignature(bytes(size)))


# A circuit with zksign's public inputs in their order, but hardly any rule: its proofs are made and checked for real.
SHAPE_OF_ZKSIGN = """
pragma circom 2.0.0;
template Shape() {
    signal input public_keys[32];
    signal input msg;
    signal input free;
    signal square;
    square <== free * msg;
}
component main {public [public_keys, msg]} = Shape();
"""

WITNESS_OF_THE_SHAPE = """
import struct
from nomos_core import field, keys
asked = json.load(open(sys.argv[1]))
message = int(asked["msg"])
public_keys = [keys.zk_public_key(int(secret)) for secret in asked["secret_keys"]]
values = b"".join(field.to_bytes(value) for value in (1, *public_keys, message, 1, message))
header = struct.pack("<I", 32) + field.MODULUS.to_bytes(32, "little") + struct.pack("<I", len(values) // 32)
sections = [struct.pack("<IQ", kind, len(data)) + data for kind, data in ((1, header), (2, values))]
pathlib.Path(sys.argv[2]).write_bytes(b"wtns" + struct.pack("<II", 2, 2) + b"".join(sections))
"""


@pytest.fixture(scope="module")
def shape_keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    source = tmp_path_factory.mktemp("shape") / "shape.circom"
    source.write_text(SHAPE_OF_ZKSIGN)
    return groth16py.setup_circom(str(source))


@pytest.fixture
def shape_prover(
    shape_keys: tuple[Any, Any], circuits: Circuits, install_program: InstallProgram, monkeypatch: pytest.MonkeyPatch
) -> Groth16Prover:
    circuits.verification_key.write_text(shape_keys[1].to_json())
    install_program(circuits.witness_generator, WITNESS_OF_THE_SHAPE)
    monkeypatch.setattr(groth16py, "import_zkey", lambda path: shape_keys)
    return Groth16Prover(circuits)


def test_proofs_are_made_in_process_without_the_bundles_prover(shape_prover: Groth16Prover) -> None:
    signature = shape_prover.sign([5, 6], 7)
    public_keys = keys.zk_public_keys([5, 6])
    assert shape_prover.verify(public_keys, 7, signature)
    assert not shape_prover.verify(public_keys, 8, signature)
    assert not shape_prover.verify(public_keys[:1], 7, signature)


def test_a_witness_that_is_none_is_named(
    shape_prover: Groth16Prover, circuits: Circuits, install_program: InstallProgram
) -> None:
    install_program(circuits.witness_generator, "pathlib.Path(sys.argv[2]).write_text('garbage')")
    with pytest.raises(ProofError, match=f"makes no proof of what {circuits.witness_generator} wrote"):
        shape_prover.sign([5], 7)
