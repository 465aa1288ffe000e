"""Who checks the real zero-knowledge signatures of the golden transactions."""

from __future__ import annotations

import pytest

from nomos_core.proofs.prover import Verifier
from support.inputs.golden import golden_path


@pytest.fixture(scope="session")
def groth16_verifier() -> Verifier:
    pytest.importorskip("groth16py", reason="checks real proofs: install the extra [groth16]")
    from nomos_core.proofs.groth16 import Groth16Verifier

    return Groth16Verifier(golden_path("zksign_verification_key.json"))
