"""Which prover serves, and what is said when none can."""

from __future__ import annotations

from pathlib import Path

import pytest

from nomos_core.proofs import selection
from nomos_core.proofs.circuits import Circuits, circuits_of
from nomos_core.proofs.selection import ProverUnavailable, development_mode, select_prover


@pytest.fixture
def nowhere(tmp_path: Path) -> dict[str, str]:
    """An environment in which no circuits are installed."""
    return {"HOME": str(tmp_path)}


@pytest.fixture
def installed(circuits: Circuits) -> dict[str, str]:
    pytest.importorskip("groth16py", reason="the extra groth16 is not installed")
    return {"NOMOS_CIRCUITS": str(circuits.directory)}


@pytest.mark.parametrize(
    ("value", "expected"),
    [("true", True), ("1", True), ("yes", True), ("anything", True)]
    + [(value, False) for value in ("false", "0", "no", "FALSE", " no ")]
    + [("", None)],
)
def test_development_mode(value: str, expected: bool | None) -> None:
    assert development_mode({"POL_PROOF_DEV_MODE": value}) is expected


def test_development_mode_unset() -> None:
    assert development_mode({}) is None


def test_without_circuits_the_development_prover_serves_where_it_is_allowed(nowhere: dict[str, str]) -> None:
    assert select_prover({**nowhere, "POL_PROOF_DEV_MODE": "true"}).name == "development"
    assert select_prover({**nowhere, "POL_PROOF_DEV_MODE": "1", "NOMOS_PROVER": "development"}).name == "development"


@pytest.mark.parametrize("mode", [{}, {"POL_PROOF_DEV_MODE": "false"}, {"POL_PROOF_DEV_MODE": "0"}])
def test_without_circuits_and_development_mode_the_missing_file_is_named(
    nowhere: dict[str, str], mode: dict[str, str], tmp_path: Path
) -> None:
    with pytest.raises(ProverUnavailable) as failure:
        select_prover({**nowhere, **mode})
    message = str(failure.value)
    assert f"{tmp_path}/.nomos-circuits/zksign/witness_generator is missing" in message
    assert "POL_PROOF_DEV_MODE=true" in message
    assert "NOMOS_CIRCUITS" in message


def test_the_development_prover_is_never_used_unallowed(nowhere: dict[str, str]) -> None:
    with pytest.raises(
        ProverUnavailable, match="NOMOS_PROVER=development needs POL_PROOF_DEV_MODE=true, which is unset"
    ):
        select_prover({**nowhere, "NOMOS_PROVER": "development"})


def test_installed_circuits_are_used(installed: dict[str, str]) -> None:
    assert select_prover(installed).name == "groth16"
    assert select_prover({**installed, "POL_PROOF_DEV_MODE": "true"}).name == "groth16"
    assert select_prover({**installed, "NOMOS_PROVER": "groth16"}).name == "groth16"
    assert select_prover({**installed, "NOMOS_PROVER": "groth16", "POL_PROOF_DEV_MODE": "false"}).name == "groth16"


def test_installed_circuits_do_not_override_the_setting(installed: dict[str, str]) -> None:
    environ = {**installed, "NOMOS_PROVER": "development", "POL_PROOF_DEV_MODE": "true"}
    assert select_prover(environ).name == "development"


@pytest.mark.parametrize("missing", ["witness_generator", "proving_key", "verification_key"])
def test_an_incomplete_bundle_is_named_and_never_replaced_silently(
    installed: dict[str, str], circuits: Circuits, missing: str
) -> None:
    path: Path = getattr(circuits, missing)
    path.unlink()
    with pytest.raises(ProverUnavailable, match=f"NOMOS_PROVER=groth16, but {path} is missing: install the circuits"):
        select_prover({**installed, "NOMOS_PROVER": "groth16", "POL_PROOF_DEV_MODE": "true"})


def test_a_program_that_cannot_be_executed_is_named(installed: dict[str, str], circuits: Circuits) -> None:
    circuits.witness_generator.chmod(0o644)
    with pytest.raises(ProverUnavailable, match="witness_generator is not executable"):
        select_prover({**installed, "NOMOS_PROVER": "groth16"})


def test_the_missing_extra_is_named(installed: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "find_spec", lambda name: None)
    with pytest.raises(ProverUnavailable, match=r"logos-blockchain-testing\[groth16\]"):
        select_prover({**installed, "NOMOS_PROVER": "groth16"})
    assert select_prover({**installed, "POL_PROOF_DEV_MODE": "true"}).name == "development"


def test_a_broken_verification_key_is_named(installed: dict[str, str], circuits: Circuits) -> None:
    circuits.verification_key.write_text("{}")
    with pytest.raises(ProverUnavailable, match=f"{circuits.verification_key} is not a verification key"):
        select_prover(installed)


def test_an_unknown_prover_is_named(nowhere: dict[str, str]) -> None:
    with pytest.raises(ProverUnavailable, match="NOMOS_PROVER is 'plonk'; expected development or groth16"):
        select_prover({**nowhere, "NOMOS_PROVER": "plonk"})


def test_the_circuits_directory(tmp_path: Path) -> None:
    assert circuits_of({"HOME": "/home/alice"}).directory == Path("/home/alice/.nomos-circuits")
    assert circuits_of({"HOME": "/home/alice", "NOMOS_CIRCUITS": "/opt/circuits"}).directory == Path("/opt/circuits")
    assert circuits_of({"NOMOS_CIRCUITS": "circuits"}).directory == Path.cwd() / "circuits"
