"""What several tests of the protocol's primitives share."""

from __future__ import annotations

import pytest

from nomos_core import poseidon2_gmpy2
from nomos_core.poseidon2_compiled import AcceleratorUnavailable, CompiledPermutation
from nomos_core.poseidon2_selection import Permutation


@pytest.fixture(scope="session")
def compiled() -> CompiledPermutation:
    try:
        return CompiledPermutation()
    except AcceleratorUnavailable as reason:
        pytest.skip(f"the accelerator was not built here: {reason}")


@pytest.fixture(params=["compiled", "gmpy2"])
def permutation(request: pytest.FixtureRequest) -> Permutation:
    """Each implementation of Poseidon2 in turn."""
    return request.getfixturevalue("compiled") if request.param == "compiled" else poseidon2_gmpy2
