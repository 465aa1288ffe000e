"""Choice of a process's prover. It is made once, from the environment, alike in nodes and in the test framework.

``NOMOS_PROVER`` names the prover. If it is unset, the prover is groth16 where the circuits and the extra ``groth16``
are installed, else the development prover. The development prover proves nothing, so ``POL_PROOF_DEV_MODE`` must allow
it, also where it is named.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Final

from nomos_core.proofs.circuits import CIRCUITS_VARIABLE, Circuits, circuits_of
from nomos_core.proofs.development import DevelopmentProver
from nomos_core.proofs.prover import Prover

PROVER_VARIABLE: Final = "NOMOS_PROVER"
"""Environment variable that names the prover."""
DEVELOPMENT_MODE_VARIABLE: Final = "POL_PROOF_DEV_MODE"
"""Environment variable that allows the development prover."""

_OFF: Final = frozenset({"false", "0", "no"})


class ProverUnavailable(Exception):
    """Refusal where no prover can serve. The text names what is missing and what to do."""


def development_mode(environ: Mapping[str, str]) -> bool | None:
    """Return False where ``POL_PROOF_DEV_MODE`` is ``false``, ``0`` or ``no``, None where it is unset, else True."""
    value = environ.get(DEVELOPMENT_MODE_VARIABLE, "").strip().lower()
    return value not in _OFF if value else None


def select_prover(environ: Mapping[str, str]) -> Prover:
    """Return the prover that the environment chooses.

    Raises:
        ProverUnavailable: the wanted prover's files or permission are missing, or no prover has that name.
    """
    wanted = environ.get(PROVER_VARIABLE, "").strip().lower()
    circuits = circuits_of(environ)
    match wanted:
        case "groth16":
            if defect := _defect(circuits):
                raise ProverUnavailable(
                    f"{PROVER_VARIABLE}=groth16, but {defect}, or set {PROVER_VARIABLE}=development"
                )
            return _groth16(circuits)
        case "development":
            if not development_mode(environ):
                raise ProverUnavailable(
                    f"{PROVER_VARIABLE}=development needs {DEVELOPMENT_MODE_VARIABLE}=true, which is {_shown(environ)}"
                )
            return DevelopmentProver()
        case "":
            defect = _defect(circuits)
            return _groth16(circuits) if defect is None else _development_instead(environ, defect)
        case _:
            raise ProverUnavailable(f"{PROVER_VARIABLE} is {wanted!r}; expected development or groth16, or unset")


def _defect(circuits: Circuits) -> str | None:
    """Return the reason why groth16 can't serve, with the remedy; None if it can."""
    if defect := circuits.defect():
        return f"{defect}: install the circuits (scripts/setup-nomos-circuits.sh) or set {CIRCUITS_VARIABLE}"
    if find_spec("groth16py") is None:
        return "the package groth16py is missing: install logos-blockchain-testing[groth16]"
    return None


def _development_instead(environ: Mapping[str, str], defect: str) -> Prover:
    if not development_mode(environ):
        raise ProverUnavailable(
            f"{DEVELOPMENT_MODE_VARIABLE} is {_shown(environ)}, so real proofs are needed, but {defect}, "
            f"or set {DEVELOPMENT_MODE_VARIABLE}=true for proofs that prove nothing"
        )
    return DevelopmentProver()


def _groth16(circuits: Circuits) -> Prover:
    from nomos_core.proofs.groth16 import Groth16Prover, VerificationKeyError

    try:
        return Groth16Prover(circuits)
    except VerificationKeyError as error:
        raise ProverUnavailable(f"{error}: install the circuits again") from None


def _shown(environ: Mapping[str, str]) -> str:
    value = environ.get(DEVELOPMENT_MODE_VARIABLE)
    return "unset" if not value else repr(value)
